"""Is the embedded model the same in transformers as in llama.cpp? Few-shot prompts of the mini set, every fourth line.

    python benchmarks/embedded_checkpoint.py

llama.cpp multiplies the 4-bit weights by activations rounded to 8 bits, transformers the unpacked weights by float32:
equal up to rounding is what can be expected. Three minutes on one core, and 1.1 GB in the cache folder.
"""

import sys

import numpy as np
import torch

from harness.budget import Budget
from harness.llm.cache import default_cache_dir
from harness.llm.local import load_server, model_file
from harness.task import load_task
from trainers.common.config import Model
from trainers.common.models import load_model
from trainers.common.toy import sample
from trainers.homura.data import prompt
from trainers.homura.trainer import end_at_lines

EVERY, TOP, MAX_TOKENS = 4, 20, 40


def main() -> int:
    torch.set_num_threads(1)
    task = load_task("sandglass_mini_zh_en")
    budget = Budget(task.source, task.target, "pyphen", task.bounds)
    prompts = [prompt(segment, budget, "line") for segment in task.segments[::EVERY]]
    server = load_server(model_file(default_cache_dir() / "models"), 1)
    asked = {"max_tokens": MAX_TOKENS, "temperature": 0.0, "stop": ["\n"], "n_probs": TOP, "cache_prompt": False}
    answers = [server.handle_completions({"prompt": text, **asked}) for text in prompts]

    model, tokenizer = load_model(Model("local/gemma-3-270m"))
    end_at_lines(model, tokenizer)
    texts = [t[0] for t in sample(model, tokenizer, prompts, max_new_tokens=MAX_TOKENS, temperature=0, batch=10)]
    same, length, gaps, first = 0, 0, [], 0
    for text, answer, written in zip(prompts, answers, texts, strict=True):
        choice = answer["choices"][0]
        same += choice["text"].strip() == written.partition("\n")[0].strip()
        ids = tokenizer(text, return_tensors="pt")
        length += ids["input_ids"].shape[1] == answer["usage"]["prompt_tokens"]
        with torch.inference_mode():
            logprobs = model(**ids, logits_to_keep=1).logits[0, -1].log_softmax(-1)
        top = choice["logprobs"]["content"][0]["top_logprobs"]
        gaps += [abs(one["logprob"] - logprobs[one["id"]].item()) for one in top]
        first += int(top[0]["id"] == int(logprobs.argmax()))
    print(f"{len(prompts)} prompts: {length} of as many tokens, {first} with the same likeliest first token")
    print(f"log-probabilities of the {TOP} likeliest: mean |difference| {np.mean(gaps):.3f}, largest {max(gaps):.3f}")
    print(f"equal greedy answers: {same} of {len(prompts)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
