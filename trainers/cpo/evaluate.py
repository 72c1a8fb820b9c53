"""ALMA's evaluation: a checkpoint translates a task by beam search, and the harness scores the result.

``python -m trainers.cpo.evaluate FOLDER wmt22_zh_en --data DIR --out results``

The metrics are sacreBLEU's (13a, zh, ja-mecab) and ALMA's estimators: wmt22-comet-da, wmt22-cometkiwi-da, KIWI-XXL
and XCOMET-XXL where the comet environment exists, else ``embed_qe`` under its own name. What chose the training
data is marked by the checkpoint's card; where nothing else would be measured, nothing is.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from harness.errors import EXIT_USER, UserError
from harness.jsonl import to_line, write_atomic
from harness.llm.training_card import read_optimised_for
from harness.qe import environments
from trainers.cpo.triplets import family, prompt

ALMA = ("comet", "cometkiwi", "kiwi_xxl", "xcomet")
BY_REFERENCE = ("bleu_ref", "chrf_ref")
BEAMS, NEW_TOKENS = 5, 256


def estimators() -> tuple[str, ...]:
    """Return ALMA's estimators where their environment is, else the embedded one."""
    try:
        environments.find("comet")
    except UserError:
        return ("embed_qe",)
    return ALMA


def evidence(names: Sequence[str], used: Sequence[str], references: bool) -> tuple[str, ...]:
    """Return the metrics that the training data was not chosen by.

    Args:
        names: estimators that are asked.
        used: what the checkpoint was optimised for, names and families.
        references: whether the task has some.

    Raises:
        UserError: there are none; a number would be no evidence.

    Examples:
        >>> evidence(ALMA, ("kiwi_xxl", "xcomet", "comet"), references=True)
        ('bleu_ref', 'chrf_ref')
        >>> evidence(["embed_qe"], ("kiwi_xxl", "comet"), references=False)
        ('embed_qe',)
    """
    other = tuple(name for name in names if name not in used and family(name) not in used)
    found = (*(BY_REFERENCE if references else ()), *other)
    if not found:
        raise UserError(
            f"The checkpoint was optimised for {', '.join(used)}, and nothing else would be measured.",
            "Add an estimator of another family with --qe, such as metricx.",
        )
    return found


def first_line(text: str) -> str:
    r"""Return the translation in an answer: its first line that is not blank, as ALMA takes it.

    Examples:
        >>> first_line(" Hello.\nFrench: Bonjour."), first_line("\n Hello."), first_line(" ")
        ('Hello.', 'Hello.', '')
    """
    return next((line.strip() for line in text.splitlines() if line.strip()), "")


def decode(model: Any, tokenizer: Any, prompts: Sequence[str], beams: int, new_tokens: int, batch: int) -> list[str]:
    """Translate by beam search, the longest prompts first.

    Args:
        model: a causal language model.
        tokenizer: its own; prompts are padded on the left.
        prompts: what is continued.
        beams: 1 is greedy.
        new_tokens: most tokens of a translation.
        batch: prompts at a time.

    Returns:
        One text a prompt, in their order.
    """
    import torch

    tokenizer.padding_side = "left"
    order = sorted(range(len(prompts)), key=lambda place: -len(prompts[place]))
    texts = [""] * len(prompts)
    for start in range(0, len(order), batch):
        places = order[start : start + batch]
        inputs = tokenizer([prompts[place] for place in places], return_tensors="pt", padding=True).to(model.device)
        with torch.inference_mode():
            out = model.generate(
                **inputs,
                num_beams=beams,
                do_sample=False,
                max_new_tokens=new_tokens,
                pad_token_id=tokenizer.pad_token_id,
            )
        given = tokenizer.batch_decode(out[:, inputs["input_ids"].shape[1] :], skip_special_tokens=True)
        for place, text in zip(places, given, strict=True):
            texts[place] = first_line(text)
    return texts


def main(argv: Sequence[str] | None = None) -> int:
    """Translate, then score; arguments that are not known here go to ``sandglass score``."""
    parser = argparse.ArgumentParser(prog="python -m trainers.cpo.evaluate", description=__doc__)
    parser.add_argument("model", type=Path, metavar="FOLDER", help="a checkpoint, such as out/cpo/model")
    parser.add_argument("task", help="such as wmt22_zh_en")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="results folder")
    parser.add_argument("--data", type=Path, metavar="PATH", help="local copy of the task's data")
    parser.add_argument("--limit", type=int, metavar="N", help="N segments, spread evenly over the task")
    parser.add_argument("--qe", default=",".join(estimators()), metavar="Q[,Q…]", help="estimators (%(default)s)")
    parser.add_argument("--beams", type=int, default=BEAMS, help="ALMA's 5")
    parser.add_argument("--new-tokens", type=int, default=NEW_TOKENS, help="ALMA's 256")
    parser.add_argument("--batch", type=int, default=8, help="prompts at a time")
    args, others = parser.parse_known_args(argv)
    try:
        return evaluate(args, others)
    except UserError as error:
        print(error, file=sys.stderr)
        return EXIT_USER


def evaluate(args: argparse.Namespace, others: Sequence[str]) -> int:
    """Translate and score.

    Raises:
        UserError: an argument, the task or the checkpoint is wrong, or nothing would be evidence.
    """
    import torch

    from harness.cli import main as sandglass
    from harness.task import load_task
    from trainers.common.config import Model
    from trainers.common.models import load_model

    if min(args.beams, args.new_tokens, args.batch) < 1:
        raise UserError("--beams, --new-tokens or --batch is less than 1.", "Give 1 or more.")
    task = load_task(args.task, args.data).limited(args.limit)
    used = read_optimised_for(args.model)
    names = [name for name in args.qe.split(",") if name]
    told = evidence(names, used, all(segment.reference is not None for segment in task.segments))
    gpu = torch.cuda.is_available()
    model, tokenizer = load_model(Model(str(args.model), dtype="bfloat16" if gpu else "float32"))
    model = model.to("cuda" if gpu else "cpu")
    prompts = [prompt(task.source, task.target, segment.text) for segment in task.segments]
    texts = decode(model, tokenizer, prompts, args.beams, args.new_tokens, args.batch)
    file = args.out / "translations" / f"{task.name}-{args.model.resolve().parent.name}.jsonl"
    rows = [{"id": segment.id, "text": text} for segment, text in zip(task.segments, texts, strict=True)]
    write_atomic(file, b"".join(map(to_line, rows)))
    asked = {"--qe": args.qe, "--optimised-for": ",".join(used), "--data": args.data, "--limit": args.limit}
    options = [word for name, value in asked.items() if value for word in (name, str(value))]
    code: int = sandglass(["score", args.task, "--translations", str(file), "--out", str(args.out), *options, *others])
    print(f"Evidence: {', '.join(told)}; chose the training data: {', '.join(used) or 'nothing that is measured'}.")
    return code


if __name__ == "__main__":
    sys.exit(main())
