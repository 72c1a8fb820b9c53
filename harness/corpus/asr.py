"""Reading ASR output: whisper's JSON, and plain lists of words or segments.

* whisper and its relatives: ``{"segments": [{"start", "end", "text", "words": [{"word", "start", "end"}]}]}``,
  words optional;
* plain: ``[{"start", "end", "text"}]`` for segments or ``[{"start", "end", "word"}]`` for words, or such a
  list under ``segments`` or ``words``.

Times are seconds. Words are taken where they are given with times, for pauses stand between
words. A record that cannot be used is left out and reported; a file of another shape is refused.
"""

import json
import math
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from harness.corpus.segmentation import CLOSERS, COMMAS, STOPS
from harness.corpus.units import Problem, Unit, glue
from harness.errors import UserError

MAX_BYTES = 256 << 20
MAX_TEXT = 10_000
MAX_SECONDS = 100 * 3600
OPENING, CLOSING = "[(【（［", "])】）］"
MARKS = re.compile(f"[{STOPS}{COMMAS}{CLOSERS}]+")

SHAPE = 'Give {"segments": [{"start", "end", "text"}]}, or a list of {"start", "end", "word"}, times in seconds.'
MEND = "Mend the record, or leave it out; it was not used."


def read_asr(path: Path, problems: list[Problem]) -> list[Unit]:
    """Read the units of an ASR file.

    Args:
        path: a JSON file.
        problems: takes the records that cannot be used.

    Returns:
        Words where the file has them, else segments, in order of time.

    Raises:
        UserError: unreadable, too large, not JSON, or of another shape.

    Examples:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "a.json"
        >>> _ = path.write_text('[{"word": "Good", "start": 0, "end": 0.3}, {"word": "day.", "start": 0.4, "end": 1}]')
        >>> [(unit.text, unit.start, unit.closes) for unit in read_asr(path, [])]
        [('Good', 0.0, False), ('day.', 0.4, True)]
    """
    records, kind = _records(path, _json(path))
    if kind == "words":
        return _words(path, records, "word", problems)
    units: list[Unit] = []
    for number, record in enumerate(records, start=1):
        place = f"segment {number}"
        words = record.get("words") if isinstance(record, dict) else None
        if isinstance(words, list) and words:
            units += _words(path, words, f"{place}, word", problems)
        else:
            units += _unit(path, place, record, ("text",), problems)
    return sorted(units, key=lambda unit: (unit.start, unit.end))


def _json(path: Path) -> Any:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise UserError(f"{path} is larger than {MAX_BYTES >> 20} MB.", "Split it into several transcripts.")
        return json.loads(path.read_text(encoding="utf-8-sig"))
    except json.JSONDecodeError as error:
        raise UserError(
            f"{path}, line {error.lineno}, column {error.colno} is not JSON ({error.msg}).", "Mend the file."
        ) from error
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(f"{path} cannot be read ({error}).", "Give a JSON file in UTF-8.") from error


def _records(path: Path, data: Any) -> tuple[list[Any], str]:
    if isinstance(data, dict):
        kind = next((key for key in ("segments", "words") if isinstance(data.get(key), list)), None)
        if kind is None:
            raise UserError(f"{path} holds no list of segments or words.", SHAPE)
        return data[kind], kind
    if not isinstance(data, list):
        raise UserError(f"{path} holds no list of segments or words.", SHAPE)
    first = next((record for record in data if isinstance(record, dict)), {})
    if not {"text", "word"} & first.keys():
        raise UserError(f"{path}: its records have neither text nor word.", SHAPE)
    return data, "words" if "word" in first else "segments"


def _words(path: Path, records: Sequence[Any], place: str, problems: list[Problem]) -> list[Unit]:
    """Read words and join them as they were written: by their own spaces where they bring any."""
    found = []
    for number, record in enumerate(_timed(records), start=1):
        found += [(unit, record) for unit in _unit(path, f"{place} {number}", record, ("word", "text"), problems)]
    found.sort(key=lambda pair: (pair[0].start, pair[0].end))
    raw = [str(record.get("word", record.get("text"))) for _, record in found]
    spaced = any(word[:1].isspace() or word[-1:].isspace() for word in raw)
    units: list[Unit] = []
    for k, (unit, _) in enumerate(found):
        before = units[-1].text if units else ""
        written = " " if raw[k][:1].isspace() or (k and raw[k - 1][-1:].isspace()) else ""
        units.append(replace(unit, glue=written if spaced else glue(before, unit.text), closes=False))
    units = _with_marks(_whole_brackets(units))
    return [*units[:-1], replace(units[-1], closes=True)] if units else []


def _timed(records: Sequence[Any]) -> Iterator[Any]:
    """Put words without any times, as whisperX writes numerals, at the end of the word before them."""
    now: Any = next((record["start"] for record in records if isinstance(record, dict) and "start" in record), None)
    for record in records:
        if isinstance(record, dict) and not {"start", "end"} & record.keys() and now is not None:
            yield {**record, "start": now, "end": now}
        else:
            yield record
            now = record.get("end", now) if isinstance(record, dict) else now


def _whole_brackets(units: Sequence[Unit]) -> Iterator[Unit]:
    """Join the words between brackets into one unit, so that a sound is recognised."""
    open_: Unit | None = None
    for unit in units:
        if open_ is not None:
            open_ = replace(open_, text=open_.text + unit.glue + unit.text, end=max(open_.end, unit.end))
        elif unit.text[0] in OPENING:
            open_ = unit
        else:
            yield unit
        if open_ is not None and unit.text[-1] in CLOSING:
            yield open_
            open_ = None
    if open_ is not None:
        yield open_


def _with_marks(units: Iterable[Unit]) -> list[Unit]:
    """Join marks that are words of their own to the word before, for its sentence ends there; its time stays."""
    joined: list[Unit] = []
    for unit in units:
        if joined and MARKS.fullmatch(unit.text):
            joined[-1] = replace(joined[-1], text=joined[-1].text + unit.text)
        else:
            joined.append(unit)
    return joined


def _unit(path: Path, place: str, record: Any, keys: Sequence[str], problems: list[Problem]) -> list[Unit]:
    """Return the unit of one record, or none and a problem; a record without words is no problem."""
    what = _problem(record, keys)
    if what:
        problems.append(Problem(str(path), place, what, MEND))
        return []
    text = next(record[key] for key in keys if key in record).strip()
    return [Unit(text, float(record["start"]), float(record["end"]))] if text else []


def _problem(record: Any, keys: Sequence[str]) -> str:
    if not isinstance(record, dict):
        return "is not an object"
    text = next((record[key] for key in keys if key in record), None)
    if not isinstance(text, str):
        return f"has no {' or '.join(keys)}"
    if len(text) > MAX_TEXT:
        return f"is longer than {MAX_TEXT} characters"
    start, end = _seconds(record.get("start")), _seconds(record.get("end"))
    if start is None or end is None:
        return "has no start and end in seconds"
    instant = start == end and "word" in keys  # recognisers give short words no length
    if not 0 <= start <= end <= MAX_SECONDS or (start == end and not instant):
        return f"runs from {start:g} to {end:g} s"
    return ""


def _seconds(time: Any) -> float | None:
    number = isinstance(time, int | float) and not isinstance(time, bool) and math.isfinite(time)
    return float(time) if number else None
