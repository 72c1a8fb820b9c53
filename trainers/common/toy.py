"""Tiny models from scratch, for demonstrations that learn on one CPU thread in minutes.

They say something about losses and rewards, nothing about real models.
"""

from collections.abc import Sequence
from typing import Any


def word_tokenizer(words: Sequence[str]) -> Any:
    """Make a tokenizer of whole words between blanks, with <pad>, <bos>, <eos> and <unk>.

    Args:
        words: the vocabulary; repeated words count once.

    Returns:
        A fast tokenizer that pads on the left and adds nothing of its own.

    Examples:
        >>> tokenizer = word_tokenizer(["the", "cat"])
        >>> tokenizer("the cat sat")["input_ids"], tokenizer.decode([4, 5])
        ([4, 5, 3], 'the cat')
    """
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import WhitespaceSplit
    from transformers import PreTrainedTokenizerFast

    special = ["<pad>", "<bos>", "<eos>", "<unk>"]
    vocabulary = {word: number for number, word in enumerate(dict.fromkeys([*special, *words]))}
    inner = Tokenizer(WordLevel(vocabulary, unk_token="<unk>"))
    inner.pre_tokenizer = WhitespaceSplit()
    return PreTrainedTokenizerFast(
        tokenizer_object=inner,
        pad_token="<pad>",
        bos_token="<bos>",
        eos_token="<eos>",
        unk_token="<unk>",
        padding_side="left",
        model_input_names=["input_ids", "attention_mask"],
        clean_up_tokenization_spaces=False,
    )


def tiny_model(
    tokenizer: Any, *, hidden: int = 128, layers: int = 2, heads: int = 4, length: int = 256, seed: int = 0
) -> Any:
    """Make a randomly initialised Llama of a few hundred thousand parameters.

    Args:
        tokenizer: gives vocabulary and special tokens.
        hidden: width; the inner layers are three times as wide.
        layers: number of blocks.
        heads: attention heads, a divisor of the width.
        length: longest sequence.
        seed: of the initial weights.
    """
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(seed)
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=len(tokenizer),
            hidden_size=hidden,
            intermediate_size=3 * hidden,
            num_hidden_layers=layers,
            num_attention_heads=heads,
            num_key_value_heads=heads,
            max_position_embeddings=length,
            pad_token_id=tokenizer.pad_token_id,
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
            tie_word_embeddings=True,
        )
    )


def fit(
    model: Any,
    tokenizer: Any,
    pairs: Sequence[tuple[str, str]],
    *,
    steps: int,
    batch: int = 64,
    learning_rate: float = 2e-3,
    seed: int = 0,
) -> float:
    """Fit a model to pairs of prompt and completion by teacher forcing (AdamW, cosine, loss on the completion).

    Args:
        model: changed in place.
        tokenizer: its own.
        pairs: prompts and completions; the end of sequence is added.
        steps: of ``batch`` pairs drawn with replacement.
        batch: pairs a step.
        learning_rate: the highest.
        seed: of the draws.

    Returns:
        The loss of the last step, nats a token.
    """
    import torch

    draw = torch.Generator().manual_seed(seed)
    optimiser = torch.optim.AdamW(model.parameters(), lr=learning_rate, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, learning_rate, total_steps=steps, pct_start=0.1)
    encoded = [_encode(tokenizer, *pair) for pair in pairs]
    model.train()
    loss = torch.zeros(())
    for _ in range(steps):
        chosen = torch.randint(len(encoded), (batch,), generator=draw)
        ids, labels = _padded([encoded[i] for i in chosen.tolist()], tokenizer.pad_token_id)
        loss = model(input_ids=ids, attention_mask=(ids != tokenizer.pad_token_id).long(), labels=labels).loss
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        schedule.step()
    model.eval()
    return float(loss.detach())


def sample(
    model: Any,
    tokenizer: Any,
    prompts: Sequence[str],
    *,
    max_new_tokens: int,
    temperature: float = 1.0,
    top_p: float = 1.0,
    top_k: int = 0,
    per_prompt: int = 1,
    batch: int = 256,
    seed: int = 0,
) -> list[list[str]]:
    """Sample completions in batches; temperature 0 is greedy.

    Args:
        model: any causal language model.
        tokenizer: its own, padding on the left.
        prompts: what is continued.
        max_new_tokens: longest completion.
        temperature: of sampling.
        top_p: nucleus.
        top_k: most likely tokens kept; 0 keeps all.
        per_prompt: completions a prompt.
        batch: completions at a time.
        seed: of the draws; the same seed gives the same completions with the same batches.

    Returns:
        For each prompt its completions, without special tokens.
    """
    import torch

    torch.manual_seed(seed)
    how: dict[str, Any] = {"do_sample": False}
    if temperature:
        how = {"do_sample": True, "temperature": temperature, "top_p": top_p, "top_k": top_k}
    texts: list[str] = []
    repeated = [prompt for prompt in prompts for _ in range(per_prompt)]
    for start in range(0, len(repeated), batch):
        inputs = tokenizer(repeated[start : start + batch], return_tensors="pt", padding=True).to(model.device)
        with torch.inference_mode():
            out = model.generate(**inputs, max_new_tokens=max_new_tokens, pad_token_id=tokenizer.pad_token_id, **how)
        texts += tokenizer.batch_decode(out[:, inputs["input_ids"].shape[1] :], skip_special_tokens=True)
    return [texts[i : i + per_prompt] for i in range(0, len(texts), per_prompt)]


def _encode(tokenizer: Any, prompt: str, completion: str) -> tuple[list[int], list[int]]:
    before = tokenizer(prompt)["input_ids"]
    after = [*tokenizer(completion)["input_ids"], tokenizer.eos_token_id]
    return before + after, [-100] * len(before) + after


def _padded(rows: Sequence[tuple[list[int], list[int]]], pad: int) -> tuple[Any, Any]:
    import torch

    longest = max(len(ids) for ids, _ in rows)
    ids = torch.tensor([row + [pad] * (longest - len(row)) for row, _ in rows])
    labels = torch.tensor([row + [-100] * (longest - len(row)) for _, row in rows])
    return ids, labels
