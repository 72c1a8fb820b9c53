"""What the stages of a run share: base model, samples, tokens, scorer."""

from pathlib import Path
from typing import Any

from harness.budget import Budget
from harness.errors import UserError
from harness.judges.families import model_names
from harness.llm.door import Door
from harness.llm.training_card import TrainedOn
from harness.metrics.fill import SPEECH_RATES
from harness.task import Task, load_task
from trainers.alpo.config import TOY, Config
from trainers.alpo.data import Sample, from_task, split
from trainers.alpo.encoding import Encoder
from trainers.alpo.scoring import Exact, Judged, Scorer, Timed
from trainers.common.config import Model
from trainers.common.running import processes

TEST_SEED = 1_000_000
"""Of the toy's test scenes, which no run is trained on."""


def base(model: Model, toy_seed: int) -> tuple[Any, Any]:
    """Load the base model and its tokenizer, or make the toy's."""
    if model.path != TOY:
        from trainers.common.models import load_model

        return load_model(model)
    from trainers.common.toy import tiny_model

    tokenizer = tokenizer_of(model)
    return tiny_model(tokenizer, hidden=64, layers=1, length=96, seed=toy_seed), tokenizer


def sampling_model(model: Model) -> tuple[Any, Any]:
    """Load a checkpoint to sample from, and its tokenizer, on this process's device.

    How the checkpoint would decode by itself, such as with a penalty on repetitions, is forgotten.
    """
    from transformers import GenerationConfig

    from trainers.common.models import load_model

    loaded, tokenizer = load_model(model)
    loaded.generation_config = GenerationConfig()
    return loaded.to(processes().device), tokenizer


def tokenizer_of(model: Model) -> Any:
    """Load the base model's tokenizer alone, its checkpoint checked, or make the toy's."""
    if model.path != TOY:
        from transformers import AutoTokenizer

        from trainers.common.models import checkpoint_folder

        return AutoTokenizer.from_pretrained(checkpoint_folder(model.path))
    from trainers.alpo.toy_language import vocabulary
    from trainers.common.toy import word_tokenizer

    return word_tokenizer(vocabulary())


def task_of(name: str, path: str) -> Task:
    """Load a task."""
    return load_task(name, Path(path) if path else None)


def training_samples(config: Config, tokenizer: Any) -> tuple[list[Sample], list[Sample]]:
    """Return the samples for SFT and those for preferences."""
    if config.data.task == TOY:
        from trainers.alpo.toy_language import scenes

        samples = scenes(config.data.scenes, config.train.seed)
    else:
        samples = from_task(task_of(config.data.task, config.data.path), tokenizer)
    first, second = split(samples, config.data.sft_share)
    if not second:
        raise UserError(
            f"{config.data.task} leaves no samples for preferences.", "Lower data.sft_share, or give more data."
        )
    return first, second


def evaluation_samples(config: Config, tokenizer: Any) -> list[Sample]:
    """Return what is translated for the evaluation.

    Raises:
        UserError: it is trained on.
    """
    if config.evaluation.task == TOY:
        from trainers.alpo.toy_language import scenes

        return scenes(config.evaluation.limit, TEST_SEED)
    task = task_of(config.evaluation.task, config.evaluation.path)
    if config.data.task != TOY:
        _check_unseen(task, task_of(config.data.task, config.data.path))
    return from_task(task.limited(config.evaluation.limit or None), tokenizer)


def _check_unseen(measured: Task, training: Task) -> None:
    # by video and line: names of videos alone may be numbers, which other data have too
    seen = {(segment.cluster, segment.text) for segment in training.segments}
    if both := {segment.cluster for segment in measured.segments if (segment.cluster, segment.text) in seen}:
        raise UserError(
            f"{len(both)} videos of the evaluation, {measured.name}, are trained on, such as {min(both)!r}.",
            "Name other data in evaluation.task or evaluation.path, or leave evaluation.task empty.",
        )


def trained_on(config: Config) -> tuple[TrainedOn, ...]:
    """Return what cards name as trained on: the whole task, whichever stage took which samples of it."""
    return () if config.data.task == TOY else (TrainedOn(task_of(config.data.task, config.data.path).line(), ()),)


def encoder_of(config: Config, tokenizer: Any) -> Encoder:
    """Return what makes tokens."""
    return Encoder(tokenizer, config.separator, config.cutoff)


def check_models(config: Config, scorer: Scorer, door: Door) -> None:
    """Check the models that candidates and their scores need, before anything is spent.

    Raises:
        UserError: a key, provider or package is missing.
    """
    models = list(scorer.judge.models) if isinstance(scorer, Judged) else []
    if config.sampling.model:
        models.append((config.sampling.model, config.sampling.api_base or None))
    door.check(models)


def optimised_for(config: Config) -> tuple[str, ...]:
    """Return what the preferences are made with, as cards name it: the scorer, and the model that was sampled."""
    sampled = model_names(config.sampling.model) if config.sampling.model else ()
    return tuple(sorted({*scorer_of(config, Door(None)).optimised_for, *sampled}))


def scorer_of(config: Config, door: Door) -> Scorer:
    """Return what rates the candidates."""
    if config.scoring.scorer == "exact":
        return Exact()
    task = task_of(config.data.task, config.data.path)
    if config.scoring.scorer == "judge":
        from harness.judges import load_candidates

        return Judged(load_candidates(config.scoring.judge, task.source, task.target), door)
    rate = config.scoring.rate or SPEECH_RATES.get(task.target, 0.0)
    if not rate:
        raise UserError(f"No speaking rate is known for {task.target}.", "Set scoring.rate, in syllables a second.")
    bounds = (config.scoring.low, config.scoring.high)
    return Timed(Budget(task.source, task.target, "pyphen", bounds, "duration", rate))
