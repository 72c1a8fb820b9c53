"""Noised rejections: words that go, words that change places, and what chance leaves as it was."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainers.cpo import noising
from trainers.cpo.triplets import Triplet, with_noise


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
