"""The character model against a plain one in dictionaries, trained on the other folds alone."""

import math
from collections import Counter, defaultdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.corpus import perplexity
from harness.corpus.perplexity import END, ORDER, OTHER, log_perplexity, train

TEXTS = st.lists(st.tuples(st.text(alphabet="abc天地", max_size=7), st.integers(0, 2)), min_size=1, max_size=8)


class Plain:
    """Interpolated Witten-Bell as the formula stands, one dictionary."""

    def __init__(self, texts, symbols):
        self.symbols = symbols
        self.after = defaultdict(Counter)
        for text in texts:
            padded = ["PAD"] * (ORDER - 1) + list(text) + ["END"]
            for k in range(ORDER - 1, len(padded)):
                for n in range(ORDER):
                    self.after[tuple(padded[k - n : k])][padded[k]] += 1

    def p(self, symbol, history):
        lower = self.p(symbol, history[1:]) if history else 1 / self.symbols
        seen = self.after.get(tuple(history))
        if not seen:
            return lower
        return (seen[symbol] + len(seen) * lower) / (seen.total() + len(seen))

    def log_perplexity(self, text):
        padded = ["PAD"] * (ORDER - 1) + list(text) + ["END"]
        logs = [math.log(self.p(padded[k], padded[k - ORDER + 1 : k])) for k in range(ORDER - 1, len(padded))]
        return -math.fsum(logs) / len(logs)


@settings(max_examples=150, deadline=None)
@given(TEXTS)
def test_equals_the_plain_model_of_the_other_folds(lines):
    texts, folds = [text for text, _ in lines], [fold for _, fold in lines]
    model = train(texts, folds, 3)
    found = log_perplexity(model, texts, folds)
    for text, fold, value in zip(texts, folds, found, strict=True):
        others = Plain([other for other, its in lines if its != fold], model.symbols)
        assert value == pytest.approx(others.log_perplexity(text), rel=1e-12)


def test_the_probabilities_of_all_symbols_sum_to_one():
    texts = ["今天天气好", "今天下雨", "明天天晴"]
    model = train(texts, [0, 0, 0], 2)
    plain = Plain(texts, model.symbols)
    for history in ([], ["天"], ["今", "天"], ["PAD", "今", "天"], ["x", "y", "z"]):
        symbols = [*sorted(set("".join(texts))), "END", "never seen"]
        assert math.fsum(plain.p(symbol, history) for symbol in symbols) == pytest.approx(1)


def test_a_text_is_not_scored_by_itself():
    text = "只有这里出现的一句独特的话"
    model = train([text, "天气很好我们出去走走"], [0, 1], 2)
    own, foreign = log_perplexity(model, [text, text], [0, 1])
    assert own > foreign + 1


def test_characters_beyond_the_vocabulary_are_one(monkeypatch):
    monkeypatch.setattr(perplexity, "VOCABULARY", 2)
    model = train(["aaabbc", "aabbcd"], [0, 1], 2)
    assert [chr(code) for code in model.alphabet] == ["a", "b"]
    assert log_perplexity(model, ["cc"], [0]) == log_perplexity(model, ["ed"], [0])
    assert {OTHER, END} <= set(model.levels[0].ngrams.tolist())


def test_shuffled_letters_are_odder():
    rng = np.random.default_rng(1)
    texts = ["我们今天去公园里散步", "他们明天去公园里跑步", "今天我们在公园里吃饭", "明天他们在家里吃饭"] * 5
    folds = [k % 4 for k in range(len(texts))]
    model = train(texts, folds, 4)
    shuffled = ["".join(rng.permutation(list(text))) for text in texts]
    assert np.all(log_perplexity(model, shuffled, folds).mean() > log_perplexity(model, texts, folds).max())
