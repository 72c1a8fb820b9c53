"""A process of a run of ALPO, alone or one of two: ``python -m tests.alpo_process FOLDER BATCH [sharded]``.

Sharded it does not train: it computes log-probabilities of a model that FSDP2 has sharded, and their gradients.
"""

import copy
import sys
from pathlib import Path

import numpy as np
import torch
from transformers import TrainingArguments

from tests import alpo_toy
from trainers.alpo.examples import rows
from trainers.alpo.mixing import Mixing
from trainers.alpo.trainer import ALPOTrainer, add_sums, collate
from trainers.common.config import Training
from trainers.common.history import History
from trainers.common.running import arguments


def trained(folder, batch):
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
    trainer.add_callback(History(folder / "history.jsonl"))
    trainer.train()
    inner = trainer.accelerator.unwrap_model(trainer.model)
    np.save(folder / f"{trainer.accelerator.process_index}.npy", alpo_toy.weights_of(inner))


def sharded(folder):
    from torch.distributed import get_rank, get_world_size, init_process_group
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import fully_shard

    init_process_group("gloo")
    mesh = init_device_mesh("cpu", (get_world_size(),))
    model = alpo_toy.model()
    add_sums(model)
    for part in (*model.model.layers, model):
        fully_shard(part, mesh=mesh, reshard_after_forward=True)
    found = sums_and_gradients(model)
    np.save(folder / f"{get_rank()}.npy", found)


def sums_and_gradients(model):
    """Return log-probabilities and all gradients in one vector."""
    made = alpo_toy.made(4)[0]
    batch = collate([row for one in made for row in rows(one, one.chosen, alpo_toy.encoder())], 0)
    sums = model(batch.input_ids, batch.attention_mask, completion_mask=batch.completion_mask)
    sums.sum().backward()
    gradients = [parameter.grad for parameter in model.parameters()]
    whole = [gradient.full_tensor() if hasattr(gradient, "full_tensor") else gradient for gradient in gradients]
    return torch.cat([sums.detach(), *(gradient.ravel() for gradient in whole)]).numpy()


if __name__ == "__main__":
    if sys.argv[3:] == ["sharded"]:
        sharded(Path(sys.argv[1]))
    else:
        trained(Path(sys.argv[1]), int(sys.argv[2]))
