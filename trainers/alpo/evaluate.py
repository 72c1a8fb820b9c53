"""Stage 4: what SFT and the trained model are worth, by counting or by judges through the door."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

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
from trainers.alpo.setup import encoder_of, evaluation_samples, task_of
from trainers.common.config import Model


def evaluate(config: Config, systems: Mapping[str, Path]) -> dict[str, Any]:
    """Translate with checkpoints, measure them, and compare the last with all others.

    Args:
        config: says what is measured.
        systems: names and folders of checkpoints, the trained one last.

    Returns:
        Scores by system and dimension, and win : tie : loss by opponent, as stored in ``evaluation.json``.
    """
    from trainers.common.models import load_model

    outputs: dict[str, list[Output]] = {}
    samples: list[Sample] = []
    for name, folder in systems.items():
        model, tokenizer = load_model(Model(f"hf/{folder.absolute()}", dtype=config.model.dtype))
        samples = evaluation_samples(config, tokenizer)
        outputs[name] = asyncio.run(translated(config, model, tokenizer))
    outputs |= {name: read_system(Path(path), samples) for name, path in config.evaluation.systems.items()}
    if all(sample.references for sample in samples):
        outputs["reference"] = [sample.references for sample in samples]
    found: dict[str, Any] = asyncio.run(_measured(config, samples, outputs, list(systems)[-1]))
    write_atomic(Path(config.train.output) / "evaluation.json", (json.dumps(found, indent=1) + "\n").encode())
    return found


async def translated(config: Config, model: Any, tokenizer: Any) -> list[Output]:
    """Translate the test samples, each at once."""
    chosen = config.sampling
    decoding = Decoding(1, config.evaluation.temperature, chosen.top_p, chosen.top_k, chosen.max_tokens)
    sampler = Local(model, encoder_of(config, tokenizer), decoding, config.train.seed, chosen.batch)
    return [drawn[0] for drawn in await sampler.outputs(evaluation_samples(config, tokenizer), 1)]


async def _measured(
    config: Config, samples: Sequence[Sample], outputs: Mapping[str, Sequence[Output]], own: str
) -> dict[str, Any]:
    door = Door(ResponseCache(default_cache_dir()))
    try:
        rates, compares = measures_of(config, door)
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
    print(table(scores, compared))
    broken = {system: sum(lines is None for lines in found) for system, found in outputs.items()}
    return {"scores": as_data(scores), "against": as_data(compared), "misread": broken, "samples": len(samples)}


def measures_of(config: Config, door: Door) -> tuple[dict[str, Rate], dict[str, Compare]]:
    """Return the dimensions and the comparisons that a configuration asks for."""
    if config.evaluation.task == TOY:
        return (
            {name: by_counting(name) for name in DIMENSIONS},
            {name: by_count(name) for name in (*DIMENSIONS, "comprehensive")},
        )
    from harness.judges import load_chunk, load_pairwise

    task = task_of(config.evaluation.task, config.evaluation.path)
    languages = task.source, task.target
    judges = [load_chunk(spec, *languages, lines=task.window) for spec in config.evaluation.judges]
    pairs = [load_pairwise(spec, *languages) for spec in config.evaluation.pairwise]
    door.check([model for judge in judges for model in judge.models] + [model for j in pairs for model in j.models])
    return {judge.name: by_judge(judge, door) for judge in judges}, {j.name: by_comparison(j, door) for j in pairs}
