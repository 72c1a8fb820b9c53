"""Near-duplicates: every pair under the stated definition, against comparison of all pairs in plain Python."""

import random
import unicodedata

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.corpus import near_duplicates as nd
from harness.corpus.texts import Ragged, code_points, concatenated, normalised, shingles

HAN = [chr(code) for code in range(0x4E00, 0x4E00 + 900)]


def grams(text, n):
    return {text[k : k + n] for k in range(max(1, len(text) - n + 1))} if text else set()


def plain_jaccard(a, b, n):
    one, two = grams(a, n), grams(b, n)
    return len(one & two) / max(1, len(one | two))


def plain_greedy(texts, rank, n, threshold):
    """What the definition says, pair by pair."""
    kept, removed = [], {}
    for k in sorted(range(len(texts)), key=lambda k: rank[k]):
        keeper = next((j for j in kept if texts[k] and plain_jaccard(texts[j], texts[k], n) >= threshold), None)
        if keeper is None:
            kept.append(k)
        else:
            removed[k] = keeper
    return removed


def planted(number, seed):
    """Random lines, of which a third return with one or two characters changed, put in or taken out."""
    rng = random.Random(seed)
    lines = ["".join(rng.choices(HAN, k=rng.randint(10, 28))) for _ in range(number)]
    for line in rng.sample(lines, number // 3):
        changed = list(line)
        for _ in range(rng.randint(0, 2)):
            k = rng.randrange(len(changed))
            changed[k : k + rng.randint(0, 1)] = rng.choices(HAN, k=rng.randint(0, 1))
        lines.append("".join(changed))
    rng.shuffle(lines)
    return lines


@settings(deadline=None)
@given(st.lists(st.text(alphabet="abcd天地", max_size=9), max_size=8), st.sampled_from([1, 2, 3]))
def test_shingles_are_the_sets_of_ngrams(texts, n):
    found = shingles(texts, n)
    assert found.sizes().tolist() == [len(grams(text, n)) for text in texts]
    pairs = np.array([[i, j] for i in range(len(texts)) for j in range(len(texts))], dtype=np.int64)
    pairs = pairs.reshape(-1, 2)
    assert nd.jaccard(found, pairs).tolist() == pytest.approx(
        [plain_jaccard(texts[i], texts[j], n) for i, j in pairs.tolist()]
    )


def test_the_rarest_characters_are_told_apart():
    one, two = "\U0010fffd\U00020000", "\U0010fffc\U00020000"
    assert nd.jaccard(shingles([one, two], 2), np.array([[0, 1]])).tolist() == [0.0]


@settings(deadline=None)
@given(st.lists(st.text(max_size=6), max_size=5), st.lists(st.text(max_size=6), max_size=5))
def test_batches_join(first, second):
    joined = concatenated([code_points(first), code_points(second)])
    whole = code_points(first + second)
    assert joined.values.tolist() == whole.values.tolist()
    assert joined.offsets.tolist() == whole.offsets.tolist()


@settings(deadline=None)
@given(st.text(max_size=12))
def test_normalising_twice_changes_nothing_and_leaves_letters_and_digits(text):
    once = normalised(text)
    assert normalised(once) == once or unicodedata.normalize("NFKC", once.casefold()) != once
    assert all(letter.isalnum() for letter in once)


@pytest.mark.parametrize("threshold", [0.5, 0.6, 0.7, 0.85])
def test_planted_near_duplicates_are_found(threshold):
    lines = planted(500, seed=round(100 * threshold))
    sets = shingles(lines, 2)
    rank = np.random.default_rng(1).permutation(len(lines))
    found = nd.near_duplicates(sets, rank, threshold, seed=3)
    expected = plain_greedy(lines, rank.tolist(), 2, threshold)
    taken = {k for k in range(len(lines)) if found.removed[k] >= 0}
    assert expected
    assert len(taken & expected.keys()) >= 0.99 * len(expected)
    assert len(taken & expected.keys()) >= 0.99 * len(taken)
    for k in taken:
        keeper = found.removed[k]
        assert found.removed[keeper] == -1
        assert rank[keeper] < rank[k]
        assert found.similarity[k] == pytest.approx(plain_jaccard(lines[keeper], lines[k], 2))
        assert found.similarity[k] >= threshold


@settings(deadline=None)
@given(st.lists(st.text(alphabet="天地人和abc", max_size=14), min_size=2, max_size=8), st.floats(0.05, 1))
def test_the_first_comparison_never_loses_a_near_pair(texts, threshold):
    sets = shingles(texts, 2)
    pairs = np.array([[i, j] for i in range(len(texts)) for j in range(i)], dtype=np.int64)
    kept = nd.possible(sets.sizes(), nd.parities(sets), pairs, threshold)
    similar = nd.jaccard(sets, pairs) >= threshold
    assert not np.any(similar & ~kept)


def test_the_first_comparison_spares_most_of_the_others():
    sets = shingles(planted(200, seed=9), 2)
    pairs = np.array([[i, j] for i in range(len(sets)) for j in range(i)], dtype=np.int64)
    kept = nd.possible(sets.sizes(), nd.parities(sets), pairs, 0.6)
    assert np.count_nonzero(kept) < 2 * np.count_nonzero(nd.jaccard(sets, pairs) >= 0.5)


def test_no_pair_below_the_threshold_is_ever_taken_and_exact_copies_always_are():
    lines = planted(300, seed=5)
    lines += lines[:50]
    found = nd.near_duplicates(shingles(lines, 3), np.arange(len(lines)), 1.0)
    assert np.count_nonzero(found.removed >= 0) >= 50
    assert all((found.removed[k] >= 0) == (lines[k] in lines[:k]) for k in range(len(lines)))


def test_of_a_chain_the_far_end_stays():
    a, b, c = "一二三四五六七八九十", "一二三四五六七八九十甲乙", "三四五六七八九十甲乙丙"
    assert plain_jaccard(a, b, 2) >= 0.6 <= plain_jaccard(b, c, 2)
    assert plain_jaccard(a, c, 2) < 0.6
    found = nd.near_duplicates(shingles([a, b, c], 2), np.arange(3), 0.6)
    assert found.removed.tolist() == [-1, 0, -1]
    middle_first = nd.near_duplicates(shingles([a, b, c], 2), np.array([1, 0, 2]), 0.6)
    assert middle_first.removed.tolist() == [1, -1, 1]


@pytest.mark.parametrize(("similarity", "threshold"), [(0.5, 0.5), (0.6, 0.6), (0.8, 0.8)])
def test_a_pair_at_the_threshold_is_missed_less_often_than_stated(similarity, threshold):
    """Sets of 40 with exactly the threshold's overlap, found at the rate that theory gives."""
    rng = np.random.default_rng(7)
    shared = round(80 * similarity / (1 + similarity))
    size, pairs = 40, 3000
    rows = []
    for _ in range(pairs):
        pool = rng.integers(0, 2**62, size=2 * size - shared, dtype=np.uint64)
        rows += [np.sort(pool[:size]), np.sort(pool[size - shared :])]
    sets = Ragged(np.concatenate(rows), np.arange(2 * pairs + 1) * size)
    exact = nd.jaccard(sets, np.array([[0, 1]]))[0]
    found = nd.near_duplicates(sets, np.arange(2 * pairs), min(threshold, exact), seed=11)
    missed = 1 - np.count_nonzero(found.removed >= 0) / pairs
    assert missed <= nd.MISS + 3 * np.sqrt(nd.MISS * (1 - nd.MISS) / pairs)


def test_a_bucket_too_large_is_bounded_counted_and_still_emptied(monkeypatch):
    monkeypatch.setattr(nd, "LARGEST_BUCKET", 20)
    base = "".join(HAN[:30])
    lines = [base[:k] + HAN[100 + k % 30] + base[k:] for k in range(30)] * 10
    found = nd.near_duplicates(shingles(lines, 2), np.arange(len(lines)), 0.6)
    assert found.large_buckets > 0
    assert np.count_nonzero(found.removed < 0) == 1
    assert found.candidates <= nd.bands_for(0.6) * len(lines) * 20


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 2000))
def test_pairs_come_in_portions_that_hold_them_all(seed, at_once):
    rng = np.random.default_rng(seed)
    keys = rng.integers(0, 6, size=40).astype(np.uint64)
    before, nd.PAIRS_AT_ONCE = nd.PAIRS_AT_ONCE, at_once
    try:
        portions, _ = nd._bucket_pairs(keys, np.arange(40), np.arange(40))
        found = [tuple(pair) for portion in portions for pair in portion.tolist()]
    finally:
        nd.PAIRS_AT_ONCE = before
    assert sorted(found) == [(i, j) for i in range(40) for j in range(i + 1, 40) if keys[i] == keys[j]]


def test_copies_of_a_near_duplicate_go_with_it_and_many_copies_cost_no_pairs():
    one, two = "一二三四五六七八九十", "一二三四五六七八九十甲"
    found = nd.near_duplicates(shingles([two] * 3000 + [one], 2), np.arange(3001)[::-1].copy(), 0.6)
    assert found.removed.tolist() == [3000] * 3000 + [-1]
    assert set(found.similarity[:3000].round(3)) == {0.9}
    assert found.candidates <= nd.bands_for(0.6)


def test_nothing_to_compare():
    assert nd.near_duplicates(shingles([], 2), np.arange(0), 0.6).removed.tolist() == []
    assert nd.near_duplicates(shingles(["", ""], 2), np.arange(2), 0.6).removed.tolist() == [-1, -1]
