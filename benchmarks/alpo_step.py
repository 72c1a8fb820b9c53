"""What a step of ALPO costs against a step of TRL's DPO on the same tokens, both with the reference's forward pass.

    python benchmarks/alpo_step.py [--steps 12] [--words 4000]

Two trainers with models of one size in one process, steps taken in turns, so that both see the same machine. ALPO's
step includes mixing prefixes and tokenising; TRL's batch is made beforehand of the very rows that ALPO sees at that
step. Claim: at most 1.1 times.
"""

import argparse
import copy
import statistics
import tempfile
import time

import torch
from datasets import Dataset
from transformers import TrainingArguments
from trl import DPOConfig, DPOTrainer
from trl.trainer.dpo_trainer import DataCollatorForPreference

from harness.records import Item, Segment
from trainers.alpo.data import RatedSample, Sample
from trainers.alpo.encoding import Encoder
from trainers.alpo.examples import examples, rows
from trainers.alpo.mixing import Mixing, stream
from trainers.alpo.selection import Rated, Rules
from trainers.alpo.trainer import ALPOTrainer
from trainers.common.config import Training
from trainers.common.running import arguments
from trainers.common.toy import tiny_model, word_tokenizer

LINES = 6
WORDS = 7
BATCH = 2


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=12)
    parser.add_argument("--words", type=int, default=4000, help="size of the vocabulary")
    args = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        times = measure(args.steps, args.words, folder)
    ours, trl = ([pair[place] for pair in times] for place in (0, 1))
    ratio = statistics.median(a / b for a, b in times)
    print(f"{len(times)} steps of {BATCH} samples of {LINES} lines, vocabulary {args.words}, medians:", end=" ")
    print(f"{statistics.median(ours):.3f} s ALPO, {statistics.median(trl):.3f} s TRL's DPO, ratio {ratio:.3f}")


def measure(steps, words, folder):
    """Return seconds of ALPO's and of TRL's step, in turns, without the first two."""
    numbers = [f"{number}." for number in range(1, LINES + 1)]
    tokenizer = word_tokenizer([*(f"w{number}" for number in range(words)), *numbers, ";"])
    encoder = Encoder(tokenizer, " ;")
    samples, rated = data((steps + 2) * BATCH, words)
    made, _ = examples(samples, rated, "alpo", Rules(), 1.0, 0, encoder)
    model = tiny_model(tokenizer, hidden=128, layers=3, length=512)
    ours, theirs = alpo(model, encoder, made, folder), dpo(model, tokenizer, folder)
    times = []
    for step in range(steps + 2):
        batch = made[step * BATCH : (step + 1) * BATCH]
        ours.state.global_step = step
        pairs = [row for one in batch for row in rows(one, ours.prefix(one), encoder)]
        collate = DataCollatorForPreference(tokenizer.pad_token_id)
        tables = [{"prompt_ids": r.before, "chosen_ids": r.chosen, "rejected_ids": r.rejected} for r in pairs]
        inputs = collate(tables)
        times.append((took(ours, {"examples": batch}, len(batch)), took(theirs, inputs, None)))
    return times[2:]


def took(trainer, inputs, samples):
    """Return the seconds of forward, backward and update."""
    start = time.perf_counter()
    trainer.training_step(trainer.model, inputs, samples)
    trainer.optimizer.step()
    trainer.optimizer.zero_grad()
    return time.perf_counter() - start


def alpo(model, encoder, made, folder):
    trainer = ALPOTrainer(
        reference=copy.deepcopy(model),
        encoder=encoder,
        mixing=Mixing(),
        model=copy.deepcopy(model),
        args=TrainingArguments(**arguments(Training(folder, 1e-5, batch=BATCH)) | {"remove_unused_columns": False}),
        train_dataset=made,
        processing_class=encoder.tokenizer,
    )
    trainer.state.max_steps = len(made) // BATCH
    trainer.current_gradient_accumulation_steps = 1
    trainer.create_optimizer()
    return trainer


def dpo(model, tokenizer, folder):
    trainer = DPOTrainer(
        model=copy.deepcopy(model),
        ref_model=copy.deepcopy(model),
        args=DPOConfig(**arguments(Training(folder, 1e-5)), gradient_checkpointing=False, max_length=None),
        train_dataset=Dataset.from_list([{"prompt": "w1", "chosen": " w2", "rejected": " w3"}]),
        processing_class=tokenizer,
    )
    trainer.current_gradient_accumulation_steps = 1
    trainer.create_optimizer()
    return trainer


def data(count, words):
    """Make samples of subtitle length whose candidates are random words."""
    samples, rated = [], []
    for number in range(count):
        rng = stream("benchmark", number)

        def line(rng=rng):
            return " ".join(f"w{word}" for word in rng.integers(words, size=WORDS))

        segments = tuple(Segment(f"{number}-{place}", line(), str(number)) for place in range(LINES))
        prompt = " ".join(f"{place}. {segment.text} ;" for place, segment in enumerate(segments, 1))
        samples.append(Sample(Item(str(number), segments), prompt))
        lines = (Rated(tuple(line() for _ in range(15)), tuple(map(float, rng.integers(0, 100, 15)))) for _ in segments)
        rated.append(RatedSample(str(number), tuple(lines)))
    return samples, rated


if __name__ == "__main__":
    main()
