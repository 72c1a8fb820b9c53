"""Reading the published ``Sandglass.json``.

A record, shortened::

    {"uuid": "b51d…", "text_ocr_modify": "与此同时平行宇宙国王星", "start_time": 659.66,
     "end_time": 660.38, "translation_text": "Meanwhile, on Planet King …", "fenqu": "二次元",
     "file_name": "114709667845442_30582833613.json", "preceding_text": "…", "following_text": "…"}

``text_ocr_modify`` is the source and ``uuid`` the key (``index`` is not unique). The
times belong to ``text``, the recognised speech, not to ``text_ocr_modify``.
"""

import json
from pathlib import Path
from typing import Any

from harness.errors import UserError
from harness.readers import check_times, check_unique
from harness.records import Segment

DOMAINS: dict[str, str] = {
    "二次元": "acgn",
    "影视": "film",
    "旅游出行": "travel",
    "游戏": "gaming",
    "知识": "knowledge",
}
STRINGS = (
    "uuid",
    "text_ocr_modify",
    "translation_text",
    "fenqu",
    "file_name",
    "preceding_text",
    "following_text",
)
NUMBERS = ("start_time", "end_time")
MAX_BYTES = 64 << 20


def read(path: Path, target: str, context: int) -> tuple[Segment, ...]:
    """Read the published file.

    Args:
        path: ``Sandglass.json``.
        target: target language; the shipped references are English, other targets have none.
        context: unused; the file carries its context of three sentences a side.

    Returns:
        The segments in the file's order, clustered by video.

    Raises:
        UserError: not the published format.
    """
    if not path.is_file():
        raise UserError(f"There is no file {path}.", "Give the published Sandglass.json with --data.")
    if path.stat().st_size > MAX_BYTES:
        raise UserError(f"{path} is larger than {MAX_BYTES >> 20} MB.", "Give the published Sandglass.json.")
    try:
        records = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path} is not JSON ({error}).", "Give the published Sandglass.json.") from error
    if not isinstance(records, list) or not records:
        raise UserError(f"{path} is not a list of segments.", "Give the published Sandglass.json.")
    segments = tuple(_segment(path, index, record, target) for index, record in enumerate(records))
    check_unique(path, (segment.id for segment in segments))
    return segments


def _segment(path: Path, index: int, record: Any, target: str) -> Segment:
    fix = f"Each record needs the columns {', '.join(STRINGS + NUMBERS)}."
    if not isinstance(record, dict):
        raise UserError(f"{path}: record {index} is not an object.", fix)
    for name in STRINGS + NUMBERS:
        kinds: tuple[type, ...] = (str,) if name in STRINGS else (int, float)
        if not isinstance(record.get(name), kinds):
            raise UserError(f"{path}: record {index} has no usable {name!r}.", fix)
    check_times(path, record["uuid"], record["start_time"], record["end_time"])
    return Segment(
        id=record["uuid"],
        text=record["text_ocr_modify"],
        cluster=record["file_name"],
        domain=DOMAINS.get(record["fenqu"], str(record["fenqu"])),
        before=_context(record["preceding_text"]),
        after=_context(record["following_text"]),
        start=float(record["start_time"]),
        end=float(record["end_time"]),
        reference=record["translation_text"] if target == "en" else None,
    )


def _context(text: str) -> tuple[str, ...]:
    return (text,) if text.strip() else ()
