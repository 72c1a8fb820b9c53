"""HOMURA on TRL's GRPOTrainer: its arguments, the reward function, the trainer.

The loop, rollouts, advantages and clipped objective are TRL's (``tests/test_homura_trainer.py`` holds them against
NumPy); rewards are ours.
"""

import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from trainers.common.running import arguments
from trainers.homura.config import Config, Grpo
from trainers.homura.data import Corpus
from trainers.homura.parts import Part
from trainers.homura.scoring import Scorer

RewardFunction = Callable[..., Awaitable[list[float | None]]]


def build_trainer(config: Config, corpus: Corpus, parts: Sequence[Part], model: Any, tokenizer: Any, lora: Any) -> Any:
    """Build the trainer of a run.

    Args:
        config: the run.
        corpus: training set, with how to read and count.
        parts: quality parts of the reward.
        model: causal language model, changed in place.
        tokenizer: its own.
        lora: PEFT's configuration, None to train all weights.

    Returns:
        TRL's GRPOTrainer.
    """
    from datasets import Dataset
    from trl import GRPOConfig, GRPOTrainer

    if corpus.line:
        end_at_lines(model, tokenizer)
    ends = end_tokens(model, tokenizer)
    scorer = Scorer(corpus, config.reward, parts)
    return GRPOTrainer(
        model=model,
        reward_funcs=reward_function(scorer, ends, config.grpo.max_tokens),
        args=GRPOConfig(**arguments(config.train), **rollouts(config.grpo), **thinking(config)),
        train_dataset=Dataset.from_list(list(corpus.rows)),
        processing_class=tokenizer,
        peft_config=lora,
    )


def rollouts(grpo: Grpo) -> dict[str, Any]:
    """Return the keywords of ``GRPOConfig`` beyond those of every training run.

    Examples:
        >>> rollouts(Grpo(vllm="http://127.0.0.1:8000"))["vllm_mode"]
        'server'
    """
    keywords: dict[str, Any] = {
        "num_generations": grpo.generations,
        "temperature": grpo.temperature,
        "max_completion_length": grpo.max_tokens,
        "loss_type": grpo.loss,
        "scale_rewards": grpo.scale,
        "beta": grpo.beta,
        "epsilon": grpo.epsilon,
        "num_iterations": grpo.iterations,
        "use_vllm": bool(grpo.vllm),
        "disable_dropout": True,
        "use_bias_correction_kl": False,  # TRL's default weighs the KL term by the ratio; eq. 16 does not
    }
    if grpo.vllm == "colocate":
        keywords["vllm_mode"] = "colocate"
    elif grpo.vllm:
        keywords |= {"vllm_mode": "server", "vllm_server_base_url": grpo.vllm}
    return keywords


def thinking(config: Config) -> dict[str, Any]:
    """Return the keyword that closes, or opens, thinking in chat templates that know it."""
    if not config.data.chats:
        return {}
    return {"chat_template_kwargs": {"enable_thinking": config.data.thinking}}


def reward_function(scorer: Scorer, ends: frozenset[int], max_tokens: int) -> RewardFunction:
    """Return the reward function that TRL calls with each batch of rollouts.

    Args:
        scorer: scores rollouts.
        ends: tokens that end an answer.
        max_tokens: most tokens of a rollout.
    """

    async def homura(
        prompts: Sequence[Any],
        completions: Sequence[Any],
        completion_ids: Sequence[Sequence[int]],
        log_metric: Callable[[str, float], None],
        trainer_state: Any = None,
        log_extra: Any = None,
        **columns: Sequence[Any],
    ) -> list[float | None]:
        started = time.perf_counter()
        cut = [len(ids) >= max_tokens and ids[-1] not in ends for ids in completion_ids]
        scored = await scorer.score([text_of(completion) for completion in completions], cut, columns)
        for name, value in scorer.measures(scored, columns).items():
            log_metric(name, value)
        log_metric("reward_seconds", time.perf_counter() - started)
        return [one.reward for one in scored]

    return homura


def text_of(completion: Any) -> str:
    """Return the text of a completion, which is one or a chat of one message.

    Examples:
        >>> text_of("Hello"), text_of([{"role": "assistant", "content": "Hello"}])
        ('Hello', 'Hello')
    """
    return completion if isinstance(completion, str) else completion[0].get("content") or ""


def end_tokens(model: Any, tokenizer: Any) -> frozenset[int]:
    """Return the tokens that end an answer of a model: its own, and its tokenizer's."""
    own = model.generation_config.eos_token_id
    own = [] if own is None else [own] if isinstance(own, int) else own
    return frozenset([*own, tokenizer.eos_token_id])


def end_at_lines(model: Any, tokenizer: Any) -> None:
    """Let a base model's answers end with their line: tokens of line breaks end a rollout."""
    written = (tokenizer(text, add_special_tokens=False).input_ids for text in ("\n", "\n\n"))
    breaks = {ids[0] for ids in written if len(ids) == 1 and ids[0] != tokenizer.unk_token_id}
    model.generation_config.eos_token_id = sorted(end_tokens(model, tokenizer) | breaks)
