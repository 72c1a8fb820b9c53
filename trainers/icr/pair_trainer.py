"""A round's training: TRL's DPO trainer with our tokens and our loss."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from torch import Tensor
from trl import DPOConfig, DPOTrainer

from trainers.common.config import Training
from trainers.common.running import arguments, processes
from trainers.icr.loss import dpo_nll_loss
from trainers.icr.reward import prompt_ids, response_ids


class PairTrainer(DPOTrainer):
    """DPO and a likelihood of the chosen response, on pairs that are tokens already.

    The reference is the policy that training starts from; its log-probabilities are computed before
    the first step, so that no second model is held.
    """

    alpha: float = 0.0
    loss_is_scaled_for_ga = True

    def _prepare_dataset(self, dataset: Dataset, *_: Any) -> Dataset:
        """Leave the tokens as they are: those that responses are rewarded on."""
        return dataset

    def _get_num_items_in_batch(self, batch_samples: list[dict[str, Tensor]], device: torch.device) -> Tensor:
        """Count the pairs of an optimiser step, a process's mean share of all of them."""
        pairs = sum(len(batch["input_ids"]) // 2 for batch in batch_samples)
        return self.accelerator.gather(torch.tensor([float(pairs)], device=device)).mean()

    def compute_loss(
        self,
        model: Any,
        inputs: dict[str, Tensor],
        return_outputs: bool = False,
        num_items_in_batch: Tensor | None = None,
    ) -> Any:
        """Return this batch's share of the mean of ``dpo_nll_loss`` over a step's pairs.

        The first half of the batch is chosen. Without a number of pairs it is the batch's own mean.
        """
        mask = inputs["completion_mask"]
        labels = inputs["input_ids"].masked_fill(mask == 0, -100)
        outputs = model(
            input_ids=inputs["input_ids"],
            attention_mask=inputs["attention_mask"],
            labels=labels,
            use_cache=False,
            fused_lm_head=True,
        )
        chosen, rejected = outputs.log_probs.sum(dim=1).chunk(2)
        lengths = mask.sum(dim=1).chunk(2)[0]
        ref_chosen, ref_rejected = inputs["ref_chosen_logps"], inputs["ref_rejected_logps"]
        losses = dpo_nll_loss(chosen, rejected, ref_chosen, ref_rejected, lengths, self.beta, self.alpha)
        loss = losses.sum() / (len(losses) if num_items_in_batch is None else num_items_in_batch)
        margins = self.beta * ((chosen - ref_chosen) - (rejected - ref_rejected)).detach()
        told = {
            "nll": -(chosen.detach() / lengths).mean(),
            "rewards/chosen": self.beta * (chosen.detach() - ref_chosen).mean(),
            "rewards/margins": margins.mean(),
            "rewards/accuracies": (margins > 0).float().mean(),
        }
        for name, value in told.items():
            self._metrics["train"][name].append(self.accelerator.gather(value).mean().item())
        return (loss, outputs) if return_outputs else loss


def on_disk(rows: Sequence[dict[str, Any]], folder: Path) -> Dataset:
    """Return a dataset that all processes read from one folder, where TRL keeps the reference's log-probabilities.

    One in memory has a temporary folder for each process, and the others would not find what the first wrote.
    """
    state = processes()
    if state.is_main_process:
        Dataset.from_list(list(rows)).save_to_disk(folder)
    state.wait_for_everyone()
    return Dataset.load_from_disk(folder)


def pair_trainer(
    model: Any,
    tokenizer: Any,
    pairs: Sequence[tuple[str, str, str]],
    training: Training,
    *,
    beta: float,
    alpha: float,
    peft_config: Any = None,
) -> PairTrainer:
    """Make the trainer of a round.

    Args:
        model: the policy that the round starts from, which is its reference.
        tokenizer: its own.
        pairs: prompt, chosen and rejected response.
        training: its ``[train]``.
        beta: of DPO.
        alpha: weight of the likelihood.
        peft_config: adapters, None for all weights.
    """
    rows = [
        {
            "prompt_ids": prompt_ids(tokenizer, prompt),
            "chosen_ids": response_ids(tokenizer, chosen),
            "rejected_ids": response_ids(tokenizer, rejected),
        }
        for prompt, chosen, rejected in pairs
    ]
    trainer = PairTrainer(
        model=model,
        args=DPOConfig(**arguments(training), beta=beta, precompute_ref_log_probs=True, max_length=None),
        train_dataset=on_disk(rows, Path(training.output) / "data"),
        processing_class=tokenizer,
        peft_config=peft_config,
    )
    trainer.alpha = alpha
    return trainer
