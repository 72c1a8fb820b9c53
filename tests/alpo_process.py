"""A process of a run of ALPO, alone or one of two: ``python -m tests.alpo_process FOLDER BATCH``."""

import copy
import sys
from pathlib import Path

import numpy as np
from transformers import TrainingArguments

from tests import alpo_toy
from trainers.alpo.mixing import Mixing
from trainers.alpo.trainer import ALPOTrainer
from trainers.common.config import Training
from trainers.common.running import arguments


def main(folder, batch):
    model = alpo_toy.model()
    trainer = ALPOTrainer(
        reference=copy.deepcopy(model),
        encoder=alpo_toy.encoder(),
        mixing=Mixing(),
        pairs=5,
        model=model,
        args=TrainingArguments(
            **arguments(Training(str(folder / "run"), 0.5, batch=batch, steps=2, warmup=0.0))
            | {"remove_unused_columns": False, "optim": "sgd"}
        ),
        train_dataset=alpo_toy.made(24)[0],
        processing_class=alpo_toy.tokenizer(),
    )
    trainer.train()
    inner = trainer.accelerator.unwrap_model(trainer.model)
    np.save(folder / f"{trainer.accelerator.process_index}.npy", alpo_toy.weights_of(inner))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
