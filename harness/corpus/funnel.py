"""The funnel of a build: how much each step took in, left and removed, and why; as JSON, Markdown and SVG."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

from harness.convert import dump
from harness.corpus.folder import write_json

BAR, ROW, LABEL, COUNTS = 420, 26, 210, 260


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a build.

    Attributes:
        name: what was done.
        unit: what is counted: cues, segments.
        before: how many came in.
        after: how many are left.
        removed: by reason, ``{"count": n, "examples": [text, ...]}``, the commonest first.
        notes: what else there is to say.
    """

    name: str
    unit: str
    before: int
    after: int
    removed: Mapping[str, Mapping[str, Any]]
    notes: tuple[str, ...] = ()


def write(folder: Path, steps: Sequence[Step]) -> None:
    """Write ``funnel.json``, ``funnel.md`` and ``funnel.svg``."""
    write_json(folder / "funnel.json", {"steps": [dump(step) for step in steps]})
    (folder / "funnel.md").write_text(markdown(steps), encoding="utf-8")
    (folder / "funnel.svg").write_text(svg(steps), encoding="utf-8")


def losses(steps: Sequence[Step], most: int = 3) -> str:
    """Say in a line what removed most, with an example each.

    Examples:
        >>> losses([Step("filters", "segments", 5, 3, {"rate": {"count": 2, "examples": ["太快了"]}})])
        'rate (2, such as: 太快了)'
    """
    found = [(reason, its["count"], its["examples"]) for step in steps for reason, its in step.removed.items()]
    found.sort(key=lambda loss: -loss[1])
    told = [f"{reason} ({count}{_example(examples)})" for reason, count, examples in found[:most]]
    return ", ".join(told) or "nothing"


def _example(examples: Sequence[str]) -> str:
    return f", such as: {_cell(examples[0])}" if examples else ""


def markdown(steps: Sequence[Step]) -> str:
    r"""Return the funnel as two tables: the steps, and the reasons with examples.

    Examples:
        >>> step = Step("filters", "segments", 5, 3, {"rate": {"count": 2, "examples": ["太快|了"]}})
        >>> print(markdown([step]))
        | step    | in         | out | kept   |
        | ------- | ---------- | --- | ------ |
        | filters | 5 segments | 3   | 60.0 % |
        <BLANKLINE>
        | step | removed because | number | for example |
        |---|---|---|---|
        | filters | rate | 2 | 太快\|了 |
        <BLANKLINE>
    """
    rows = [["step", "in", "out", "kept"]]
    for step in steps:
        share = f"{100 * step.after / step.before:.1f} %" if step.before else ""
        rows.append([step.name, f"{step.before:,} {step.unit}", f"{step.after:,}", share])
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    rows.insert(1, ["-" * width for width in widths])
    lines = [f"| {' | '.join(map(str.ljust, row, widths))} |" for row in rows]
    lines += ["", "| step | removed because | number | for example |", "|---|---|---|---|"]
    for step in steps:
        for reason, found in step.removed.items():
            examples = " · ".join(_cell(text) for text in found["examples"])
            lines.append(f"| {step.name} | {_cell(reason)} | {found['count']:,} | {examples} |")
    notes = [f"- {step.name}: {note}" for step in steps for note in step.notes]
    return "\n".join(lines + (["", *notes] if notes else [])) + "\n"


def svg(steps: Sequence[Step]) -> str:
    """Draw the funnel: a bar for each step, as wide as what it left, in one scale a unit.

    Examples:
        >>> picture = svg([Step("filters", "segments", 4, 1, {})])
        >>> 'width="105.0"' in picture and picture.startswith("<svg")
        True
    """
    widest = {unit: max(step.before for step in steps if step.unit == unit) for unit in {s.unit for s in steps}}
    height = ROW * len(steps) + 12
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {LABEL + BAR + COUNTS} {height}" '
        'font-family="sans-serif" font-size="13" role="img">',
        "<title>What each step of the build left</title>",
    ]
    for k, step in enumerate(steps):
        y, full = 6 + k * ROW, max(1, widest[step.unit])
        before, after = BAR * step.before / full, BAR * step.after / full
        parts += [
            f'<text x="{LABEL - 8}" y="{y + 15}" text-anchor="end">{escape(step.name)}</text>',
            f'<rect x="{LABEL}" y="{y}" width="{before:.1f}" height="20" fill="#d9dde3"/>',
            f'<rect x="{LABEL}" y="{y}" width="{after:.1f}" height="20" fill="#3b6ea5"/>',
            f'<text x="{LABEL + BAR + 8}" y="{y + 15}">{step.after:,} of {step.before:,} {escape(step.unit)}</text>',
        ]
    return "\n".join([*parts, "</svg>"]) + "\n"


def _cell(text: str) -> str:
    printable = "".join(letter if letter.isprintable() else " " for letter in text)
    return " ".join(printable.replace("|", "\\|").split())
