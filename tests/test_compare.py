"""``sandglass compare``: runs of one protocol, on the synthetic task and on WMT outputs, through the real commands."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from harness.cli import main
from harness.compare import compare
from harness.compare_reports import p_value
from harness.errors import UserError
from harness.jsonl import read_own
from harness.stats import paired_interval, sign_flip
from harness.stats.clusters import ClusterSums, cluster_sums
from harness.task import load_task
from tests.conftest import CORPORA

MINI = "sandglass_mini_zh_en"
WMT = CORPORA / "wmt" / "wmt22_outputs"


def scored(folder, name, texts, task=MINI, *more):
    """Score translations by the real command and return the run directory."""
    file = folder / f"{name}.jsonl"
    file.write_text("".join(json.dumps({"id": id_, "text": text}) + "\n" for id_, text in texts.items()))
    out = folder / "out" / name
    assert main(["score", str(task), "--translations", str(file), "--no-model", "--out", str(out), *more]) == 0
    return out


def compared(capsys, *folders, view="main", form="json", flips=999):
    capsys.readouterr()
    assert main(["compare", *map(str, folders), "--format", form, "--view", view, "--flips", str(flips)]) == 0
    shown = capsys.readouterr().out
    return json.loads(shown) if form == "json" else shown


@pytest.fixture(scope="module")
def references():
    return {segment.id: segment.reference for segment in load_task(MINI).segments}


@pytest.fixture(scope="module")
def scored_three(tmp_path_factory, references):
    folder = tmp_path_factory.mktemp("three")
    doubled = {id_: f"{text} {text}" for id_, text in references.items()}
    some = {id_: doubled[id_] if n % 3 == 0 else text for n, (id_, text) in enumerate(references.items())}
    named = {"reference": references, "doubled": doubled, "some": some}
    for name, texts in named.items():
        scored(folder, name, texts)
    return folder


@pytest.fixture
def three(tmp_path, scored_three):
    """The references, the same twice as long, and every third one twice as long."""
    shutil.copytree(scored_three, tmp_path, dirs_exist_ok=True)
    return [tmp_path / "out" / name for name in ("reference", "doubled", "some")]


def test_differences_are_those_of_the_stored_scores(three, capsys):
    report = compared(capsys, *three[:2], view="all")
    (comparison,) = report["comparisons"]
    found = {difference["metric"]: difference for difference in comparison["differences"]}
    sums = []
    for out in (three[1], three[0]):
        rows = list(read_own(next(out.rglob("scores.jsonl"))))
        sums.append(cluster_sums([row["statistics"]["ib"] for row in rows], [row["cluster"] for row in rows]))

    def ib(s, n):
        return s[:, 0] / s[:, 1]

    test, interval = sign_flip(ib, *sums, flips=999), paired_interval(ib, *sums)
    least = 1 / 1000  # none of the 999 flips is as large
    assert isinstance(sums[0], ClusterSums) and test.p == least
    assert found["ib"]["p"] == test.p and found["ib"]["difference"] == test.difference < -0.5
    assert (found["ib"]["low"], found["ib"]["high"]) == (interval.low, interval.high)
    assert found["ib"]["value"] - found["ib"]["first"] == pytest.approx(test.difference)
    assert found["rho_fwd"]["p"] == least and found["rho_fwd"]["p_holm"] is None
    judged = [d for d in found.values() if d["p_holm"] is not None]
    assert all(d["p_holm"] >= d["p"] for d in judged) and found["ib"]["p_holm"] <= len(judged) * least + 1e-12
    assert report["test"] == "cluster sign flip" and report["segments"] == 160 and report["clusters"] == 16


def test_segments_that_changed_verdict(three, references, capsys):
    report = compared(capsys, three[0], three[2])
    flips = [flip for flip in report["comparisons"][0]["flips"] if flip["metric"] == "ib"]
    assert report["verdict"] == "ib"
    third = {id_ for n, id_ in enumerate(references) if n % 3 == 0}
    assert flips and {flip["segment"] for flip in flips} <= third
    assert all(flip["first"] == 1 and flip["value"] == 0 for flip in flips)
    for flip in flips:
        text = references[flip["segment"]]
        assert (flip["first_text"], flip["text"], flip["better"]) == (text, f"{text} {text}", False) and flip["source"]
    assert {flip["metric"] for flip in report["comparisons"][0]["flips"]} >= {"ib", "over"}
    rows = {row["id"]: row for row in read_own(next(three[0].rglob("scores.jsonl")))}
    assert len(flips) == sum(rows[id_]["statistics"]["ib"][0] for id_ in third)


def test_a_run_against_its_copy_has_no_difference(tmp_path, references, capsys):
    folders = [scored(tmp_path, name, references) for name in ("one", "two")]
    (comparison,) = compared(capsys, *folders, view="all")["comparisons"]
    assert comparison["flips"] == []
    for difference in comparison["differences"]:
        assert difference["difference"] == 0 and difference["p"] == 1 and difference["better"] is None


def test_three_runs_are_ranked(three, capsys):
    report = compared(capsys, *three)
    assert report["labels"] == ["reference", "doubled", "some"]
    ranks = {rank["system"]: rank for rank in report["ranks"]}
    assert ranks["reference"]["value"] > ranks["some"]["value"] > ranks["doubled"]["value"]
    assert all(1 <= rank["low"] <= rank["high"] <= 3 for rank in ranks.values())


@pytest.mark.parametrize("view", ["main", "all", "paper"])
def test_tables(three, capsys, view):
    table = compared(capsys, *three, view=view, form="table")
    assert "doubled against reference" in table and "some against reference" in table
    assert "ranks by ib" in table and "protocol: task=sandglass_mini" in table and "lost" in table
    markdown = compared(capsys, *three, view=view, form="markdown")
    widths = {line.count("|") for line in markdown.splitlines() if line.startswith("|")}
    assert len(widths) == 1 and "Holm" in markdown


def test_better_and_worse(tmp_path, capsys):
    """One metric alone is not adjusted; the sign of the difference says which run is better."""
    references = {segment.id: segment.reference for segment in load_task(MINI).segments}
    folders = [scored(tmp_path, n, {i: t * k for i, t in references.items()}) for n, k in (("a", 1), ("b", 3))]
    found = compare(folders, lambda names: ["ib"]).comparisons[0].differences[0]
    assert found.p_holm == found.p == 1 / 10_001 and found.better is False
    assert compare(folders[::-1], lambda names: ["ib"]).comparisons[0].differences[0].better is True


def test_what_does_not_compare_is_refused(three, tmp_path, references):
    with pytest.raises(UserError, match="nothing to be compared"):
        compare(three[:1])
    with pytest.raises(UserError, match="given twice"):
        compare([three[0], three[0]])
    with pytest.raises(UserError, match="no folder"):
        compare([three[0], tmp_path / "none"])
    with pytest.raises(UserError, match="holds no finished run"):
        (tmp_path / "empty").mkdir()
        compare([three[0], tmp_path / "empty"])
    with pytest.raises(UserError, match="holds 3 finished runs"):
        compare([tmp_path / "out", three[0]])
    few = scored(tmp_path, "few", dict(references), MINI, "--limit", "12")
    with pytest.raises(UserError, match="different protocols: selection"):
        compare([three[0], few])
    other = scored(tmp_path, "phonetic", dict(references), MINI, "--protocol", "phonetic")
    with pytest.raises(UserError, match="different protocols: counter"):
        compare([three[0], other])
    assert main(["compare", *map(str, three), "--flips", "0"]) == 2


def test_damaged_and_unfinished_runs_are_refused(three):
    result = next(three[1].rglob("result.json"))
    data = json.loads(result.read_bytes())
    result.write_text(json.dumps(data | {"complete": False}))
    with pytest.raises(UserError, match="not complete"):
        compare(three[:2])
    result.write_text(json.dumps(data))
    scores = result.with_name("scores.jsonl")
    scores.write_text('{"id": "x"}\n')
    with pytest.raises(UserError, match="damaged"):
        compare(three[:2])


def test_on_the_command_line(three, capsys):
    folders = [str(folder) for folder in three[:2]]
    capsys.readouterr()
    assert main(["compare", *folders]) == 0
    assert "doubled against reference" in capsys.readouterr().out
    assert main(["compare", *folders, "--format", "json", "--view", "all", "--flips", "99"]) == 0
    assert json.loads(capsys.readouterr().out)["labels"] == ["reference", "doubled"]
    assert main(["compare", folders[0]]) == 2
    assert "nothing to be compared" in capsys.readouterr().err


def test_p_values_read_like_those_of_the_paper():
    published = CORPORA / "published" / "homura_table05_pvalues.csv"
    assert p_value(6.46e-03) == "6.46e-03" and p_value(8.2e-03) == "8.20e-03"
    if published.exists():
        assert p_value(6.46e-03) in published.read_text()


# Systems of a shared task: a task folder from sources and references, two outputs, two commands


@pytest.fixture
def wmt_task(tmp_path):
    """A task folder made of WMT22 Chinese-English, the first 300 lines, ten to a document."""
    if not WMT.exists():
        pytest.skip("the WMT22 outputs are not here (set SANDGLASS_CORPORA to the folder of the corpora)")
    sources = (WMT / "wmt-testset" / "zhen" / "test.zh-en.zh").read_text().splitlines()[:300]
    references = (WMT / "wmt-testset" / "zhen" / "test.zh-en.en").read_text().splitlines()[:300]
    folder = tmp_path / "wmt"
    folder.mkdir()
    rows = [
        {"id": f"{n:04}", "text": source, "video": f"d{n // 10:03}", "references": {"en": reference}}
        for n, (source, reference) in enumerate(zip(sources, references, strict=True))
    ]
    (folder / "segments.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    mean = {"pyphen": 40.0, "phonetic": 40.0}
    (folder / "task.toml").write_text(
        'schema = 2\nname = "wmt22_zh"\nversion = "1.0"\nsource_language = "zh"\nreader = "jsonl"\nsynthetic = false\n'
        '[data]\nfile = "segments.jsonl"\nsha256 = ""\n'
        f"[mu]\npyphen = {mean['pyphen']}\nphonetic = {mean['phonetic']}\n"
        "[targets.en]\nbounds = [0.8, 0.9]\nspeech_rates = [6.19, 4.44]\n"
    )
    card = (Path(__file__).parents[1] / "tasks" / "sandglass_mini" / "card.toml").read_text()
    (folder / "card.toml").write_text(card)
    return folder


def test_two_systems_of_a_shared_task(wmt_task, tmp_path, capsys):
    outs = []
    for system in ("GPT-4-1106-preview", "MADLAD-10B"):
        lines = (WMT / system / "zhen" / "test.zh-en.en").read_text().splitlines()[:300]
        file = tmp_path / f"{system}.txt"
        file.write_text("\n".join(lines) + "\n")
        out = tmp_path / "results" / system
        assert main(["score", str(wmt_task), "--translations", str(file), "--no-model", "--out", str(out)]) == 0
        outs.append(out)
    report = compared(capsys, *outs, view="all")
    found = {difference["metric"]: difference for difference in report["comparisons"][0]["differences"]}
    assert report["clusters"] == 30 and report["segments"] == 300
    rho = found["rho_fwd"]
    assert rho["low"] < rho["difference"] < rho["high"] and 0 < rho["p"] <= 1
    assert np.isfinite(found["ib"]["detectable"])
    assert "MADLAD-10B against GPT-4-1106-preview" in compared(capsys, *outs, form="table")
