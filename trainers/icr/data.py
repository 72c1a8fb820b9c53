"""Parallel instructions and English preferences, read strictly."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.errors import UserError
from harness.jsonl import read_strict
from trainers.icr.config import Data
from trainers.icr.requests import ENGLISH

FIX = "Give a line of JSON for each instruction, with instruction and instruction_id, the same id in every language."
PREFERENCES_FIX = "Give lines of JSON with prompt, chosen and rejected."


@dataclass(frozen=True)
class Prompt:
    """One instruction in English and in the languages that it is there in.

    Attributes:
        id: of the instruction.
        texts: by language.
    """

    id: str
    texts: dict[str, str]


def read_prompts(data: Data) -> tuple[list[Prompt], dict[str, int]]:
    """Read parallel instructions.

    Args:
        data: where they are, and which languages.

    Returns:
        The instructions that are there in English, in the order of the English file; and by reason the number
        left out, such as instructions that a language lacks.

    Raises:
        UserError: a language has no file, or no instruction that English has too; or a file is no such file.
    """
    folder, skipped = Path(data.folder), Counter[str]()
    english = _read(folder, ENGLISH, skipped)
    kept = dict(list(english.items())[: data.limit or None])
    texts = {id_: {ENGLISH: text} for id_, text in kept.items()}
    for language in data.languages:
        found = english if language == ENGLISH else _read(folder, language, skipped)
        parallel = [id_ for id_ in kept if id_ in found]
        if not parallel:
            raise UserError(
                f"{folder / language}.jsonl has no instruction that en.jsonl has.", "Give both the same instruction_id."
            )
        for id_ in parallel:
            texts[id_][language] = found[id_]
        skipped[f"no {language} instruction"] += len(kept) - len(parallel)
        skipped[f"no English instruction, {language}"] += sum(id_ not in english for id_ in found)
    return [Prompt(id_, by_language) for id_, by_language in texts.items()], {k: n for k, n in skipped.items() if n}


def read_preferences(path: Path) -> tuple[list[dict[str, str]], dict[str, int]]:
    """Read English preferences for the start policy.

    Returns:
        ``prompt``, ``chosen`` and ``rejected`` of each; and by reason the number left out: an empty response, or
        chosen and rejected alike.

    Raises:
        UserError: it is no such file, or nothing is left.
    """
    rows, skipped = list[dict[str, str]](), Counter[str]()
    for number, record in read_strict(path, PREFERENCES_FIX):
        row = {name: _text(path, number, record, name, PREFERENCES_FIX) for name in ("prompt", "chosen", "rejected")}
        if not all(text.strip() for text in row.values()):
            skipped["empty text"] += 1
        elif row["chosen"] == row["rejected"]:
            skipped["chosen and rejected alike"] += 1
        else:
            rows.append(row)
    if not rows:
        raise UserError(f"{path} holds no preference.", PREFERENCES_FIX)
    return rows, dict(skipped)


def _read(folder: Path, language: str, skipped: Counter[str]) -> dict[str, str]:
    path = folder / f"{language}.jsonl"
    if path.parent != folder:
        raise UserError(f"{language!r} is no language's code.", "Write codes such as de in data.languages.")
    if not path.is_file():
        raise UserError(
            f"There are no instructions in {language!r}: {path} is missing.", "Add it, or drop the language."
        )
    found = dict[str, str]()
    for number, record in read_strict(path, FIX):
        id_ = record.get("instruction_id", record.get("id"))
        if not isinstance(id_, str | int):
            raise UserError(f"{path}, line {number} has no instruction_id.", FIX)
        text = _text(path, number, record, "instruction", FIX)
        if not text.strip():
            skipped[f"empty, {language}"] += 1
        elif str(id_) in found:
            skipped[f"instruction_id again, {language}"] += 1
        else:
            found[str(id_)] = text
    if not found:
        raise UserError(f"{path} holds no instruction.", FIX)
    return found


def _text(path: Path, number: int, record: dict[str, Any], name: str, fix: str) -> str:
    value = record.get(name)
    if not isinstance(value, str):
        raise UserError(f"{path}, line {number} has no text in {name!r}.", fix)
    return value
