"""Two files side by side, written: for a terminal, as TSV, as JSON, and as one HTML page."""

import html
import json
import unicodedata
from dataclasses import asdict

from harness.report import CONTROL
from harness.subtitles.align import Alignment, Row
from harness.subtitles.cues import Cue
from harness.subtitles.lint_report import clock, many, page, plain

COLUMN = 44
"""Width of a text on the terminal."""


def as_table(alignment: Alignment) -> str:
    """Write the alignment for a terminal, long texts cut."""
    lines = [
        f"{clock(row.start):>12}  {_apart(row):>6}  {_cut(_text(row.first))}  {_cut(_text(row.second)).rstrip()}"
        for row in alignment.rows
    ]
    return "\n".join([*lines, "", sentence(alignment)])


def as_tsv(alignment: Alignment) -> str:
    """Write one row a line: cue number, start, end and text of either file; texts on one line, a slash a break."""
    head = ["first", "start", "end", "text", "second", "start", "end", "text"]
    rows = ["\t".join([*_cells(row.first), *_cells(row.second)]) for row in alignment.rows]
    return "\n".join(["\t".join(head), *rows])


def as_json(alignment: Alignment) -> str:
    """Write everything as JSON."""
    rows = [
        {
            "first": asdict(row.first) if row.first else None,
            "second": asdict(row.second) if row.second else None,
            "difference": row.difference,
        }
        for row in alignment.rows
    ]
    told = {
        "pairs": alignment.pairs,
        "tolerance": alignment.tolerance,
        "offset": alignment.offset,
        "estimated_offset": alignment.estimate,
        "pairs_at_estimated_offset": alignment.at_estimate,
        "rows": rows,
    }
    return json.dumps(told, indent=1, sort_keys=True)


def as_html(alignment: Alignment) -> str:
    """Write one page that needs no other file; everything foreign is escaped."""
    parts = [f"<p>{_e(sentence(alignment))}</p>", "<table><tr><th>at<th>apart<th>first<th>second</tr>"]
    for row in alignment.rows:
        alone = ' class="warning"' if row.difference is None else ""
        texts = "".join(f'<td dir="auto">{_e(_text(cue))}' for cue in (row.first, row.second))
        parts.append(f"<tr{alone}><td>{clock(row.start)}<td>{_apart(row)}{texts}</tr>")
    return page("Two files side by side", "\n".join([*parts, "</table>"]))


def sentence(alignment: Alignment) -> str:
    """Say how many cues belong together, and whether the files lie apart."""
    alone = [sum(row.second is None for row in alignment.rows), sum(row.first is None for row in alignment.rows)]
    told = (
        f"{many(alignment.pairs, 'pair')} within {alignment.tolerance:g} s, "
        f"{many(alone[0], 'cue')} alone in the first file, {alone[1]} in the second"
    )
    if alignment.at_estimate > alignment.pairs:
        told += f"; with --offset {alignment.estimate:g} there would be {many(alignment.at_estimate, 'pair')}"
    return told


def _text(cue: Cue | None) -> str:
    return "—" if cue is None else cue.text.replace("\n", " / ")


def _apart(row: Row) -> str:
    return "" if row.difference is None else f"{row.difference:+.3f}"


def _cells(cue: Cue | None) -> list[str]:
    if cue is None:
        return ["", "", "", ""]
    return [str(cue.index), f"{cue.start:.3f}", f"{cue.end:.3f}", plain(_text(cue).replace("\t", " "))]


def _cut(text: str) -> str:
    """Cut a text to the column, wide characters counted twice, and fill it up."""
    text = plain(text)
    shown, width = "", 0
    for char in text:
        wide = 0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1
        if width + wide > COLUMN - 1:
            return shown + "…" + " " * (COLUMN - 1 - width)
        shown, width = shown + char, width + wide
    return shown + " " * (COLUMN - width)


def _e(text: str) -> str:
    return html.escape(text.translate(CONTROL))
