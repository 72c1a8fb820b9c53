"""The demonstration: a tiny model taught the small instruction language, and what exact judges say of it.

It shows that the method's parts work together, and says nothing about real models.
"""

import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from harness.jsonl import read_own, to_line, write_atomic
from harness.stats.intervals import Interval
from harness.stats.length_control import length_controlled_intervals
from harness.stats.win_rates import win_rate_interval
from trainers.common.config import Model
from trainers.common.models import load_model, save_model
from trainers.common.running import MODEL
from trainers.common.toy import fit, tiny_model, word_tokenizer
from trainers.icr import toy_language
from trainers.icr.config import Config, Sampling, Toy
from trainers.icr.requests import ENGLISH, request_language
from trainers.icr.sampling import LocalSampler, seed_of

TEMPLATE = (
    "{% for message in messages %}{{ message.content }}{{ ' : ' if message.role == 'user' else ' <eos>' }}{% endfor %}"
)
FITTED = 20_000
"""Examples of the SFT stage."""
ANSWERS = Sampling(responses=4, temperature=0.6, top_p=0.9, max_tokens=20, batch=288)
"""How held-out instructions are answered: X-AlpacaEval's decoding, several answers each."""


@dataclass(frozen=True)
class Scores:
    """A model's answers to held-out instructions in one language, judged exactly against another model's.

    Attributes:
        quality: mean of ``toy_language.quality``.
        win_rate: in percent, a tie half, clustered by instruction.
        length_controlled: the same at equal length.
        length_ratio: mean characters over the other's.
    """

    quality: float
    win_rate: Interval
    length_controlled: Interval
    length_ratio: float


def split(toy: Toy) -> tuple[list[str], list[str]]:
    """Return the English instructions of the rounds, and those held out."""
    every = toy_language.instructions()
    random.Random(f"split {toy.seed}").shuffle(every)
    return every[: toy.train], every[toy.train :]


def prepare_toy(config: Config, toy: Toy, folder: Path) -> Config:
    """Make instructions, English preferences and the SFT model; what is there already is kept.

    Args:
        config: the run's, with ``[start]``.
        toy: its ``[toy]``.
        folder: where they go.

    Returns:
        The configuration with their paths.
    """
    train, _ = split(toy)
    for language in toy_language.LANGUAGES:
        rows = [{"instruction": toy_language.encode(x, language), "instruction_id": x} for x in train]
        write_atomic(folder / "instructions" / f"{language}.jsonl", b"".join(map(to_line, rows)))
    write_atomic(folder / "preferences.jsonl", b"".join(map(to_line, _preferences(train, toy))))
    if not (folder / "sft" / "config.json").is_file():
        _fit_sft(folder / "sft", toy, config.rewarding.request)
    start = None if config.start is None else replace(config.start, preferences=str(folder / "preferences.jsonl"))
    data = replace(config.data, folder=str(folder / "instructions"))
    return replace(config, model=replace(config.model, path=str(folder / "sft")), data=data, start=start)


def translate(responses: Sequence[str], language: str) -> list[str | None]:
    """Say responses in English, word for word and without a fault: the demonstration's R_t."""
    return [toy_language.decode(response, language) for response in responses]


def answer(folder: Path, toy: Toy, languages: Sequence[str]) -> dict[str, list[list[str]]]:
    """Answer the held-out instructions in each language."""
    model, tokenizer = load_model(Model(str(folder)))
    sampler, (_, held_out) = LocalSampler(model, tokenizer, ANSWERS), split(toy)
    return {
        language: sampler([toy_language.encode(x, language) for x in held_out], seed_of("answers", toy.seed, language))
        for language in languages
    }


def judge(toy: Toy, language: str, own: Sequence[Sequence[str]], other: Sequence[Sequence[str]]) -> Scores:
    """Judge answers against another model's: the better one wins, and equally good ones tie.

    Args:
        toy: the ``[toy]``.
        language: of the answers.
        own: answers to each held-out instruction.
        other: the other model's, paired with them.
    """
    instructions = split(toy)[1]
    rows, qualities = list[tuple[str, str, float, float, float]](), list[float]()
    for instruction, mine, theirs in zip(instructions, own, other, strict=True):
        scored = [
            (toy_language.quality(instruction, a, language), toy_language.quality(instruction, b, language))
            for a, b in zip(mine, theirs, strict=True)
        ]
        qualities += [a for a, _ in scored]
        preferred = sum(1.0 if a > b else 0.5 if a == b else 0.0 for a, b in scored) / len(scored)
        lengths = [sum(map(len, texts)) / len(texts) for texts in (theirs, mine)]
        rows.append(("own", instruction, preferred, lengths[0], lengths[1]))
    return Scores(
        sum(qualities) / len(qualities),
        win_rate_interval([row[2] for row in rows], [row[1] for row in rows]),
        length_controlled_intervals(rows, {})["own"],
        sum(row[4] for row in rows) / max(1e-9, sum(row[3] for row in rows)),
    )


def compare(config: Config, toy: Toy) -> dict[str, dict[str, Scores]]:
    """Judge the SFT model and every round's policy against the start policy, in each language of the run.

    Args:
        config: the run's, finished, with the paths of its models.
        toy: its ``[toy]``.

    Returns:
        Scores by model and language; the start policy itself is in it for its quality.
    """
    rounds = [Path(config.train.output) / f"round_{n}" / "train" / MODEL for n in range(config.rounds)]
    start = answer(Path(config.model.path), toy, config.data.languages)
    models = {"sft": Path(config.sft)} | {f"round {n}": folder for n, folder in enumerate(rounds)}
    answers = {"start": start} | {name: answer(folder, toy, config.data.languages) for name, folder in models.items()}
    return {
        name: {language: judge(toy, language, texts, start[language]) for language, texts in by_language.items()}
        for name, by_language in answers.items()
    }


def agreement(round_folder: Path) -> float:
    """Return the share of a round's pairs in which the chosen response is the better one, a tie half.

    Pairs in English, which has preferences, do not count.
    """
    found = list[float]()
    for pair in read_own(round_folder / "pairs.jsonl"):
        if pair["language"] != ENGLISH:
            above, below = (
                toy_language.quality(pair["id"], pair[name], pair["language"]) for name in ("chosen", "rejected")
            )
            found.append(1.0 if above > below else 0.5 if above == below else 0.0)
    return sum(found) / max(1, len(found))


def told(scores: Mapping[str, Mapping[str, Scores]]) -> str:
    """Write scores by model and language as lines for people."""
    lines = [f"{'model':9} {'language':8} {'quality':>7}  {'win rate':20}  {'length-controlled':20}  length"]
    for model, by_language in scores.items():
        for language, found in by_language.items():
            rates = [f"{x.estimate:.1f} [{x.low:.1f}, {x.high:.1f}]" for x in (found.win_rate, found.length_controlled)]
            start = f"{model:9} {language:8} {found.quality:7.2f}"
            lines.append(f"{start}  {rates[0]:20}  {rates[1]:20}  {found.length_ratio:.2f}")
    return "\n".join([*lines, "Against the start policy, by exact quality, on held-out instructions; a demonstration."])


def _preferences(train: Sequence[str], toy: Toy) -> list[dict[str, str]]:
    draw, rows = random.Random(f"preferences {toy.seed}"), list[dict[str, str]]()
    while len(rows) < toy.pairs:
        instruction = draw.choice(train)
        first, second = (toy_language.write_response(instruction, draw) for _ in range(2))
        if first != second:
            liked = draw.random() < toy_language.preference(instruction, first, second, toy.verbosity)
            chosen, rejected = (first, second) if liked else (second, first)
            rows.append({"prompt": instruction, "chosen": chosen, "rejected": rejected})
    return rows


def _fit_sft(folder: Path, toy: Toy, request: str) -> None:
    """Fit the SFT model: instructions answered in their own language, or English ones in a language asked for.

    Initial weights are larger than usual for so small a model: it then learns to copy names in hundreds of
    steps and not in thousands.
    """
    words = request.replace("{language}", " ").split()
    tokenizer = word_tokenizer([*toy_language.vocabulary(), *toy_language.LANGUAGES, *words, ":"])
    tokenizer.chat_template = TEMPLATE
    model = tiny_model(tokenizer, hidden=64, layers=2, length=64, seed=toy.seed)
    for parameter in model.parameters():
        if parameter.dim() > 1:
            parameter.data.mul_(4)
    draw, every = random.Random(f"sft {toy.seed}"), toy_language.instructions()
    pairs = [_example(draw, draw.choice(every), request) for _ in range(FITTED)]
    rendered = [(_rendered(tokenizer, prompt), response) for prompt, response in pairs]
    fit(model, tokenizer, rendered, steps=toy.steps, batch=32, learning_rate=4e-3, seed=toy.seed)
    unfinished = folder.with_name(f".{folder.name}")
    save_model(model, tokenizer, unfinished)
    unfinished.rename(folder)


def _example(draw: random.Random, instruction: str, request: str) -> tuple[str, str]:
    language = draw.choice(toy_language.LANGUAGES)
    answered = toy_language.encode(toy_language.write_response(instruction, draw), language)
    if draw.random() < 0.5:
        return request_language(instruction, language, request), answered
    return toy_language.encode(instruction, language), answered


def _rendered(tokenizer: Any, prompt: str) -> str:
    messages = [{"role": "user", "content": prompt}]
    return str(tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True))


def write_scores(path: Path, scores: Mapping[str, Mapping[str, Scores]]) -> None:
    """Write scores as JSON."""
    table = {
        model: {
            language: {
                "quality": found.quality,
                "length_ratio": found.length_ratio,
                "win_rate": [found.win_rate.estimate, found.win_rate.low, found.win_rate.high],
                "length_controlled": [
                    found.length_controlled.estimate,
                    found.length_controlled.low,
                    found.length_controlled.high,
                ],
            }
            for language, found in by_language.items()
        }
        for model, by_language in scores.items()
    }
    write_atomic(path, (json.dumps(table, indent=1) + "\n").encode())
