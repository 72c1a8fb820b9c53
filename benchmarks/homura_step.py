"""What HOMURA's rewards cost: their share of a step, and a step against the same TRL step with trivial rewards.

    python benchmarks/homura_step.py [--steps 62] [--rollouts 256] [--width 128]

One run of one trainer, steps taken in turns with HOMURA's rewards (no model calls) and with constant-time
ones, so that both see the same machine and the same model. The model is tiny (two layers, on one thread), which is the
worst case: rewards cost the same beside a model of billions of parameters. The aim: rewards under 2 % of a step, a step
at most 5 % dearer; docs/homura.md has what came out.
"""

import argparse
import random
import statistics
import tempfile

from scipy import stats

from harness.task import load_task
from trainers.common.config import Model, Training
from trainers.common.toy import tiny_model, word_tokenizer
from trainers.homura.config import Config, Data, Grpo, Reward
from trainers.homura.data import load_corpus
from trainers.homura.trainer import build_trainer

TASK = "sandglass_mini_zh_en"
ENDS = 10
"""Every tenth word ends an answer: a random model would end hardly any, and what is cut off is not counted or read."""


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=62)
    parser.add_argument("--rollouts", type=int, default=256)
    parser.add_argument("--width", type=int, default=128, help="of the model")
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
        rows = measure(config, args.width)
    ours, trivial = ([row for row in rows if ("reward_seconds" in row) == with_ours] for with_ours in (True, False))
    print(f"{len(rows)} steps of {args.rollouts} rollouts; medians with 95 % intervals")
    print(f"a step: {median([row['step_time'] for row in ours])} s with HOMURA's rewards,")
    print(f"{median([row['step_time'] for row in trivial])} s with trivial ones;")
    ratios = [one["step_time"] / other["step_time"] for one, other in zip(ours, trivial, strict=False)]
    print(f"ratio of neighbouring steps: {median(ratios)}")
    print(f"rewards: {median([row['reward_seconds'] / row['step_time'] for row in ours])} of a step")
    print(f"malformed outputs, which cost less: {statistics.fmean(row['signs/malformed'] for row in ours):.0%}")


def median(values):
    """Write a median with its interval by order statistics."""
    found = stats.quantile_test(values, q=statistics.median(values), p=0.5).confidence_interval(0.95)
    return f"{statistics.median(values):.4f} [{found.low:.4f}, {found.high:.4f}]"


def measure(config, width):
    """Train, and return the rows of the log but for the first two, in which things are loaded."""
    import torch

    torch.set_num_threads(config.train.threads)
    references = " ".join(segment.reference for segment in load_task(TASK).segments)
    tokenizer = word_tokenizer(references.split())
    model = tiny_model(tokenizer, hidden=width)
    model.generation_config.eos_token_id = list(range(tokenizer.eos_token_id, len(tokenizer), ENDS))
    trainer = build_trainer(config, load_corpus(config), [], model, tokenizer, None)
    homura = trainer.reward_funcs[0]
    draw = random.Random(0)

    async def in_turns(prompts, trainer_state, **given):
        if trainer_state.global_step % 2:
            return [draw.random() for _ in prompts]
        return await homura(prompts, trainer_state=trainer_state, **given)

    trainer.reward_funcs = [in_turns]
    trainer.train()
    return [row for row in trainer.state.log_history if "step_time" in row][2:]


if __name__ == "__main__":
    main()
