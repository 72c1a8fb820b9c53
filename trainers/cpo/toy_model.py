"""The toy's model: fitted to imperfect references, and measured exactly."""

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from trainers.common.config import Model
from trainers.cpo import toy
from trainers.cpo.config import Config
from trainers.cpo.triplets import Triplet

Measured = dict[str, tuple[float, float, float]]
"""Means with their 95 % intervals, by measure."""


def toy_prompt(one: Triplet) -> str:
    """Return the toy's prompt for a triplet."""
    return toy.prompt(one.text)


def toy_base(config: Config, folder: Path) -> Model:
    """Fit the toy's base model to imperfect references, unless the folder has it."""
    from trainers.common.models import save_model
    from trainers.common.toy import fit, tiny_model, word_tokenizer

    settings, seed = config.toy, config.train.seed
    assert settings is not None
    if not folder.is_dir():
        tokenizer = word_tokenizer(toy.vocabulary())
        model = tiny_model(tokenizer, hidden=settings.hidden, layers=settings.layers, length=128, seed=seed)
        fit(model, tokenizer, toy.references(settings.references, seed), steps=settings.fitting, seed=seed)
        own = folder.with_name(f"{folder.name}.{os.getpid()}")
        save_model(model, tokenizer, own)
        try:
            own.rename(folder)
        except OSError:  # another process fitted the same model meanwhile
            shutil.rmtree(own)
    return Model(str(folder))


def measure_toy(config: Config, folder: Path) -> Measured:
    """Measure a model of the toy language on its tests, greedily.

    Returns:
        ``quality``, ``words``, ``order`` and ``length``, each a mean with its 95 % interval over the tests.
    """
    from trainers.common.models import load_model
    from trainers.common.toy import sample

    settings = config.toy
    assert settings is not None
    model, tokenizer = load_model(Model(str(folder)))
    texts = toy.sources(settings.tests, f"{config.train.seed}:test")
    given = sample(model, tokenizer, [toy.prompt(text) for text in texts], max_new_tokens=16, temperature=0)
    return toy_measures([out[0] for out in given], texts)


def toy_measures(outputs: Sequence[str], texts: Sequence[str]) -> Measured:
    """Return the toy's measures of outputs, each with its 95 % interval.

    Examples:
        >>> toy_measures(["W0 W2 Q1", "W0"], ["w0 q1 w2", "w0 w2"])["quality"][0]
        0.75
    """
    from harness.metrics.base import ratio
    from harness.stats.clusters import cluster_sums
    from harness.stats.intervals import interval

    pairs = list(zip(outputs, texts, strict=True))
    values: dict[str, list[float | None]] = {
        "quality": [toy.quality(out, text) for out, text in pairs],
        "words": [toy.words(out, text) for out, text in pairs],
        "order": [toy.order(out, text) for out, text in pairs],
        "length": [len(out.split()) / len(text.split()) for out, text in pairs],
    }
    found = {}
    for name, column in values.items():
        rows = [[0.0 if value is None else value, float(value is not None)] for value in column]
        bounds = None if name == "length" else (0.0, 1.0)
        one = interval(ratio, cluster_sums(rows, [str(n) for n in range(len(rows))]), bounds=bounds)
        if one.estimate is not None:
            low, high = (one.estimate if end is None else end for end in (one.low, one.high))
            found[name] = (one.estimate, low, high)
    return found


def told_toy(before: Measured, after: Measured) -> str:
    """Write the toy's measures before and after training; what selected the triplets is marked."""
    lines = ["", f"{'measure':<10}  {'before':<22}  after"]
    for name in before:
        cells = [f"{value:.3f} [{low:.3f}, {high:.3f}]" for value, low, high in (before[name], after[name])]
        lines.append(f"{name + (' †' if name == toy.SELECTED_BY else ''):<10}  {cells[0]:<22}  {cells[1]}")
    return "\n".join(
        [*lines, "† chose the triplets: no evidence", "A tiny model of a made-up language: a demonstration."]
    )
