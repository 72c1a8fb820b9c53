"""The toy language means what it says: exact reading, exact lengths, and an evaluation that can be recomputed."""

import asyncio
import itertools
import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

pytest.importorskip("trl", reason="the extra 'train' is not installed")

from harness.budget import Budget, in_bounds
from harness.records import Segment
from harness.syllables import count
from trainers.homura import studies, toy
from trainers.homura import toy_language as language
from trainers.homura.parts import build_part
from trainers.homura.scoring import Scorer

SOURCES = language.sentences(400, seed=7)
SHORT = language.sentences(1000, toy.EVALUATION_SEED, evaluation=True, longest=toy.LONGEST, optional=toy.OPTIONAL)
sources = st.sampled_from(SOURCES)
PHRASES = [(word, phrase) for word, said in language.phrases().items() for phrase in said]


def test_both_counters_agree_on_every_phrase_and_word():
    for word, phrase in PHRASES:
        assert count(phrase, "en", "pyphen") == count(phrase, "en", "phonetic"), phrase
        assert count(word, "zh", "pyphen") == count(word, "zh", "phonetic") == 2


def test_no_phrase_is_shared_and_every_pair_of_phrases_reads_back():
    assert len({phrase for _, phrase in PHRASES}) == len(PHRASES)
    for (word, phrase), (other, said) in itertools.product(PHRASES, PHRASES):
        assert language.back_translate(f"{phrase} {said}") == f"{word} {other}"


def test_phrases_go_from_short_to_long():
    for said in language.phrases().values():
        lengths = [count(phrase, "en") for phrase in said]
        assert lengths == sorted(lengths)
        assert lengths[-1] > lengths[0] or len(said) == 1


@given(sources, st.randoms(use_true_random=False), st.floats(-5, 5))
def test_a_rendering_keeps_the_meaning_whatever_its_length(source, rng, verbosity):
    text = language.render(source, rng, verbosity)
    assert language.kept(source, text)
    assert language.well_formed(text)
    assert language.similarity(source, text) == pytest.approx(1)
    assert len(text.split()) <= 2 * len(source.split())
    assert count(text, "en") in language.lengths(source)
    assert toy.read(text, False).state == "ok"


def test_every_sentence_has_a_whole_translation_within_static_bounds():
    assert all(map(language.fits, SOURCES + SHORT))


@given(sources, st.randoms(use_true_random=False), st.data())
def test_one_lost_word_is_felt(source, rng, data):
    words = source.split()
    lost = data.draw(st.integers(0, len(words) - 1))
    rest = " ".join(words[:lost] + words[lost + 1 :])
    text = language.render(rest, rng, 0.0)
    assert not language.kept(source, text)
    assert language.similarity(source, text) == pytest.approx(math.sqrt((len(words) - 1) / len(words)))


@given(sources, st.randoms(use_true_random=False), st.data())
def test_a_broken_phrase_is_neither_kept_nor_well_formed(source, rng, data):
    tokens = language.render(source, rng, 0.0).split()
    place = data.draw(st.integers(0, len(tokens)))
    text = " ".join([*tokens[:place], "the", *tokens[place:]])
    if language.back_translate(text) != source:  # "cars" may have become "the cars"
        assert not language.well_formed(text)
        assert language.similarity(source, text) < 1


def test_sentences_of_training_and_evaluation_are_apart_and_repeatable():
    training = language.sentences(3000, seed=1)
    fresh = language.sentences(1000, seed=1, evaluation=True, longest=5)
    assert {len(source.split()) for source in fresh} == {3, 4, 5}
    assert len(set(training)) == 3000
    assert len(set(fresh)) == 1000
    assert not set(training) & set(fresh)
    assert training == language.sentences(3000, seed=1)
    assert training != language.sentences(3000, seed=2)


def test_the_data_of_the_base_are_as_verbose_as_language_models_are():
    rng = random.Random(0)
    texts = [language.render(s, rng, rng.gauss(toy.VERBOSITY, toy.VERBOSITY_DEVIATION), toy.UNSAID) for s in SHORT]
    assert max(len(text.split()) for text in texts) < toy.MAX_TOKENS - 1
    rho = [count(text, "en") / count(source, "zh") for source, text in zip(SHORT, texts, strict=True)]
    assert 1.2 < sum(rho) / len(rho) < 1.4
    assert 0.05 <= sum(0.8 <= ratio <= 0.9 for ratio in rho) / len(rho) <= 0.15


@given(st.lists(st.tuples(sources, st.floats(-3, 3), st.randoms(use_true_random=False)), min_size=2, max_size=20))
def test_measures_agree_with_the_harness_and_scipy(drawn):
    chosen = [source for source, _, _ in drawn]
    texts = [language.render(source, rng, verbosity) for source, verbosity, rng in drawn]
    found = toy.measures(chosen, texts, mu=10)
    budget = Budget("zh", "en", "pyphen", language.BOUNDS)
    pairs = list(zip(chosen, texts, strict=True))
    within = [budget.amount(t) in budget.admissible(budget.basis(Segment("1", s, "v"))) for s, t in pairs]
    exact = stats.binomtest(sum(within), len(within)).proportion_ci(0.95, "exact")
    assert found["in_bounds"] == pytest.approx((sum(within) / len(within), exact.low, exact.high))
    assert found["kept"][0] == found["well_formed"][0] == 1
    assert found["usable"] == found["in_bounds"]
    assert found["in_relaxed_bounds"][0] >= found["in_bounds"][0]
    rho = [budget.amount(text) / count(source, "zh") for source, text in pairs]
    assert found["rho"][0] == pytest.approx(sum(rho) / len(rho))
    low, high = stats.ttest_1samp(rho, 0).confidence_interval(0.95) if len(set(rho)) > 1 else (rho[0], rho[0])
    assert found["rho"][1:] == pytest.approx((low, high))


def test_the_base_can_say_every_sentence_within_static_bounds_and_shorter_than_needed():
    shortest = [language.render(source, random.Random(0), -9, toy.UNSAID) for source in SHORT]
    found = toy.measures(SHORT, shortest, mu=8)
    assert found["kept"][0] == 1
    assert 0.7 < found["rho"][0] < 0.8
    for source in SHORT[:100]:
        drawn = (language.render(source, random.Random(seed), -1.0, toy.UNSAID) for seed in range(200))
        assert any(in_bounds(count(text, "en") / count(source, "zh"), *language.BOUNDS) for text in drawn)


def test_the_log_shows_every_part_of_its_own():
    config = studies.configured({}, ["train.output=unused"])
    corpus = toy.corpus(config)
    parts = [build_part(name, {}) for name in config.quality]
    scorer = Scorer(corpus, config.reward, parts)
    row = next(row for row in corpus.rows if len(row["source"].split()) == 4)
    less = language.render(" ".join(row["source"].split()[1:]), random.Random(0), 0.0)
    columns = {name: [row[name]] * 2 for name in row}
    whole = language.render(row["source"], random.Random(0), 0.0)
    scored = asyncio.run(scorer.score([whole, less], [False, False], columns))
    found = scorer.measures(scored, columns)
    assert found["parts/toy_verdict"] == pytest.approx(0.5)
    assert found["parts/toy_meaning"] == pytest.approx((1 + math.sqrt(3 / 4)) / 2)
    assert scored[0].reward > scored[1].reward or scored[0].length < scored[1].length


def test_the_hack_is_there_to_be_found():
    """Clipped at .8, leaving out one word of three or more costs nothing; the exact part feels it."""
    source = "警察 看见 奇怪 小狗"
    whole, less = "cops see odd dogs", "cops see dogs"
    assert language.well_formed(less)
    assert min(language.similarity(source, less), 0.8) == min(language.similarity(source, whole), 0.8)
    assert language.similarity(source, less) < language.similarity(source, whole)
    assert not in_bounds(4 / 8, *language.BOUNDS)
