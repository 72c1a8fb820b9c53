"""What HOMURA's rewards cost: their share of a step, and a step against the same TRL step with trivial rewards.

    python benchmarks/homura_step.py [--steps 40] [--rollouts 256]

One run of one trainer, steps taken in turns with HOMURA's rewards (no model calls) and with constant-time
ones, so that both see the same machine and the same model. The model is tiny (two layers of width 128, on one thread),
which is the worst case: rewards cost the same beside a model of billions of parameters. Claims: rewards under 2 % of a
step, a step at most 5 % dearer.
"""

import argparse
import random
import statistics
import tempfile

from harness.task import load_task
from trainers.common.config import Model, Training
from trainers.common.toy import tiny_model, word_tokenizer
from trainers.homura.config import Config, Data, Grpo, Reward
from trainers.homura.data import load_corpus
from trainers.homura.trainer import build_trainer

TASK = "sandglass_mini_zh_en"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--rollouts", type=int, default=256)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        config = Config(
            Model("made here"),
            Training(folder, 1e-6, batch=args.rollouts, steps=args.steps, save_steps=10**6, threads=1),
            Data(TASK, prompt="plain", held_out=0),
            Reward(profile="repaired", quality_weight=0),
            {},
            Grpo(max_tokens=24),
        )
        rows = measure(config)
    ours, trivial = (
        [row["step_time"] for row in rows if ("reward_seconds" in row) == with_ours] for with_ours in (True, False)
    )
    shares = [row["reward_seconds"] / row["step_time"] for row in rows if "reward_seconds" in row]
    print(f"{len(rows)} steps of {args.rollouts} rollouts, medians: {statistics.median(ours):.3f} s with HOMURA's")
    print(f"rewards, {statistics.median(trivial):.3f} s with trivial ones: x {ratio(ours, trivial):.4f}")
    print(f"rewards: {statistics.median(shares):.2%} of a step")


def measure(config):
    """Train, and return the rows of the log but for the first two, in which things are loaded."""
    import torch

    torch.set_num_threads(config.train.threads)
    references = " ".join(segment.reference for segment in load_task(TASK).segments)
    tokenizer = word_tokenizer(references.split())
    trainer = build_trainer(config, load_corpus(config), [], tiny_model(tokenizer), tokenizer, None)
    homura = trainer.reward_funcs[0]
    draw = random.Random(0)

    async def in_turns(prompts, trainer_state, **given):
        if trainer_state.global_step % 2:
            return [draw.random() for _ in prompts]
        return await homura(prompts, trainer_state=trainer_state, **given)

    trainer.reward_funcs = [in_turns]
    trainer.train()
    return [row for row in trainer.state.log_history if "step_time" in row][2:]


def ratio(ours, trivial):
    """Return the median of the ratios of neighbouring steps."""
    return statistics.median(a / b for a, b in zip(ours, trivial, strict=False))


if __name__ == "__main__":
    main()
