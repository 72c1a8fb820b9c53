"""Triplets: how they are selected, kept and counted."""

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import UserError
from harness.records import dump
from tests.cpo_runs import line, written
from trainers.cpo import report, triplets
from trainers.cpo.outputs import Candidate, Outputs
from trainers.cpo.triplets import Triplet, read_triplets, select, usable, write_triplets

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


def test_triplets_come_back_as_they_were_written(tmp_path):
    made = (Triplet("1", "zh", "en", "你好", "Hello", "Hi", "A", "B", ("embed_qe",)),)
    write_triplets(tmp_path / "t.jsonl", made)
    assert read_triplets(tmp_path / "t.jsonl") == made
    with pytest.raises(UserError, match="language"):
        read_triplets(written(tmp_path / "u.jsonl", dump(replace(made[0], target=""))))


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
