"""Cues of two tracks paired by start time."""

from hypothesis import given
from hypothesis import strategies as st

from harness.subtitles.pairing import pair

STARTS = st.lists(st.integers(0, 2000).map(lambda ms: ms / 100), max_size=30)


def test_the_tolerance_itself_is_near_enough():
    assert pair([1.0], [1.5], 0.5) == [(0, 0)]
    assert pair([1.0], [1.51], 0.5) == []
    assert pair([2.0], [2.7]) == [(0, 0)]  # although 2.7 - 2.0 > .7 in floats


def test_equal_starts_and_disorder():
    assert pair([3.0, 1.0, 1.0], [1.0, 3.1]) == [(1, 0), (0, 1)]
    assert pair([], [1.0]) == pair([1.0], []) == []


def test_the_nearer_of_two_keeps_a_cue_and_the_earlier_of_equals():
    assert pair([1.0, 1.25], [1.3]) == [(1, 0)]
    assert pair([1.0, 1.5], [1.25]) == [(0, 0)]


@given(STARTS, STARTS)
def test_pairs_are_near_unique_nearest_and_never_cross(first, second):
    def apart(a, b):
        return round(abs(a - b), 6)

    pairs = pair(first, second)
    assert len({a for a, _ in pairs}) == len({b for _, b in pairs}) == len(pairs)
    for a, b in pairs:
        assert apart(first[a], second[b]) == min(apart(first[a], start) for start in second) <= 0.7
    assert sorted(first[a] for a, _ in pairs) == [first[a] for a, _ in pairs]
    assert sorted(second[b] for _, b in pairs) == [second[b] for _, b in pairs]
    paired = {second[b] for _, b in pairs}
    for start in first:  # what stays alone lost to a nearer cue, or is near nothing
        nearest = min((apart(start, other) for other in second), default=9)
        assert nearest > 0.7 or any(apart(start, other) == nearest for other in paired)
