"""A comparison written for a terminal, as Markdown, or as JSON.

Texts and names in it are somebody else's: control characters are replaced, in Markdown everything foreign stands in
code spans, and nothing can be read as a command by the log of a CI runner.
"""

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from harness.compare import Comparison, Report
from harness.compare_flips import Flip
from harness.length_check import sentence
from harness.report import CONTROL, MAIN, MARK, PERCENT

PAPER = ("usable", "ib", "bleu_rho", "bt_cerr")
"""The metrics of the Table 5 form, with CometKiwi where it was measured: the paper's, and the headline."""

MOST_FLIPS = 10
"""Flips shown with their texts, in each direction; JSON has all."""

JSON_CONTROL = {number: f"\\u{number:04x}" for number in CONTROL if number != ord("\n")}


def _main(names: Sequence[str]) -> Sequence[str]:
    """Pick the metrics that ``sandglass show`` shows first; all, where a task has none of them."""
    chosen = [name for name in (*MAIN, *(name for name in names if name.startswith("fill<=1.2@"))) if name in names]
    return chosen or names


def _paper(names: Sequence[str]) -> Sequence[str]:
    return [name for name in names if name in ("rho_fwd", *PAPER) or "kiwi" in name]


VIEWS: dict[str, Callable[[Sequence[str]], Sequence[str]]] = {"main": _main, "all": tuple, "paper": _paper}


def as_json(data: Mapping[str, Any]) -> str:
    r"""Write JSON that no terminal and no CI runner obeys.

    Examples:
        >>> as_json({"text": "##[error]\x7f"})
        '{\n "text": "##\\u005berror]\\u007f"\n}'
    """
    text = json.dumps(data, ensure_ascii=False, indent=1, sort_keys=True, allow_nan=False)
    return text.replace("##[", "##\\u005b").translate(JSON_CONTROL)


def as_table(report: Report, view: str) -> str:
    """Write the report for a terminal."""
    blocks = [plain(_heading(report, str))]
    for comparison in report.comparisons:
        lines = [f"{comparison.label} against {report.labels[0]}", "", *grid(_rows(report, comparison, view))]
        for flip in shown(comparison.flips, report.verdict):
            lines += [f"  {flip.segment} ({'gained' if flip.better else 'lost'})"]
            lines += [f"    {name}: {text}" for name, text in texts(flip)]
        blocks.append("\n".join(map(plain, [*lines, *_more(report, comparison)])))
    blocks.append("\n".join(map(plain, [*_rank_lines(report, str), *_notes(report, str)])))
    return "\n\n".join(blocks)


def as_markdown(report: Report, view: str) -> str:
    """Write the report as Markdown tables, for a pull request or a step summary."""
    blocks = [_heading(report, code)]
    for comparison in report.comparisons:
        lines = [f"{code(comparison.label)} against {code(report.labels[0])}", ""]
        lines += [*markdown_rows(_rows(report, comparison, view)), ""]
        lines += markdown_flips(shown(comparison.flips, report.verdict))
        lines += [f"- {line}" for line in _more(report, comparison)]
        blocks.append("\n".join(lines).rstrip())
    blocks.append("\n".join(f"- {line}" for line in [*_rank_lines(report, code), *_notes(report, code)]))
    return "\n\n".join(blocks)


def plain(text: str) -> str:
    r"""Make one harmless line of any text: no control characters, no command to a CI runner.

    Runners read ``::command::`` at the start of a line and ``##[command]`` anywhere in it.

    Examples:
        >>> plain("a\nb\x1b[2J ##[error]"), plain(" ::add-mask::x")
        ('a⏎b�[2J # #[error]', ' : :add-mask::x')
    """
    text = text.replace("\n", "⏎").translate(CONTROL).replace("##[", "# #[")
    return re.sub(r"^(\s*):(?=:)", r"\1: ", text)


def code(text: str) -> str:
    r"""Put anybody's text into a Markdown code span, where nothing is interpreted.

    Examples:
        >>> code("<img> @you `x`"), code("")
        ('`` <img> @you `x` ``', '(empty)')
    """
    text = plain(text)
    if not text.strip():
        return "(empty)"
    fence = "`" * (1 + max((len(run) for run in re.findall("`+", text)), default=0))
    padding = " " if {text[0], text[-1]} & {"`", " "} else ""
    return fence + padding + text + padding + fence


def grid(rows: Sequence[Sequence[str]]) -> list[str]:
    """Set rows in columns, the first one as the head."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return [lines[0], "-" * max(map(len, lines)), *lines[1:]]


def markdown_rows(rows: Sequence[Sequence[str]]) -> list[str]:
    """Write rows as a Markdown table, the first one as the head; what each is about stands in its first cell."""
    head, *rest = rows
    lines = ["| " + " | ".join([code(row[0]).replace("|", "\\|"), *row[1:]]) + " |" for row in rest]
    return ["| " + " | ".join(head) + " |", "|" + "---|" * len(head), *lines]


def markdown_flips(found: Iterable[Flip]) -> list[str]:
    """Write flips as a nested list."""
    lines = []
    for flip in found:
        lines.append(f"- {code(flip.segment)} {'gained' if flip.better else 'lost'}")
        lines += [f"  - {name}: {code(text)}" for name, text in texts(flip)]
    return lines


def texts(flip: Flip) -> tuple[tuple[str, str], ...]:
    """Name the three texts of a flip."""
    return ("source", flip.source), ("first", flip.first_text), ("this", flip.text)


def shown(flips: Iterable[Flip], metric: str, most: int = MOST_FLIPS) -> list[Flip]:
    """Pick the first flips of a metric, what was lost before what was gained."""
    of_metric = [flip for flip in flips if flip.metric == metric]
    return [flip for side in (False, True) for flip in [f for f in of_metric if f.better is side][:most]]


def p_value(p: float | None, least: float = 0.0) -> str:
    """Write a p-value as the paper's Table 5 does.

    Examples:
        >>> p_value(0.00646), p_value(0.25), p_value(0.0001, least=0.0001), p_value(None)
        ('6.46e-03', '0.250', '<=1.0e-04', '-')
    """
    if p is None:
        return "-"
    if p <= least:
        return f"<={least:.1e}"
    return f"{p:.2e}" if p < 0.01 else f"{p:.3f}"


def value(number: float | None, name: str) -> str:
    """Write a metric's value.

    Examples:
        >>> value(0.123, "ib"), value(0.123, "bleu"), value(None, "ib")
        ('12.3%', '0.123', '-')
    """
    if number is None:
        return "-"
    return f"{100 * number:.1f}%" if is_percent(name) else f"{number:.3f}" if abs(number) < 10 else f"{number:.1f}"


def change(difference: float | None, low: float | None, high: float | None, name: str) -> str:
    """Write a difference with its interval.

    Examples:
        >>> change(-0.02, -0.05, 0.01, "ib")
        '-2.0 [-5.0, +1.0]'
    """
    if difference is None:
        return "-"
    ends = "" if low is None or high is None else f" [{_signed(low, name)}, {_signed(high, name)}]"
    return _signed(difference, name) + ends


def _rows(report: Report, comparison: Comparison, view: str) -> list[list[str]]:
    if view == "paper":
        return _paper_rows(report, comparison)
    rows = [["", "first", "this", "difference [95%]", "p", "p (Holm)", "", "detectable", "gained", "lost"]]
    flipped = {found.metric: [0, 0] for found in comparison.flips}
    for flip in comparison.flips:
        flipped[flip.metric][not flip.better] += 1
    for found in comparison.differences:
        name = found.metric
        cells = [value(found.first, name), value(found.value, name)]
        cells += [change(found.difference, found.low, found.high, name), p_value(found.p), p_value(found.p_holm)]
        cells += [{None: "", True: "better", False: "worse"}[found.better], value(found.detectable, name)]
        rows.append([f"{name} {MARK}" if found.marked else name, *cells, *map(str, flipped.get(name, ("", "")))])
    return rows


def _paper_rows(report: Report, comparison: Comparison) -> list[list[str]]:
    """Table 5 of the paper: whether the mean ratio lies within the bounds, and one p-value a metric."""
    tested = [found for found in comparison.differences if found.metric != "rho_fwd"]
    rho = next((found.value for found in comparison.differences if found.metric == "rho_fwd"), None)
    inside = "-"
    if rho is not None and len(report.bounds) == 2:
        inside = "in" if report.bounds[0] <= rho <= report.bounds[1] else "out"
    ps = [p_value(found.p) + (f" {MARK}" if found.marked else "") for found in tested]
    return [
        ["model", "bounds", "IB", *(f"p({found.metric})" for found in tested)],
        [comparison.label, "-".join(f"{bound:g}" for bound in report.bounds), inside, *ps],
    ]


def _signed(number: float, name: str) -> str:
    return f"{100 * number:+.1f}" if is_percent(name) else f"{number:+.3f}" if abs(number) < 10 else f"{number:+.1f}"


def is_percent(name: str) -> bool:
    """Say whether a metric is shown in percent."""
    return name in PERCENT or "fill" in name


def _heading(report: Report, foreign: Callable[[str], str]) -> str:
    return f"{foreign(report.task)}, {report.segments} segments in {report.clusters} clusters"


def _more(report: Report, comparison: Comparison) -> list[str]:
    """Say how many segments changed, and that not all are shown."""
    changed = [flip.better for flip in comparison.flips if flip.metric == report.verdict]
    if not changed:
        return []
    gained, lost = sum(changed), len(changed) - sum(changed)
    cut = f"; the first {MOST_FLIPS} of each are shown, --format json has all" if max(gained, lost) > MOST_FLIPS else ""
    return [f"segments that changed on {report.verdict}: {gained} gained, {lost} lost{cut}"]


def _rank_lines(report: Report, foreign: Callable[[str], str]) -> list[str]:
    if not report.ranks:
        return []
    lines = [f"ranks by {report.verdict}, all pairs tested, 95% for all at once (a new group beats none before it):"]
    for rank in report.ranks:
        places = f"{rank.low}" if rank.low == rank.high else f"{rank.low}-{rank.high}"
        lines.append(f"group {rank.group}, rank {places}: {foreign(rank.system)} ({value(rank.value, report.verdict)})")
    return lines


def _notes(report: Report, foreign: Callable[[str], str]) -> list[str]:
    systems = [report.system, *(comparison.system for comparison in report.comparisons)]
    lines = [
        f"p: {report.test}, two-sided; Holm over all metrics and runs shown that can be better or worse.",
        "95% intervals clustered by video; detectable: the least true difference found with a power of 80%.",
        f"protocol: {foreign(report.protocol)}",
        *(f"system {number}: {foreign(system)}" for number, system in enumerate(systems, 1)),
    ]
    lines += [
        f"length check, {foreign(comparison.label)}: {sentence(check)}"
        for comparison in report.comparisons
        for check in comparison.length_checks
    ]
    if any(found.marked for comparison in report.comparisons for found in comparison.differences):
        lines.append(f"{MARK} selection or training used this metric or its family: shown, but no evidence")
    return lines
