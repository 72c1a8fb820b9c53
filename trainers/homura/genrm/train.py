"""``sandglass train genrm``: judgements are synthesised, filtered, learned, and tested against held-out labels."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.errors import EXIT_OK, UserError
from harness.jsonl import to_line, write_atomic
from harness.judges import load as load_judge
from harness.judges.families import model_names
from harness.llm.backend import Backend
from harness.llm.door import Door
from harness.records import dump
from trainers.common.config import find_config, read_config
from trainers.homura.genrm.config import PACKAGE, Config
from trainers.homura.genrm.data import Judged, Pair, overlap, read_judged, read_pairs
from trainers.homura.genrm.filtering import Filtered, agreeing, rubric
from trainers.homura.genrm.synthesis import Synthesised, synthesise
from trainers.homura.parts import Part, build_part

if TYPE_CHECKING:
    from trainers.homura.genrm.evaluate import Evaluation

JUDGEMENTS = "judgements.jsonl"
"""What is learned from, in a run's output."""

SYNTHESIS = "synthesis.json"
"""What became of the pairs, by number."""


@dataclass(frozen=True)
class Corpus:
    """What is judged, and what is tested on."""

    pairs: tuple[Pair, ...]
    held_out: tuple[Pair, ...]


def main(config_path: str, sets: Sequence[str], dry_run: bool) -> int:
    """Train by a configuration.

    Args:
        config_path: a TOML file, or ``toy`` or ``default``.
        sets: overrides such as ``train.seed=1``.
        dry_run: check everything, say what would be trained, and stop before a model is asked or loaded.

    Returns:
        Exit code.

    Raises:
        UserError: something in the configuration or the data is wrong.
    """
    config = read_config(find_config(config_path, PACKAGE), Config, sets)
    corpus = load_corpus(config)
    door, parts = teacher_door(config), rubric_parts(config)
    base = config.model.path if config.model else "a tiny model from scratch"
    print(f"{base}: {len(corpus.pairs)} pairs to be judged, {len(corpus.held_out)} held out")
    if dry_run:
        return EXIT_OK
    folder = run(config, corpus, door, parts)
    from trainers.common.running import processes
    from trainers.homura.genrm.evaluate import told

    if processes().is_main_process:
        print(told(evaluated(config, folder, corpus.held_out)))
        print(f"Finished: {folder}; use it as --judge genrm:model=hf/{folder.absolute()} or as [quality.genrm]")
    return EXIT_OK


def load_corpus(config: Config) -> Corpus:
    """Read the pairs, or make the toy's.

    Raises:
        UserError: a file is wrong, or held-out sources stand in the pairs.
    """
    if config.toy is not None:
        from trainers.homura.genrm.toy import make_pairs

        toy = config.toy
        return Corpus(
            tuple(make_pairs(toy.pairs, config.train.seed)),
            tuple(make_pairs(toy.held_out, config.train.seed, evaluation=True)),
        )
    pairs = read_pairs(Path(config.data.pairs))
    held_out = read_pairs(Path(config.data.held_out), labelled=True)
    if same := overlap(pairs, held_out):
        raise UserError(
            f"{len(same)} held-out sources stand in {config.data.pairs}, such as {same[0]!r}.",
            "Take them out of one of the two files: a test on what was learned says nothing.",
        )
    return Corpus(tuple(pairs), tuple(held_out))


def teacher_door(config: Config) -> Door:
    """Open the door to the teacher, and check that it can be asked.

    Raises:
        UserError: its key or package is missing.
    """
    if config.toy is not None:
        from trainers.homura.genrm.toy import Teacher

        backends: Mapping[str, Backend] = {"toy": Teacher(config.toy)}
        return Door(None, concurrency=config.teacher.concurrency, backends=backends)
    door = config.teacher.door()
    door.check(load_judge(config.teacher.judge, config.data.source, config.data.target).models)
    return door


def rubric_parts(config: Config) -> tuple[Part, ...]:
    """Build the rubric's parts; none where nothing is filtered.

    Raises:
        UserError: a setting, key or embedder is missing.
    """
    if config.rubric.filter == "none":
        return ()
    if config.toy is not None:
        from trainers.homura.genrm.toy import Similarity, WellFormed

        return Similarity(config.toy.similarity), WellFormed()
    languages = {"source": config.data.source, "target": config.data.target}
    return tuple(build_part(name, languages | settings) for name, settings in sorted(config.rubric.parts.items()))


def synthesised(config: Config, pairs: Sequence[Pair], door: Door, parts: Sequence[Part]) -> list[Judged]:
    """Synthesise judgements and filter them; a run that goes on reads what it made, and learns from the same.

    Raises:
        UserError: none is left.
        CostLimit: the next call could pass the cost limit.
    """
    output = Path(config.train.output)
    if not (output / JUDGEMENTS).is_file():
        made, filtered = asyncio.run(judgements(config, pairs, door, parts))
        found = counts(made, filtered)
        print("judgements: " + ", ".join(f"{number} {what}" for what, number in found.items()))
        if not filtered.kept:
            raise UserError("No judgement is left to learn from.", "Check the teacher and rubric.threshold.")
        write_atomic(output / SYNTHESIS, (json.dumps(found, indent=1) + "\n").encode())
        write_atomic(output / JUDGEMENTS, b"".join(to_line(dump(one)) for one in filtered.kept))
    return read_judged(output / JUDGEMENTS)


async def judgements(
    config: Config, pairs: Sequence[Pair], door: Door, parts: Sequence[Part]
) -> tuple[Synthesised, Filtered]:
    """Ask the teacher for judgements, and hold them against the rubric."""
    teacher, data = config.teacher, config.data
    made = await synthesise(pairs, teacher.judge, data.source, data.target, door, samples=teacher.samples)
    await door.close()
    if not parts:
        return made, Filtered(made.judged)
    verdicts = await rubric([one.pair for one in made.judged], parts, config.rubric.threshold)
    return made, agreeing(made.judged, verdicts)


def counts(made: Synthesised, filtered: Filtered) -> dict[str, int]:
    """Say what became of the pairs."""
    return {
        "judged": len(made.judged),
        "failed": made.failed,
        "unparsable": made.unparsable,
        "endless": made.too_long,
        "kept": len(filtered.kept),
        "disagreeing with the rubric": filtered.disagreeing,
        "without a rubric": filtered.missing,
    }


def run(config: Config, corpus: Corpus, door: Door, parts: Sequence[Part]) -> Path:
    """Train and save; the same call continues a run that was stopped.

    Returns:
        Folder of the finished checkpoint.

    Raises:
        UserError: no judgement is left, the loss is no number, or the model may not be loaded.
    """
    from trainers.common.card import Card
    from trainers.common.running import MODEL, hash_of, prepare, processes, train
    from trainers.homura.genrm import sft

    output = prepare(config.train, config)
    if (output / MODEL / "sandglass.json").is_file():
        return output / MODEL
    with processes().main_process_first():  # the others read what it made
        judged = synthesised(config, corpus.pairs, door, parts)
    model, tokenizer, lora = _base(config)
    learned = sft.fitting(tokenizer, judged, config.data.max_length)
    made = json.loads((output / SYNTHESIS).read_bytes()) | {"over data.max_length": len(judged) - len(learned)}
    card = Card(
        method="genrm",
        base=config.model.path if config.model else "a tiny model from scratch",
        optimised_for=optimised_for(config, parts),
        config=dump(config),
        data={"sha256": hash_of([dump(one) for one in learned]), "judgements": str(len(learned))}
        | {what: str(number) for what, number in made.items()},
        demonstration=config.toy is not None,
    )
    return train(sft.build(model, tokenizer, learned, config.train, config.data.max_length, lora), config.train, card)


def evaluated(config: Config, finished: Path, held_out: Sequence[Pair]) -> "Evaluation":
    """Let a finished GenRM judge the held-out pairs; answers, table and plot go to the run's output."""
    from trainers.common.config import Model
    from trainers.common.models import load_model
    from trainers.common.running import processes
    from trainers.homura.genrm import evaluate

    asked = config.evaluation
    model, tokenizer = load_model(replace(config.model or Model(""), path=str(finished)))
    model.to(processes().device)
    verdicts = evaluate.ask(model, tokenizer, held_out, max_tokens=asked.max_tokens, batch=asked.batch)
    found = evaluate.summarise(verdicts)
    evaluate.write(finished.parent, verdicts, found)
    return found


def _base(config: Config) -> tuple[Any, Any, Any]:
    """Load what is trained, its tokenizer, and the adapters' configuration."""
    if config.toy is not None:
        from trainers.homura.genrm.toy import tokenizer_and_model

        tokenizer, model = tokenizer_and_model(config.toy, config.train.seed)
        return model, tokenizer, None
    from trainers.common.models import load_model, lora_config

    assert config.model is not None  # said by Config
    model, tokenizer = load_model(config.model)
    if tokenizer.chat_template is None:
        raise UserError(f"{config.model.path} has no chat template.", "Train an instruction-tuned model.")
    return model, tokenizer, lora_config(config.model)


def optimised_for(config: Config, parts: Sequence[Part]) -> tuple[str, ...]:
    """Name what the data came from: the teacher with its family, and what the rubric measures with."""
    names = {name for part in parts for name in part.optimised_for}
    judge = load_judge(config.teacher.judge, config.data.source, config.data.target)
    return tuple(sorted({"judge/genrm", *names, *model_names(*(model for model, _ in judge.models))}))
