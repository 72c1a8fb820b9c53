"""Small runs of HOMURA for tests: a tiny model, a quality part, a configuration."""

import os
import signal
from dataclasses import dataclass
from pathlib import Path

from trainers.common.config import Model, Training
from trainers.common.models import save_model
from trainers.common.toy import tiny_model, word_tokenizer
from trainers.homura.config import Config, Data, Grpo, Reward

WORDS = "the king fled home and they won a gold day hero ran he she it".split()
MAX_TOKENS = 12
GENERATIONS = 4
BATCH = 16


@dataclass
class King:
    """A quality part that likes one word, and kills the process where it is told to."""

    name: str = "king"
    kind: str = "judgement"
    optimised_for: tuple[str, ...] = ("kings",)
    die_at: int = 0
    calls: int = 0

    def __call__(self, batch):
        self.calls += 1
        if self.calls == self.die_at:
            os.kill(os.getpid(), signal.SIGKILL)
        return [float("king" in text) for text in batch.hypotheses]


def config(output, **grpo):
    return Config(
        Model(f"hf/{output}-base"),
        Training(str(output), 0.02, batch=BATCH, steps=4, save_steps=2, schedule="constant", warmup=0.0, threads=1),
        Data("sandglass_mini_zh_en", prompt="plain", limit=32),
        Reward(profile="repaired"),
        {"king": {}},
        Grpo(**{"generations": GENERATIONS, "max_tokens": MAX_TOKENS, "temperature": 1.0} | grpo),
    )


def made(output):
    """Save a tiny base model beside the output folder."""
    tokenizer = word_tokenizer(WORDS)
    save_model(tiny_model(tokenizer, hidden=32, layers=1, heads=2), tokenizer, Path(f"{output}-base"))
