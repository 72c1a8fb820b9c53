"""CPO's toy: its language, its systems, its measures, its study."""

import pytest

pytest.importorskip("trl", reason="the trainers need the extra 'train'")

from hypothesis import given
from hypothesis import strategies as st

from trainers.common.config import find_config, read_config
from trainers.cpo import toy
from trainers.cpo.config import PACKAGE, Config
from trainers.cpo.studies import CPO, run_arm, systems
from trainers.cpo.toy_model import toy_measures
from trainers.cpo.train import load_corpus

texts = st.integers(0, 10_000).map(lambda seed: toy.sources(1, str(seed))[0])


@given(texts)
def test_an_exact_translation_is_perfect_and_nothing_else_is(text):
    exact = toy.translate(text)
    assert (toy.quality(exact, text), toy.words(exact, text)) == (1.0, 1.0)
    assert toy.order(exact, text) in (1.0, None)
    assert len(exact.split()) == len(text.split())
    short = " ".join(exact.split()[1:])
    assert toy.quality(short, text) < 1 and toy.words(short, text) < 1


@given(texts, st.randoms(use_true_random=False))
def test_quality_is_a_share(text, draw):
    words = toy.translate(text).split()
    output = " ".join(draw.choices(words, k=draw.randint(0, 12)))
    for value in (toy.quality(output, text), toy.words(output, text), toy.order(output, text) or 0.0):
        assert 0 <= value <= 1


def test_every_word_is_in_the_vocabulary():
    known = set(toy.vocabulary())
    for text, target in ((text, toy.translate(text)) for text in toy.sources(500, "0")):
        assert {*text.split(), *target.split()} <= known


def test_systems_have_the_rates_they_are_said_to_have():
    measured = systems(0, 1500)
    order = {name: rates.unordered for name, rates in toy.SYSTEMS.items()}
    for name, unordered in order.items():
        kept = (1 - unordered) * (1 - toy.SYSTEMS[name].omitted) ** 2
        assert measured[name]["order"] == pytest.approx(kept, abs=0.12)
        assert measured[name]["length"] == pytest.approx(1 - toy.SYSTEMS[name].omitted, abs=0.01)
    assert measured["chosen"]["words"] > max(measured[name]["words"] for name in toy.SYSTEMS)


def test_the_same_seed_makes_the_same_triplets():
    config = read_config(find_config("toy", PACKAGE), Config, ["toy.sources=120"])
    assert load_corpus(config) == load_corpus(config)
    other = read_config(find_config("toy", PACKAGE), Config, ["toy.sources=120", "train.seed=1"])
    assert load_corpus(other) != load_corpus(config)


def test_measures_of_no_attributes_are_left_out():
    assert set(toy_measures(["W0", "W1"], ["w0", "w1"])) == {"quality", "words", "length"}


def test_the_study_has_arms_of_its_own_and_runs(tmp_path):
    assert len({arm.key for arm in CPO.arms}) == len(CPO.arms)
    arms = {arm.name: arm for arm in CPO.arms}
    base = run_arm(arms["base model"].options, 0, tmp_path / "base", tmp_path, quick=True)
    trained = run_arm(arms["CPO"].options, 0, tmp_path / "cpo", tmp_path, quick=True)
    assert set(base.measures) == set(trained.measures) == set(CPO.measures)
    assert base.measures != trained.measures
