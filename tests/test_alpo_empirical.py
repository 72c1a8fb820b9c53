"""Observations on systems: consistency by domain, and two kinds of models, from finished runs."""

import pytest

from harness.cli import main as sandglass
from tests.loopback import Loopback
from tests.musc_server import MuscServer
from trainers.alpo.empirical import main


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Two systems, of which the second leaves a line of each chunk blank."""
    out = tmp_path_factory.mktemp("runs")
    whole, blank = MuscServer(), MuscServer("blank")
    with Loopback(lambda request: (blank if request["model"] == "blank" else whole)(request)) as server:
        blank._sources = whole._sources  # one server translates back for both
        for name in ("whole", "blank"):
            command = ["run", "musc_mini_en_de", "--model", f"openai/{name}", "--api-base", server.url]
            command += ["--strategy", "musc", "--protocol", "offline", "--seeds", "1", "--limit", "50"]
            command += ["--back-translator", "openai/back", "--back-translator-api-base", server.url]
            command += ["--judge", f"accuracy:model=openai/judge:scope=chunk:api_base={server.url}"]
            assert sandglass([*command, "--out", str(out / name)]) == 0
    return out


def test_consistency_by_domain(runs, capsys):
    assert main(["domains", str(runs / "whole"), str(runs / "blank")]) == 0
    header, _, *rows = capsys.readouterr().out.strip().split("\n")
    assert len(header.split("|")) > 4
    assert len(rows) == 2
    assert all("1.000" in row for row in rows)  # the server translates back word for word


def test_two_kinds_of_models(runs, capsys):
    assert main(["kinds", "--reasoning", str(runs / "whole"), "--chat", str(runs / "blank")]) == 0
    rows = capsys.readouterr().out.strip().split("\n")[2:]
    cells = next(row for row in rows if row.startswith("| accuracy_chunk")).split("|")[2:5]
    assert [float(cell.split()[0]) for cell in cells] == pytest.approx([80, 76.8, 3.2])


def test_runs_that_cannot_be_compared_are_refused(runs, tmp_path, capsys):
    assert main(["domains", str(tmp_path / "none")]) == 2
    assert main(["kinds", "--reasoning", str(runs / "whole"), "--chat", str(runs / "whole")]) == 2
    assert "One run is given twice" in capsys.readouterr().err
