"""Run directories made up from random numbers, in the form that runs leave: for the board's tests and benchmark.

Every system has a skill and a length; its segments follow, and the estimates are those of its segments.
"""

import json
from dataclasses import dataclass, replace
from math import sqrt
from pathlib import Path
from typing import Any

import numpy as np

from harness.jsonl import to_line
from harness.metrics.base import Frame, Measure
from harness.records import SCHEMA, STATES, Estimate, Result, Usage, dump
from harness.run.names import run_id, system_id

MEASURES = (
    Measure("cometkiwi", 0.0, 1.0, "comet", bounded=False),
    Measure("accuracy", 0.0, 100.0, "judge/accuracy"),
)
FRAME = Frame("en", (0.8, 0.9), 13.1, (6.19, 4.44), tau=0.56, measures=MEASURES)
SHARES = ("usable", "ok", "ib", "ib_dynamic", "ib_within_1", "over", "under", "bt_cerr", "counter_flips", "rtp_above_1")
FILLS = [f"fill{sign}@{rate}" for rate in ("6.19", "4.44") for sign in ("<=1", "<=1.2", ">1.4", "<.67")]
STRATEGIES = ("unconstrained", "prompted", "best_of_n:n=8", "translate_modify")
WORDS = "we go out to see the old town and eat good food by the sea at night with all our best friends so late".split()
HAN = "他们两个人的关系越来越亲密于是偷跟着保安回了家少年魔力测试只拿三分大学城旁边小店老板说今天不卖"


@dataclass(frozen=True)
class Spec:
    """One made-up run: who, on what, how good, how long."""

    model: str = "openai/gpt-x"
    strategy: str = "prompted"
    task: str = "sandglass_zh_en"
    segments: int = 12
    videos: int = 4
    skill: float = 0.6
    length: float = 0.9
    seed: int = 0
    notes: tuple[str, ...] = ()
    marked: tuple[str, ...] = ()
    complete: bool = True
    publishable: bool = True
    texts: bool = True


def systems(count: int, tasks: tuple[str, ...] = ("sandglass_zh_en",), **more: Any) -> list[Spec]:
    """Return as many systems as asked for on every task, of differing skill and length."""
    makers = ("openai/gpt", "anthropic/claude", "deepseek/chat", "google/gemini", "qwen/qwen3", "mistral/large")
    found = []
    for number in range(count):
        model = f"{makers[number // 4 % len(makers)]}-{1 + number // 4 // len(makers)}"
        strategy = STRATEGIES[number % 4]
        length = {0: 1.3, 1: 0.95, 2: 0.86, 3: 0.88}[number % 4] + 0.02 * (number // 4 % 5)
        skill = 0.35 + 0.5 * ((number * 7) % count) / count
        marked = ("cometkiwi",) if strategy.startswith("best_of_n") and number % 8 == 2 else ()
        for task in tasks:
            spec = Spec(model, strategy, task, skill=skill, length=length, seed=number, marked=marked)
            found.append(replace(spec, **more))
    return found


def write(out: Path, spec: Spec, edit: Any = None) -> Path:
    """Write one run below a results folder and return its directory.

    Args:
        out: the results folder.
        spec: the run.
        edit: called with each stage's name and records before they are written, to plant something.
    """
    rng = np.random.default_rng([spec.seed, len(spec.task)])
    system = f"model={spec.model}|strategy={spec.strategy},prompt=29bb18d6|decode=max_tokens=4096|window=1|seeds=1"
    protocol = (
        f"task={spec.task}@1.0#fbfa4405d8db|selection=all|counter=pyphen@0.18.1/literal-1|bounds=0.8,0.9|mu=13.1|"
        "rates=6.19,4.44|tolerance=0|tokenizer=zh|tau=0.56|metrics=9dcf16c0|bleu=sacrebleu@2.6.0|"
        "back_translator=deepseek/deepseek-chat,prompt=cd9db01f|events=stanza@1.10,match=1|embedder=qwen3@0.6B"
    )
    names = system_id(spec.model, spec.strategy, system), run_id("paper", protocol, system)
    folder = out / spec.task / names[0] / names[1]
    folder.mkdir(parents=True)
    records = _records(spec, rng)
    for name, lines in records.items():
        if edit is not None:
            edit(name, lines)
        if spec.texts or name == "scores":
            (folder / f"{name}.jsonl").write_bytes(b"".join(map(_line, lines)))
    scores = records["scores"]
    states = {state: sum(line["state"] == state for line in scores) for state in STATES}
    metrics = {name: _estimate([line["statistics"][name] for line in scores], spec) for name in scores[0]["statistics"]}
    provenance = {
        "sandglass": "0.1.0",
        "python": "3.11.7",
        "platform": "Linux-x86_64",
        "command": f"run {spec.task} --model {spec.model} --strategy {spec.strategy} --seeds 1 --out runs",
        "prices": "litellm@1.100",
    }
    head = {"task": spec.task, "protocol": protocol, "system": system, "selection": "all"}
    result = Result(
        schema=SCHEMA, run_id=names[1], system_id=names[0], model=spec.model, strategy=spec.strategy,
        bounds=FRAME.bounds, complete=spec.complete, publishable=spec.publishable, states=states,
        segments=spec.segments, metrics=metrics,
        usage={"system": Usage(spec.segments, 9000, 0, 4000, 0, 0.4 * spec.skill, 90.0)},
        measures=tuple(measure.name for measure in MEASURES), marked=spec.marked, notes=spec.notes,
        files={"scores.jsonl": "0" * 64}, provenance=provenance, **head,
    )  # fmt: skip
    manifest = {"schema": SCHEMA, **head, "protocol_name": "paper", "optimised_for": [], "source_language": "zh",
                "counter": "pyphen", "judges": ["accuracy:model=openai/judge"], "frame": dump(FRAME),
                "prompts": {"system": ["Translate."], "back_translator": []}, "provenance": provenance}  # fmt: skip
    for name, data in (("manifest", manifest), ("result", dump(result))):
        (folder / f"{name}.json").write_text(json.dumps(data, ensure_ascii=True, indent=1))
    return folder


def _line(record: dict[str, Any]) -> bytes:
    """Write a record; broken Unicode goes out as escapes, as another program might have written it."""
    try:
        return to_line(record)
    except UnicodeEncodeError:
        return (json.dumps(record) + "\n").encode()


def _records(spec: Spec, rng: Any) -> dict[str, list[dict[str, Any]]]:
    made: dict[str, list[dict[str, Any]]] = {
        name: [] for name in ("segments", "translations", "back_translations", "events", "measurements", "scores")
    }
    for number in range(spec.segments):
        source = np.random.default_rng(number)  # the same sources for all systems
        text = "".join(HAN[i] for i in source.integers(0, len(HAN), int(source.integers(8, 19))))
        key: dict[str, Any] = {"id": f"{number:05}", "seed": 1}
        video = f"v{number % spec.videos:03}"
        count = max(1, round(len(text) * rng.normal(spec.length, 0.07)))
        state = "ok" if rng.random() < 0.97 else ("refused", "empty", "truncated")[number % 3]
        ok, kept, rho = state == "ok", bool(rng.random() < spec.skill), count / len(text)
        words = " ".join(WORDS[i] for i in rng.integers(0, len(WORDS), count))
        usage = {"calls": 1, "input": 100, "output": count + 3, "cost": 0.0001 * (1 + spec.skill), "latency_s": 0.9}
        made["segments"].append({
            "id": key["id"], "text": text, "cluster": video, "domain": ("film", "travel")[number % 2],
            "before": [text[::-1], text[3:]], "after": [text[:5]], "start": 2.0 * number, "end": 2.0 * number + 1.6,
            "gap": 0.2, "reference": words[:40],
        })  # fmt: skip
        hypothesis = {**key, "text": words if ok else "", "state": state, "usage": usage}
        if spec.strategy.startswith("best_of_n"):
            hypothesis["candidates"] = [
                {"text": words[: 8 + n], "state": "ok", "syllables": count + n - 2, "score": 0.9 - n / 9}
                for n in range(8)
            ]
        made["translations"].append(hypothesis)
        event = {"predicate": text[:1], "arguments": [{"kind": "noun", "text": text[1:3]}]}
        if ok:
            back = text if kept else text[::-1]
            made["back_translations"].append({**key, "state": "ok", "text": back})
            match = {"best": back[:4], "cosine": 0.9 if kept else 0.2, "event": event}
            checks = {"names": True, "negation": kept, "numbers": True}
            made["events"].append({**key, "matches": [match | checks]})
        values = {"cometkiwi": 0.5 + 0.4 * spec.skill + rng.normal(0, 0.05), "accuracy": 40 + 50.0 * kept}
        for name, value in values.items() if ok else ():
            answers = [f'{{"reason": "reads well, score {value:.1f}"}}'] if name == "accuracy" else []
            made["measurements"].append({**key, "name": name, "value": value, "state": "ok", "answers": answers})
        made["scores"].append({
            **key, "cluster": video, "state": state, "rho": rho,
            "syllables": {name: [len(text), count, len(text)] for name in ("pyphen", "phonetic")},
            "statistics": _statistics(ok, kept, rho, count, values, usage),
        })  # fmt: skip
    return made


def _statistics(
    ok: bool, kept: bool, rho: float, count: int, values: dict[str, float], usage: dict[str, Any]
) -> dict[str, list[float]]:
    fits = ok and 0.8 <= rho <= 0.9
    shares = {"usable": fits and kept, "ok": ok, "ib": fits, "ib_dynamic": fits, "ib_within_1": ok and 0.7 <= rho <= 1,
              "over": not ok or rho > 0.9, "under": not ok or rho < 0.8, "bt_cerr": ok and kept,
              "counter_flips": count % 5 == 0, "rtp_above_1": False}  # fmt: skip
    bleu = 0.2 + 0.3 * kept
    numbers = {"events_kept": float(ok and kept), "events_shown": 1.0, "events_none": 0.0, "bleu": bleu,
               "bleu_rho": bleu / rho, "bleu_rho_capped": bleu / max(rho, 0.8), "rho_fwd": rho, "rho_rtp": 1.0,
               "tokens": float(usage["output"]), "tokens_total": float(usage["output"]), "cost": usage["cost"],
               "latency": 0.9, "calls": 1.0, "fill_left_out": 0.0, "syllable_error": count % 3 - 1.0,
               "no_admissible_count": 0.0, **dict.fromkeys(FILLS, float(fits))}  # fmt: skip
    worst = {"cometkiwi": 0.0, "accuracy": 0.0}
    measured = {name: value if ok else worst[name] for name, value in values.items()}
    means = {name: [float(value), 1.0] for name, value in (shares | numbers | measured).items()}
    return means | {"corpus_bleu": [1.0] * 12, "rho_of_sums": [float(count), count / rho, 1.0]}


def _estimate(rows: list[list[float]], spec: Spec) -> Estimate:
    number = sum(row[-1] for row in rows)
    value = sum(row[0] for row in rows) / sum(row[1] for row in rows)
    spread = sqrt(sum((row[0] - value) ** 2 for row in rows) / max(1, len(rows) - 1))
    half = 2 * spread / sqrt(len(rows))
    return Estimate(value, value - half, value + half, "t", round(number), spec.videos, float(spec.videos), (value,))
