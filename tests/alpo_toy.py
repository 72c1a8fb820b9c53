"""Small things that ALPO's tests share: scenes with made-up candidates, and a model of a few thousand parameters."""

from functools import cache

import numpy as np

from trainers.alpo.data import RatedSample
from trainers.alpo.encoding import Encoder
from trainers.alpo.examples import examples
from trainers.alpo.mixing import stream
from trainers.alpo.selection import Rated, Rules
from trainers.alpo.toy_language import CONCEPTS, LEVELS, REGISTERS, SEPARATOR, quality, scenes, vocabulary, word


@cache
def tokenizer():
    from trainers.common.toy import word_tokenizer

    return word_tokenizer(vocabulary())


def encoder():
    return Encoder(tokenizer(), SEPARATOR)


def model(seed=0):
    from trainers.common.toy import tiny_model

    return tiny_model(tokenizer(), hidden=16, layers=1, heads=2, length=64, seed=seed)


def candidates(segment, k, rng):
    """Random words of the right concepts, with now and then a wrong one."""
    texts = []
    for _ in range(k):
        concepts = [c if rng.random() < 0.9 else str(rng.choice(CONCEPTS)) for c in segment.text.split()]
        texts.append(" ".join(word(c, str(rng.choice(REGISTERS)), str(rng.choice(list(LEVELS)))) for c in concepts))
    distinct = tuple(dict.fromkeys(texts))
    return Rated(distinct, tuple(quality(segment, text).score for text in distinct))


def rated(samples, seed=0, most=12):
    """Rate between 2 and ``most`` candidates a line, so that some segments are gated out."""
    found = []
    for sample in samples:
        rng = stream("candidates", seed, sample.id)
        lines = [candidates(segment, int(rng.integers(2, most)), rng) for segment in sample.item.segments]
        found.append(RatedSample(sample.id, tuple(lines)))
    return found


def made(count, method="alpo", beta=1.0, seed=0):
    """Return examples of so many scenes, and the counts."""
    samples = scenes(count, seed)
    return examples(samples, rated(samples), method, Rules(), beta, seed, encoder())


def weights_of(trained):
    """Return all parameters in one vector."""
    return np.concatenate([p.detach().numpy().ravel() for p in trained.parameters()])
