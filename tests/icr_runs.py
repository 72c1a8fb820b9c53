"""Runs of implicit cross-lingual rewarding on two tiny models and three instructions, for tests."""

import json
from pathlib import Path

from harness.jsonl import to_line
from trainers.common.config import read_config
from trainers.common.models import save_model
from trainers.common.toy import tiny_model, word_tokenizer
from trainers.icr.config import Config
from trainers.icr.toy import TEMPLATE

WORDS = "one two three four five six eins zwei drei : . answer in de en".split()
ENGLISH, GERMAN = ("one two", "two three", "three one"), ("eins zwei", "zwei drei", "drei eins")


def fill(folder):
    """Two tiny models of different seeds, and parallel instructions."""
    for seed, name in enumerate(("sft", "dpo")):
        tokenizer = word_tokenizer(WORDS)
        tokenizer.chat_template = TEMPLATE
        model = tiny_model(tokenizer, hidden=16, layers=1, heads=2, length=64, seed=seed)
        save_model(model, tokenizer, folder / name)
    write_instructions(folder / "data")


def write_instructions(folder, german=GERMAN):
    folder.mkdir(exist_ok=True)
    for language, texts in (("en", ENGLISH), ("de", german)):
        rows = [{"instruction": text, "instruction_id": str(n)} for n, text in enumerate(texts)]
        (folder / f"{language}.jsonl").write_bytes(b"".join(map(to_line, rows)))


def config(**changes):
    """A configuration of two short rounds."""
    table = {
        "sft": "sft", "rounds": 2,
        "model": {"path": "dpo"}, "data": {"folder": "data", "languages": ["en", "de"]},
        "sampling": {"responses": 4, "max_tokens": 6, "batch": 8},
        "rewarding": {"request": "answer in {language} : ", "batch": 8},
        "train": {"output": "out", "learning_rate": 1e-3, "batch": 2, "steps": 4, "save_steps": 2, "threads": 1},
    }  # fmt: skip
    for name, value in changes.items():
        section, _, field = name.partition("__")
        if field:
            table.setdefault(section, {})[field] = value
        else:
            table[section] = value
    path = Path("config.toml")
    path.write_text(toml(table))
    return read_config(path, Config)


def toml(table, above=""):
    plain = [f"{k} = {json.dumps(v)}" for k, v in table.items() if not isinstance(v, dict)]
    sections = [f"[{above}{k}]\n" + toml(v, f"{above}{k}.") for k, v in table.items() if isinstance(v, dict)]
    return "\n".join([*plain, *sections]) + "\n"
