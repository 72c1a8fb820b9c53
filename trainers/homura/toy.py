"""HOMURA on the toy language: a verbose base model, a training set, exact quality parts, an evaluation.

``sandglass train homura --config toy`` fits a tiny model that translates at a mean rho of 1.3, trains it, and
measures both on 1,000 sentences that neither has seen. The model is tiny and the language made up: what is seen is
that the method works as it should, not how well it works on real models.
"""

import json
import math
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

from harness.budget import in_bounds
from harness.errors import UserError
from harness.jsonl import write_atomic
from harness.metrics.in_bounds import relaxation
from harness.metrics.rho import syllable_ratio
from harness.prompts import Parsed
from harness.syllables import counter_for
from harness.syllables.literal import HAN
from trainers.homura import toy_language as language
from trainers.homura.config import Config
from trainers.homura.data import Corpus
from trainers.homura.parts import Batch, Kind, Scores
from trainers.homura.profiles import PROFILES
from trainers.homura.rewards import Bounds

LONGEST = 5
OPTIONAL = 0.3
"""Three to five words a sentence, about four: one syllable more or less is then felt by the reward."""
MAX_TOKENS = 2 * LONGEST + 2
"""No phrase has more than two words; an end, and one to spare."""

UNSAID = {"person": 2, "verb": 1, "thing": 1}
"""Numbers of syllables that the base's phrases for these never have, so that no two words compete for the one
syllable that a sentence must save. Without this, what is learned hangs on luck: single runs end between 54 and 98 %."""
VERBOSITY = -0.1
VERBOSITY_DEVIATION = 0.5
"""Each sentence the base is fitted to has a verbosity of its own, drawn from a normal distribution."""

FIT_SENTENCES = 16000
FIT_STEPS = 1200
FIT_BATCH = 32
FIT_RATE = 5e-3
HIDDEN = 96
SHARPNESS = 1.3
"""Logits of the fitted model are multiplied by this: a few minutes' fitting leaves every wrong word a little likely."""

FRESH = 1000
"""Sentences of the evaluation."""
EVALUATION_SEED = 99
SENTENCES = 2000
"""Sentences of the training set, where ``data.limit`` says nothing."""

MOST = 100_000
"""Sentences that can be trained on: about half of those there are."""

Measured = tuple[float, float, float]


def corpus(config: Config) -> Corpus:
    """Return the training set: sentences of the language, none of the held-out eighth.

    Raises:
        UserError: it has not so many.
    """
    if config.data.limit > MOST:
        raise UserError(f"The toy language has no {config.data.limit} sentences.", f"Set data.limit to {MOST} at most.")
    counter = PROFILES[config.reward.profile].counter
    count_source = counter_for("zh", counter)
    sources = language.sentences(
        config.data.limit or SENTENCES, config.data.split_seed, longest=LONGEST, optional=OPTIONAL
    )
    rows = tuple(
        {
            "prompt": language.prompt(source),
            "id": source,
            "source": source,
            "source_syllables": count_source(source),
            "source_language": "zh",
            "target_language": "en",
        }
        for source in sources
    )
    return Corpus(
        name="toy language",
        source="zh",
        target="en",
        bounds=config.reward.own_bounds or language.BOUNDS,
        mu=fmean(map(count_source, sources)),
        rows=rows,
        held_out=None,
        read=read,
        count=counter_for("en", counter),
        demonstration=True,
    )


def read(text: str, cut: bool) -> Parsed:
    """Read an answer as the harness does, but tell its language by the script alone, which is quicker.

    Examples:
        >>> [read(text, False).state for text in ("cops see dogs", "警察 see dogs", " ")], read("cops", True).state
        (['ok', 'wrong_language', 'empty'], 'truncated')
    """
    text = " ".join(text.split())
    if cut:
        return Parsed(text, "truncated")
    return Parsed(text, "wrong_language" if HAN.search(text) else "ok" if text else "empty")


@dataclass(frozen=True)
class Exact:
    """A quality part that is computed from what a translation says."""

    name: str
    kind: Kind
    score: Callable[[str, str], float]

    @property
    def optimised_for(self) -> tuple[str, ...]:
        """Its name."""
        return (f"toy/{self.name}",)

    def __call__(self, batch: Batch) -> Scores:
        """Score a batch."""
        return [float(self.score(*pair)) for pair in zip(batch.sources, batch.hypotheses, strict=True)]


def exact(name: str, kind: Kind, score: Callable[[str, str], float], settings: Mapping[str, Any]) -> Exact:
    """Build a part that has no settings.

    Raises:
        ValueError: settings are given.
    """
    if settings:
        raise ValueError(f"it has no settings, and {', '.join(settings)} is given")
    return Exact(name, kind, score)


meaning = partial(exact, "toy_meaning", "judgement", language.similarity)
"""Feels every lost word: the similarity, not clipped."""

clipped = partial(exact, "toy_clipped", "similarity", language.similarity)
"""The similarity as eq. 10 has it: the profile clips it at .8."""

verdict = partial(exact, "toy_verdict", "judgement", language.kept)
"""Says whether every word is there and in its place: a faultless R_gen (eq. 13)."""

form = partial(exact, "toy_form", "judgement", lambda _, hypothesis: language.well_formed(hypothesis))
"""Asks for a sentence of the language: the toy's R_flu."""


def base(config: Config) -> Path:
    """Fit the base model into the run's output, once."""
    return fitted(Path(config.train.output) / "base", config.train.seed)


def fitted(
    folder: Path,
    seed: int,
    *,
    verbosity: float = VERBOSITY,
    deviation: float = VERBOSITY_DEVIATION,
    steps: int = FIT_STEPS,
) -> Path:
    """Fit a tiny model to verbose translations by teacher forcing, unless the folder has one.

    Args:
        folder: where it goes; it appears when it is complete.
        seed: of weights and data.
        verbosity: mean of the sentences' verbosities (``toy_language.render``).
        deviation: their standard deviation.
        steps: of ``FIT_BATCH`` sentences.

    Returns:
        The folder.
    """
    if folder.is_dir():
        return folder
    from trainers.common.models import save_model
    from trainers.common.toy import fit, tiny_model, word_tokenizer

    rng = random.Random(f"fit {seed}")
    sources = language.sentences(FIT_SENTENCES, seed, longest=LONGEST, optional=OPTIONAL)
    said = [language.render(source, rng, rng.gauss(verbosity, deviation), UNSAID) for source in sources]
    tokenizer = word_tokenizer(language.words())
    model = tiny_model(tokenizer, hidden=HIDDEN, seed=seed)
    pairs = list(zip(map(language.prompt, sources), said, strict=True))
    fit(model, tokenizer, pairs, steps=steps, batch=FIT_BATCH, learning_rate=FIT_RATE, seed=seed)
    model.model.norm.weight.data.mul_(SHARPNESS)
    building = folder.with_name(f"{folder.name}.{random.SystemRandom().getrandbits(32):x}")
    save_model(model, tokenizer, building)
    try:
        building.rename(folder)
    except OSError:  # another run was faster
        import shutil

        shutil.rmtree(building)
    return folder


def report(config: Config, finished: Path) -> str:
    """Measure the base and the finished model on fresh sentences, store it, and tell it as a table.

    Args:
        config: the run's.
        finished: folder of its checkpoint.

    Returns:
        Markdown; the numbers are in ``OUTPUT/evaluation.json`` too.
    """
    trained_on = corpus(config)
    mu, bounds = trained_on.mu, trained_on.bounds
    paths = {"base": str(base(config)) if config.model.path == "toy" else config.model.path, "trained": str(finished)}
    found = {name: evaluated(path, mu=mu, bounds=bounds) for name, path in paths.items()}
    write_atomic(Path(config.train.output) / "evaluation.json", (json.dumps(found, indent=1) + "\n").encode())
    lines = [f"{FRESH} fresh sentences, one sample each, 95 % intervals", "", "| | base | trained |", "|---|---|---|"]
    for name in found["base"]:
        cells = ["{:.3f} [{:.3f}, {:.3f}]".format(*measured[name]) for measured in found.values()]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def evaluated(
    path: str, *, mu: float, bounds: Bounds = language.BOUNDS, number: int = FRESH, seed: int = EVALUATION_SEED
) -> dict[str, Measured]:
    """Sample one translation of each fresh sentence at temperature 1 and measure them.

    Args:
        path: of a checkpoint, as in ``Model.path``.
        mu: mean syllables of the training sources.
        bounds: L0 and R0.
        number: of sentences.
        seed: of sentences and samples.

    Returns:
        Measures of ``measures``.
    """
    from trainers.common.config import Model
    from trainers.common.models import load_model
    from trainers.common.toy import sample

    sources = language.sentences(number, seed, evaluation=True, longest=LONGEST, optional=OPTIONAL)
    model, tokenizer = load_model(Model(path))
    prompts = [language.prompt(source) for source in sources]
    samples = sample(model, tokenizer, prompts, max_new_tokens=MAX_TOKENS, seed=seed)
    return measures(sources, [texts[0] for texts in samples], mu, bounds)


def measures(
    sources: Sequence[str], hypotheses: Sequence[str], mu: float, bounds: Bounds = language.BOUNDS
) -> dict[str, Measured]:
    """Measure translations, one a sentence: means and shares with 95 % intervals.

    Returns:
        ``rho`` and ``similarity`` with t-intervals; with Clopper-Pearson intervals the shares ``in_bounds`` (static),
        ``in_relaxed_bounds`` (eq. 7), ``kept``, ``usable`` (in bounds and kept) and ``well_formed``.

    Examples:
        >>> found = measures(["警察 看见 小狗"] * 2, ["cops see puppies here", "cops observe puppies"], mu=10)
        >>> {name: value for name, (value, _, _) in found.items() if name in ("in_bounds", "kept", "usable")}
        {'in_bounds': 1.0, 'kept': 0.5, 'usable': 0.5}
    """
    count_source, count = counter_for("zh", language.COUNTER), counter_for("en", language.COUNTER)
    low, high = bounds
    lengths = [count_source(source) for source in sources]
    rho = [syllable_ratio(length, count(text)) for length, text in zip(lengths, hypotheses, strict=True)]
    within = [in_bounds(ratio, low, high) for ratio in rho]
    relaxed = [in_bounds(ratio, low * relaxation(length, mu), high) for length, ratio in zip(lengths, rho, strict=True)]
    kept = [language.kept(*pair) for pair in zip(sources, hypotheses, strict=True)]
    return {
        "in_bounds": _share(within),
        "in_relaxed_bounds": _share(relaxed),
        "kept": _share(kept),
        "usable": _share([one and other for one, other in zip(within, kept, strict=True)]),
        "well_formed": _share([language.well_formed(text) for text in hypotheses]),
        "rho": _average(rho),
        "similarity": _average([language.similarity(*pair) for pair in zip(sources, hypotheses, strict=True)]),
    }


def _share(found: Sequence[bool]) -> Measured:
    from harness.stats.proportions import clopper_pearson

    return (fmean(found), *clopper_pearson(sum(found), len(found), 0.95))


def _average(values: Sequence[float]) -> Measured:
    from harness.stats.methods import t_interval

    mean = fmean(values)
    return (mean, *t_interval(mean, stdev(values) / math.sqrt(len(values)), len(values) - 1, 0.95))
