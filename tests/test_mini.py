"""The mini set is what its card says: sixteen transcripts of ten, references inside their budgets."""

import json
from collections import Counter

import pytest

from harness.metrics.in_bounds import in_bounds
from harness.metrics.rho import syllable_ratio
from harness.syllables import COUNTERS, count
from harness.task import load_task


@pytest.fixture(params=["en", "de", "es"])
def task(request):
    return load_task(f"sandglass_mini_zh_{request.param}")


def test_references_are_inside_the_budget_by_both_counters(task):
    fits = [
        all(
            in_bounds(syllable_ratio(count(s.text, "zh", c), count(s.reference, task.target, c)), *task.bounds)
            for c in COUNTERS
        )
        for s in task.segments
    ]
    assert sum(fits) >= 0.9 * len(fits)


def test_sixteen_transcripts_of_ten_over_five_domains(task):
    assert set(Counter(s.cluster for s in task.segments).values()) == {10}
    assert len({s.cluster for s in task.segments}) == 16
    assert {s.domain for s in task.segments} == {"acgn", "film", "travel", "gaming", "knowledge"}


def test_mean_source_length_is_the_frozen_one(task):
    for counter, mu in task.mu.items():
        assert sum(count(s.text, "zh", counter) for s in task.segments) / 160 == pytest.approx(mu)


def test_events_are_labelled_with_words_of_the_segment(task):
    for segment in task.segments:
        assert 1 <= len(segment.events) <= 2
        for event in segment.events:
            assert event.predicate in segment.text
            assert all(argument.text in segment.text for argument in event.arguments)


def test_times_are_plausible(task):
    for segment in task.segments:
        assert 4 <= len(segment.text) / (segment.end - segment.start) <= 8
        assert segment.gap is None or 0 <= segment.gap < 1.5
    assert sum(s.gap is None for s in task.segments) == 16


def test_context_stays_within_the_transcript(task):
    first, second = task.segments[0], task.segments[1]
    assert first.before == () and second.before == (first.text,)
    assert task.segments[9].after == () and task.segments[10].before == ()


def test_limit_spreads_over_the_transcripts(task):
    assert len({s.cluster for s in task.limited(32).segments}) == 16
    assert task.limited(160) is task


def test_no_segment_is_of_the_published_data(task, sandglass_json):
    """No source stands in any text of the published file, whole or within a longer one."""
    rows = json.loads(sandglass_json.read_text(encoding="utf-8"))
    published = "\n".join(str(value) for row in rows for value in row.values())
    assert rows[0]["text_ocr_modify"] in published
    assert not [segment.text for segment in task.segments if segment.text in published]
