"""TRL's trainers with our losses: CPO and its relatives, and DPO and SFT for comparison. Imports torch and trl."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from datasets import Dataset
from torch import Tensor
from trl import DPOConfig, DPOTrainer, SFTConfig, SFTTrainer
from trl.experimental.cpo import CPOConfig, CPOTrainer
from trl.trainer.utils import add_fused_lm_head

from trainers.common.config import Training
from trainers.common.running import arguments
from trainers.cpo.config import Data, Loss
from trainers.cpo.loss import cpo_loss
from trainers.cpo.triplets import Triplet

Prompt = Callable[[Triplet], str]


class ContrastiveTrainer(CPOTrainer):
    """TRL's CPOTrainer with ``trainers.cpo.loss``.

    Differences from TRL's: the likelihood has its switch; the token mean is over the whole optimiser step, so
    that accumulation changes nothing (TRL averages the means of its parts); log-probabilities come from the
    head that TRL's DPO has, so that the logits of a batch are never held at once. It goes through the model's
    own ``forward``, which is what gradients across devices need.

    Args:
        loss: what is minimised.
        kwargs: as of ``CPOTrainer``.
    """

    loss_is_scaled_for_ga = True

    def __init__(self, loss: Loss, **kwargs: Any) -> None:
        self.loss = loss
        self.preference = loss.preference()
        add_fused_lm_head(kwargs["model"])
        super().__init__(**kwargs)

    def _get_num_items_in_batch(self, batch_samples: list[dict[str, Any]], device: torch.device) -> Tensor:
        """Count pairs and preferred tokens of an optimiser step, a process's mean share of all of them."""
        pairs = sum(len(batch["chosen_labels"]) for batch in batch_samples)
        tokens = sum(int((batch["chosen_labels"] != -100).sum()) for batch in batch_samples)
        counts = torch.tensor([[pairs, tokens]], dtype=torch.float32, device=device)
        return self.accelerator.gather(counts).mean(0)

    def compute_loss(
        self,
        model: Any,
        inputs: dict[str, Any],
        return_outputs: bool = False,
        num_items_in_batch: Tensor | None = None,
    ) -> Any:
        """Compute this part's share of the step's loss."""
        loss, metrics = self.get_batch_loss_metrics(model, inputs, totals=num_items_in_batch)
        self.store_metrics(metrics, train_eval="train")
        return (loss, metrics) if return_outputs else loss

    def get_batch_loss_metrics(
        self, model: Any, batch: dict[str, Any], train_eval: str = "train", totals: Tensor | None = None
    ) -> tuple[Tensor, dict[str, float]]:
        """Compute the loss, and what is logged, over all processes: rewards ``beta log pi``, margins, accuracies."""
        joined = self.concatenated_inputs(batch, padding_value=self.pad_token_id, device=self.accelerator.device)
        labels = joined["concatenated_labels"]
        sums = model(
            joined["concatenated_input_ids"],
            attention_mask=joined["concatenated_attention_mask"],
            labels=labels,
            fused_lm_head=True,
        ).log_probs.sum(-1)
        lengths = (labels != -100).sum(-1)
        count = len(batch["chosen_labels"])
        chosen, rejected = sums[:count], sums[count:]
        pairs, tokens = (None, None) if totals is None else totals
        loss = cpo_loss(
            chosen,
            rejected,
            lengths[:count],
            lengths[count:],
            self.preference,
            cpo_alpha=self.loss.cpo_alpha,
            nll=self.loss.nll,
            pairs=pairs,
            tokens=tokens,
        )
        prefix = "eval_" if train_eval == "eval" else ""
        seen = {
            "rewards/chosen": self.beta * chosen.mean(),
            "rewards/rejected": self.beta * rejected.mean(),
            "rewards/margins": self.beta * (chosen - rejected).mean(),
            "rewards/accuracies": (chosen > rejected).float().mean(),
            "logps/chosen": chosen.mean(),
            "logps/rejected": rejected.mean(),
            "nll_loss": -chosen.sum() / lengths[:count].sum(),
        }
        means = self.accelerator.gather(torch.stack([value.detach().float() for value in seen.values()])[None]).mean(0)
        return loss, {f"{prefix}{name}": value for name, value in zip(seen, means.tolist(), strict=True)}


def rows(triplets: Sequence[Triplet], prompt: Prompt, objective: str) -> Dataset:
    """Write triplets as TRL takes them; a translation begins with a blank."""
    if objective == "sft":
        return Dataset.from_list([{"prompt": prompt(one), "completion": f" {one.chosen}"} for one in triplets])
    return Dataset.from_list(
        [{"prompt": prompt(one), "chosen": f" {one.chosen}", "rejected": f" {one.rejected}"} for one in triplets]
    )


def build(
    model: Any,
    tokenizer: Any,
    triplets: Sequence[Triplet],
    prompt: Prompt,
    loss: Loss,
    training: Training,
    data: Data,
    peft_config: Any = None,
) -> Any:
    """Make the trainer of an objective.

    Args:
        model: changed in place.
        tokenizer: its own.
        triplets: usable ones.
        prompt: what is put before the translation.
        loss: what is minimised.
        training: how long and how fast.
        data: gives the greatest length.
        peft_config: adapters, None to train all weights.
    """
    common = arguments(training) | {"max_length": data.max_length}
    given = {
        "model": model,
        "processing_class": tokenizer,
        "train_dataset": rows(triplets, prompt, loss.objective),
        "peft_config": peft_config,
    }
    if loss.objective == "sft":
        return SFTTrainer(args=SFTConfig(**common), **given)
    if loss.objective == "dpo":
        return DPOTrainer(args=DPOConfig(beta=loss.beta, loss_type=[loss.kind], **common), **given)
    return ContrastiveTrainer(loss, args=CPOConfig(beta=loss.beta, remove_unused_columns=False, **common), **given)
