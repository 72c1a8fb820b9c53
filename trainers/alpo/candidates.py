"""Stage 2: candidates, sampled and rated; ``rated.jsonl`` grows by groups and is continued after a kill."""

import asyncio
from collections.abc import Callable, Sequence, Set
from dataclasses import replace
from functools import partial
from pathlib import Path

from harness.jsonl import Appender
from harness.llm.cache import ResponseCache, default_cache_dir
from harness.llm.door import Door
from harness.records import dump
from trainers.alpo.config import Config
from trainers.alpo.data import RatedSample, Sample, read_rated
from trainers.alpo.mixing import stream
from trainers.alpo.rating import Rating
from trainers.alpo.sampling import ByDoor, Decoding, Local, Sampler
from trainers.alpo.setup import (
    check_models,
    encoder_of,
    sampling_model,
    scorer_of,
    task_of,
    tokenizer_of,
    training_samples,
)
from trainers.common.config import Model
from trainers.common.running import prepare


def candidates(config: Config, start: Model) -> list[RatedSample]:
    """Sample and rate candidates of the samples for preferences, or read them where that is done."""
    claim = replace(config.train, output=config.sampling.output)
    output = prepare(claim, config.candidates_stage())
    path = output / "rated.jsonl"
    _, samples = training_samples(config, tokenizer_of(start))
    known = {rated.id for rated in read_rated(path)}
    size = config.sampling.group
    groups = [samples[place : place + size] for place in range(0, len(samples), size)]
    if left := [group for group in groups if any(sample.id not in known for sample in group)]:
        asyncio.run(_rate(config, left, known, start, path))
    return read_rated(path)


async def _rate(config: Config, groups: Sequence[Sequence[Sample]], known: Set[str], start: Model, path: Path) -> None:
    """Rate groups of samples; a group torn by a kill is sampled again as a whole, so that its draws are the same."""
    door = Door(ResponseCache(default_cache_dir()))
    rows = Appender(path)
    try:
        scorer = scorer_of(config, door)
        check_models(config, scorer, door)
        sampler_of = _samplers(config, start, door)
        for group in groups:
            seed = int(stream("sampling", config.train.seed, group[0].id).integers(1 << 31))
            rating = Rating(sampler_of(seed), scorer, config.sampling.k, config.selection, config.train.seed)
            for rated in await rating.rate(group, config.sampling.mode):
                if rated.id not in known:
                    rows.append(dump(rated))
    finally:
        rows.close()
        await door.close()


def _samplers(config: Config, start: Model, door: Door) -> Callable[[int], Sampler]:
    """Return what makes a sampler of a seed."""
    chosen = config.sampling
    decoding = Decoding(chosen.k, chosen.temperature, chosen.top_p, chosen.top_k, chosen.max_tokens)
    if chosen.model:
        task = task_of(config.data.task, config.data.path)
        return partial(ByDoor, door, chosen.model, task.source, task.target, decoding, chosen.api_base or None)
    model, tokenizer = sampling_model(start)
    encoder = encoder_of(config, tokenizer)
    return lambda seed: Local(model, encoder, decoding, seed, chosen.batch)
