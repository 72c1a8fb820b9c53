"""The trainer: transformers' loop around ALPO's loss, with prefixes mixed as training goes on.

A batch is made of samples; each gives the rows of its pairs. Everything drawn hangs on the seed, the sample and the
step, so that a run that was killed goes on as it would have.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from statistics import fmean
from types import MethodType
from typing import Any

import torch
from accelerate.utils import DistributedType, gather_object
from torch import Tensor
from transformers import Trainer

from harness.errors import UserError
from trainers.alpo.encoding import Encoder
from trainers.alpo.examples import Example, Row, rows
from trainers.alpo.loss import alpo_loss, divisor, margins
from trainers.alpo.mixing import Mixing, mix, mix_probability, stage, stream
from trainers.common.logprobs import summed_logprobs


@dataclass(frozen=True)
class Batch:
    """Rows as tensors, the chosen ones first, then the rejected."""

    input_ids: Tensor
    attention_mask: Tensor
    completion_mask: Tensor
    weights: Tensor
    betas: Tensor


def collate(made: Sequence[Row], pad: int, device: Any = "cpu") -> Batch:
    """Turn rows into tensors, padded on the right.

    Args:
        made: rows, one at least.
        pad: the padding token.
        device: where the tensors go.
    """
    pieces = [(row.before, row.chosen) for row in made] + [(row.before, row.rejected) for row in made]
    longest = max(len(before) + len(after) for before, after in pieces)
    ids, attended, completed = [], [], []
    for before, after in pieces:
        spare = longest - len(before) - len(after)
        ids.append([*before, *after, *[pad] * spare])
        attended.append([1] * (longest - spare) + [0] * spare)
        completed.append([0] * len(before) + [1] * len(after) + [0] * spare)
    return Batch(
        input_ids=torch.tensor(ids, device=device),
        attention_mask=torch.tensor(attended, device=device),
        completion_mask=torch.tensor(completed, device=device),
        weights=torch.tensor([row.weight for row in made], device=device),
        betas=torch.tensor([row.beta for row in made], device=device),
    )


def add_sums(model: Any) -> None:
    """Let a model's forward pass return ``summed_logprobs``, where it is given a ``completion_mask``.

    Whatever shards, synchronises or autocasts a model (FSDP, DDP, DeepSpeed, accelerate) does so around ``forward``;
    calling the parts of the model alone would go past it.

    Args:
        model: patched in place, before it is wrapped.
    """
    model.forward = MethodType(_forward, model)


def _forward(self: Any, *args: Any, **inputs: Any) -> Any:
    if "completion_mask" in inputs:
        return summed_logprobs(self, *args, **inputs)
    return type(self).forward(self, *args, **inputs)


class ALPOTrainer(Trainer):
    """Train on examples.

    Args:
        reference: the frozen model; None where adapters are trained, and the model without them is the reference.
        encoder: makes tokens.
        mixing: the schedule of prefixes; None keeps the chosen ones.
        reproduce_code: normalise as the released code does.
        pairs: pairs at a time in memory; 0 for all of a micro-batch. It changes nothing but memory.
        **rest: as of ``transformers.Trainer``.

    Raises:
        UserError: ``pairs`` is set and the model is sharded. Every process has to take as many forward and backward
            passes there as the others, and DeepSpeed changes the weights after each.
    """

    loss_is_scaled_for_ga = True

    def __init__(
        self,
        *,
        reference: Any,
        encoder: Encoder,
        mixing: Mixing | None,
        reproduce_code: bool = False,
        pairs: int = 0,
        **rest: Any,
    ) -> None:
        super().__init__(data_collator=lambda examples: {"examples": examples}, **rest)
        if pairs and self.accelerator.distributed_type in (DistributedType.FSDP, DistributedType.DEEPSPEED):
            raise UserError("A sharded model cannot take a batch in parts.", "Set pairs = 0.")
        add_sums(self.model)
        self.encoder, self.mixing = encoder, mixing
        self.reproduce_code, self.pairs = reproduce_code, pairs
        self.reference = None if reference is None else reference.to(self.args.device).eval().requires_grad_(False)
        self._seen: dict[str, list[Tensor]] = defaultdict(list)

    def get_batch_samples(self, epoch_iterator: Iterator[Any], num_batches: int, device: Any) -> tuple[list[Any], int]:
        """Return the micro-batches of a step and the number of its samples."""
        batches, _ = super().get_batch_samples(epoch_iterator, num_batches, device)
        return batches, sum(len(batch["examples"]) for batch in batches)

    @property
    def progress(self) -> float:
        """Share of the steps done: 0 at the first step, 1 at the last."""
        share: float = self.state.global_step / max(1, self.state.max_steps - 1)
        return share

    def prefix(self, made: Example) -> list[int]:
        """Draw what stands before the segments of an example at this step."""
        if self.mixing is None:
            return list(made.chosen)
        stages = self.mixing.stages
        visit = f"stage {stage(stages, self.progress)}" if stages else self.state.global_step
        probability = mix_probability(self.mixing, self.progress)
        self._note("lambda", torch.tensor(probability))
        drawn = stream("mix", self.args.seed, made.sample.id, visit)
        return mix(made.chosen, [len(line.texts) for line in made.lines], probability, drawn)

    def compute_loss(
        self, model: Any, inputs: Any, return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Tensor:
        """Compute the loss of a micro-batch; all but the last part of its pairs are back-propagated here."""
        made: list[Example] = inputs["examples"]
        found = [row for one in made for row in rows(one, self.prefix(one), self.encoder)]
        weights = torch.tensor([row.weight for row in found])
        micro_batches = self.current_gradient_accumulation_steps
        by = divisor(weights, num_items_in_batch, micro_batches, self.reproduce_code)
        at_once = self.pairs or len(found)
        parts = [found[start : start + at_once] for start in range(0, len(found), at_once)]
        total = torch.zeros((), device=self.args.device)
        for part in parts[:-1]:
            with self.accelerator.no_sync(model) if self.accelerator.num_processes > 1 else nullcontext():
                loss = self._loss(model, part, by)
                self.accelerator.backward(loss)
            total += loss.detach()
        self._note("gated", torch.tensor([float(not weight) for one in made for weight in one.weights]))
        self._note("weight", torch.tensor([sum(one.weights) for one in made]))
        return self._loss(model, parts[-1], by) + total

    def _loss(self, model: Any, part: Sequence[Row], by: float | Tensor) -> Tensor:
        batch = collate(part, self.encoder.tokenizer.pad_token_id, self.args.device)
        inputs = {name: getattr(batch, name) for name in ("input_ids", "attention_mask", "completion_mask")}
        chosen, rejected = model(**inputs).chunk(2)
        with torch.no_grad(), self.accelerator.autocast():
            if self.reference is None:
                with self.accelerator.unwrap_model(model).disable_adapter():
                    frozen_chosen, frozen_rejected = model(**inputs).chunk(2)
            else:
                frozen_chosen, frozen_rejected = summed_logprobs(self.reference, **inputs).chunk(2)
        margin = margins(chosen, rejected, frozen_chosen, frozen_rejected).detach()
        self._note("margin", margin)
        self._note("accuracy", (margin > 0).float())
        self._note("beta", batch.betas)
        self._note("chosen", (chosen - frozen_chosen).detach())
        self._note("rejected", (rejected - frozen_rejected).detach())
        return alpo_loss(chosen, rejected, frozen_chosen, frozen_rejected, batch.weights, batch.betas, by)

    def _note(self, name: str, values: Tensor) -> None:
        self._seen[name].append(values.reshape(-1))

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Add to what is logged the means since the last time, over all processes.

        They are: ``gated``, the share of segments without a pair; ``weight``, the sum of a sample's weights; over pairs
        ``beta``, ``margin`` (log pi/pi_ref of the chosen less that of the rejected, and either by itself) and
        ``accuracy``, the share of margins above 0; ``lambda``.
        """
        if "loss" in logs:
            own = {name: torch.cat(values).tolist() for name, values in self._seen.items()}
            every = gather_object([own])
            logs |= {name: fmean(value for one in every for value in one[name]) for name in own}
            self._seen.clear()
        super().log(logs, start_time)
