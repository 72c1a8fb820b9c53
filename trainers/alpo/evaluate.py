"""Stage 4: what SFT and the trained model are worth, by counting or by judges through the door."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.errors import UserError
from harness.jsonl import write_atomic
from harness.llm.cache import ResponseCache, default_cache_dir
from harness.llm.door import Door
from trainers.alpo.config import TOY, Config
from trainers.alpo.data import Sample
from trainers.alpo.measures import (
    DIMENSIONS,
    Compare,
    Output,
    Rate,
    against,
    as_data,
    by_comparison,
    by_count,
    by_counting,
    by_judge,
    read_system,
    score,
    table,
)
from trainers.alpo.sampling import Decoding, Local
from trainers.alpo.setup import encoder_of, evaluation_samples, optimised_for, sampling_model, task_of
from trainers.common.config import Model


def evaluate(config: Config, systems: Mapping[str, Model]) -> dict[str, Any]:
    """Translate with models, measure them, and compare the last with all others.

    Args:
        config: says what is measured.
        systems: models by name, the trained one last.

    Returns:
        Scores by system and dimension, win : tie : loss by opponent, and the names of what is no evidence because a
        judge of that model or family made the preferences, as stored in ``evaluation.json``.
    """
    outputs: dict[str, list[Output]] = {}
    samples: list[Sample] = []
    for name, system in systems.items():
        model, tokenizer = sampling_model(system)
        samples = evaluation_samples(config, tokenizer)
        outputs[name] = asyncio.run(translated(config, samples, model, tokenizer))
    outputs |= {name: read_system(Path(path), samples) for name, path in config.evaluation.systems.items()}
    if all(sample.references for sample in samples):
        outputs["reference"] = [sample.references for sample in samples]
    found: dict[str, Any] = asyncio.run(_measured(config, samples, outputs, list(systems)[-1]))
    write_atomic(Path(config.train.output) / "evaluation.json", (json.dumps(found, indent=1) + "\n").encode())
    return found


async def translated(config: Config, samples: Sequence[Sample], model: Any, tokenizer: Any) -> list[Output]:
    """Translate samples, each at once."""
    chosen = config.sampling
    decoding = Decoding(1, config.evaluation.temperature, chosen.top_p, chosen.top_k, chosen.max_tokens)
    sampler = Local(model, encoder_of(config, tokenizer), decoding, config.train.seed, chosen.batch)
    return [drawn[0] for drawn in await sampler.outputs(samples, 1)]


async def _measured(
    config: Config, samples: Sequence[Sample], outputs: Mapping[str, Sequence[Output]], own: str
) -> dict[str, Any]:
    door = Door(ResponseCache(default_cache_dir()))
    try:
        rates, compares, optimised = measures_of(config, door)
        scores = {
            system: {name: await score(samples, lines, rate) for name, rate in rates.items()}
            for system, lines in outputs.items()
        }
        compared = {
            other: {name: await against(samples, outputs[own], lines, by) for name, by in compares.items()}
            for other, lines in outputs.items()
            if other != own
        }
    finally:
        await door.close()
    print(table(scores, compared, optimised))
    broken = {system: sum(lines is None for lines in found) for system, found in outputs.items()}
    return {
        "scores": as_data(scores),
        "against": as_data(compared),
        "optimised_for": sorted(optimised),
        "misread": broken,
        "samples": len(samples),
    }


def measures_of(config: Config, door: Door) -> tuple[dict[str, Rate], dict[str, Compare], frozenset[str]]:
    """Return the dimensions and the comparisons that a configuration asks for, and the names that are no evidence.

    Raises:
        UserError: two judges of one dimension, or a key, provider or package is missing.
    """
    if config.evaluation.task == TOY:
        rates = {name: by_counting(name) for name in DIMENSIONS}
        compares = {name: by_count(name) for name in (*DIMENSIONS, "comprehensive")}
        return rates, compares, frozenset(compares)
    from harness.judges import load_chunk, load_pairwise
    from harness.judges.families import model_names

    task = task_of(config.evaluation.task, config.evaluation.path)
    languages = task.source, task.target
    own = config.model.path
    judges = [load_chunk(spec, *languages, system=own, lines=task.window) for spec in config.evaluation.judges]
    pairs = [load_pairwise(spec, *languages) for spec in config.evaluation.pairwise]
    models = {judge.name: judge.models for judge in judges} | {judge.name: judge.models for judge in pairs}
    if len(models) < len(judges) + len(pairs):
        raise UserError("Two judges of the evaluation have one dimension.", "Give one, or a panel.")
    door.check([model for asked in models.values() for model in asked])
    used = frozenset(optimised_for(config))
    return (
        {judge.name: by_judge(judge, door, task.target) for judge in judges},
        {judge.name: by_comparison(judge, door) for judge in pairs},
        frozenset(name for name, asked in models.items() if used & model_names(*(model for model, _ in asked))),
    )
