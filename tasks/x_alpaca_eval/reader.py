"""Reading instructions with the baseline's answers, in AlpacaEval's format of model outputs.

A record, shortened::

    {"instruction": "Was ist …?", "output": "…", "generator": "gpt-4-turbo-2024-04-09", "dataset": "helpful_base"}
"""

import json
from pathlib import Path
from typing import Any

from harness.errors import UserError
from harness.records import Segment

MAX_BYTES = 64 << 20
FIX = "Give AlpacaEval's format: a JSON list of objects with instruction and output, the baseline's answer."


def read(path: Path, target: str, context: int) -> tuple[Segment, ...]:
    """Read the instructions of one language.

    Args:
        path: the file.
        target: unused; the file is of one language.
        context: unused; instructions stand alone.

    Returns:
        One segment an instruction, its position as id, each its own cluster; the reference is
        the baseline's answer, None where the file has none.

    Raises:
        UserError: not that format.
    """
    if path.stat().st_size > MAX_BYTES:
        raise UserError(f"{path} is larger than {MAX_BYTES >> 20} MB.", FIX)
    try:
        records = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path} is not JSON ({error}).", FIX) from error
    if not isinstance(records, list) or not records:
        raise UserError(f"{path} is not a list of instructions.", FIX)
    return tuple(_segment(path, number, record) for number, record in enumerate(records))


def _segment(path: Path, number: int, record: Any) -> Segment:
    instruction = record.get("instruction") if isinstance(record, dict) else None
    if not isinstance(instruction, str) or not instruction.strip():
        raise UserError(f"{path}: record {number} has no instruction.", FIX)
    output = record.get("output")
    if not (output is None or isinstance(output, str)):
        raise UserError(f"{path}: the output of record {number} is no text.", FIX)
    return Segment(
        id=f"{number:04}",
        text=instruction,
        cluster=f"{number:04}",
        domain=str(record.get("dataset", "")),
        reference=output,
    )
