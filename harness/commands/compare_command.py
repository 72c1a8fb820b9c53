"""``sandglass compare``: two or more finished runs of one protocol, with tests."""

import argparse
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

from harness.compare import Comparison, Difference, Report, compare
from harness.errors import EXIT_OK, UserError
from harness.length_check import sentence
from harness.report import CONTROL, MAIN, MARK, PERCENT

PAPER = ("usable", "ib", "bleu_rho", "bt_cerr")
"""The metrics of the Table 5 form, with CometKiwi where it was measured: the paper's, and the headline."""

MOST_FLIPS = 20


def _main(names: Sequence[str]) -> Sequence[str]:
    """Pick the metrics that ``sandglass show`` shows first."""
    return [name for name in (*MAIN, *(name for name in names if name.startswith("fill<=1.2@"))) if name in names]


def _paper(names: Sequence[str]) -> Sequence[str]:
    return [name for name in names if name in ("rho_fwd", *PAPER) or "kiwi" in name]


VIEWS: dict[str, Callable[[Sequence[str]], Sequence[str]]] = {"main": _main, "all": tuple, "paper": _paper}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("folders", nargs="+", type=Path, metavar="DIR", help="run folders; the first is the baseline")
    parser.add_argument("--format", choices=("table", "json", "markdown"), default="table")
    parser.add_argument("--view", choices=("main", "all", "paper"), default="main", help="which columns (default main)")
    parser.add_argument("--flips", type=int, default=10_000, metavar="N", help="sign flips of a test (default 10,000)")


def main(args: argparse.Namespace) -> int:
    """Compare the runs given and print the report."""
    if args.flips < 1:
        raise UserError(f"--flips {args.flips} is too small.", "Give at least 1; 10000 is the default.")
    report = compare(args.folders, VIEWS[args.view], args.flips)
    forms: dict[str, Callable[[Report, str], str]] = {"table": as_table, "json": as_json, "markdown": as_markdown}
    print(forms[args.format](report, args.view))
    return EXIT_OK


def as_json(report: Report, view: str) -> str:
    """Write the report as JSON, every flipped segment included."""
    return json.dumps(asdict(report), ensure_ascii=False, indent=1, sort_keys=True, allow_nan=False)


def as_table(report: Report, view: str) -> str:
    """Write the report for a terminal."""
    blocks = [_heading(report)]
    for comparison in report.comparisons:
        rows = _rows(report, comparison, view)
        widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
        lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
        lines.insert(1, "-" * max(map(len, lines)))
        title = f"{comparison.label} against {report.labels[0]}"
        blocks.append("\n".join([title, "", *lines, *_flip_lines(report, comparison)]))
    blocks.append("\n".join([*_rank_lines(report), *_notes(report)]))
    return "\n".join(line.translate(CONTROL) for line in "\n\n".join(blocks).split("\n"))


def as_markdown(report: Report, view: str) -> str:
    """Write the report as Markdown tables."""

    def escape(text: str) -> str:
        return text.translate(CONTROL).replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;")

    blocks = [f"**{escape(_heading(report))}**"]
    for comparison in report.comparisons:
        head, *rows = _rows(report, comparison, view)
        lines = [f"{escape(comparison.label)} against {escape(report.labels[0])}", ""]
        lines += ["| " + " | ".join(map(escape, head)) + " |", "|" + "---|" * len(head)]
        lines += ["| " + " | ".join(map(escape, row)) + " |" for row in rows]
        flips = [f"- {escape(line)}" for line in _flip_lines(report, comparison) if line]
        blocks.append("\n".join([*lines, "", *flips]).rstrip())
    blocks.append("\n".join(f"- {escape(line)}" for line in [*_rank_lines(report), *_notes(report)] if line))
    return "\n\n".join(blocks)


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


def _rows(report: Report, comparison: Comparison, view: str) -> list[list[str]]:
    if view == "paper":
        return _paper_rows(report, comparison)
    rows = [["", "first", "this", "difference [95%]", "p", "p (Holm)", "", "detectable"]]
    for found in comparison.differences:
        verdict = {None: "", True: "better", False: "worse"}[found.better]
        cells = [_value(found.first, found.metric), _value(found.value, found.metric), _change(found)]
        ps = [p_value(found.p), p_value(found.p_holm)]
        name = f"{found.metric} {MARK}" if found.marked else found.metric
        rows.append([name, *cells, *ps, verdict, _value(found.detectable, found.metric)])
    return rows


def _paper_rows(report: Report, comparison: Comparison) -> list[list[str]]:
    """Table 5 of the paper: whether the mean ratio lies within the bounds, and one p-value a metric."""
    tested = [found for found in comparison.differences if found.metric != "rho_fwd"]
    rho = next((found.value for found in comparison.differences if found.metric == "rho_fwd"), None)
    inside = "-" if rho is None else "in" if report.bounds[0] <= rho <= report.bounds[1] else "out"
    shown = [p_value(found.p) + (f" {MARK}" if found.marked else "") for found in tested]
    return [
        ["model", "bounds", "IB", *(f"p({found.metric})" for found in tested)],
        [comparison.label, "-".join(f"{bound:g}" for bound in report.bounds), inside, *shown],
    ]


def _change(found: Difference) -> str:
    if found.difference is None:
        return "-"
    ends = (
        ""
        if found.low is None or found.high is None
        else f" [{_signed(found.low, found)}, {_signed(found.high, found)}]"
    )
    return _signed(found.difference, found) + ends


def _signed(value: float, found: Difference) -> str:
    return f"{100 * value:+.1f}" if _percent(found.metric) else f"{value:+.3f}" if abs(value) < 10 else f"{value:+.1f}"


def _value(value: float | None, name: str) -> str:
    if value is None:
        return "-"
    return f"{100 * value:.1f}%" if _percent(name) else f"{value:.3f}" if abs(value) < 10 else f"{value:.1f}"


def _percent(name: str) -> bool:
    return name in PERCENT or "fill" in name


def _heading(report: Report) -> str:
    return f"{report.task}, {report.segments} segments in {report.clusters} clusters"


def _flip_lines(report: Report, comparison: Comparison) -> Sequence[str]:
    if not report.verdict:
        return []
    gained = [flip.segment for flip in comparison.flips if flip.value > flip.first]
    lost = [flip.segment for flip in comparison.flips if flip.value < flip.first]
    lines = ["", f"segments that changed on {report.verdict}: {len(gained)} gained, {len(lost)} lost"]
    for word, ids in (("gained", gained), ("lost", lost)):
        if ids:
            more = f" and {len(ids) - MOST_FLIPS} more (all with --format json)" if len(ids) > MOST_FLIPS else ""
            lines.append(f"{word}: {', '.join(ids[:MOST_FLIPS])}{more}")
    return lines


def _rank_lines(report: Report) -> Sequence[str]:
    if not report.ranks:
        return []
    lines = [f"ranks by {report.verdict}, all pairs tested, 95% for all at once (a new group beats none before it):"]
    for rank in report.ranks:
        places = f"{rank.low}" if rank.low == rank.high else f"{rank.low}-{rank.high}"
        lines.append(f"group {rank.group}, rank {places}: {rank.system} ({_value(rank.value, report.verdict)})")
    return [*lines, ""]


def _notes(report: Report) -> Sequence[str]:
    lines = [
        f"p: {report.test}, two-sided; Holm over all metrics and runs shown that can be better or worse.",
        "95% intervals clustered by video; detectable: the least true difference found with a power of 80%.",
        f"protocol: {report.protocol}",
    ]
    lines += [
        f"length check, {comparison.label}: {sentence(check)}"
        for comparison in report.comparisons
        for check in comparison.length_checks
    ]
    if any(found.marked for comparison in report.comparisons for found in comparison.differences):
        lines.append(f"{MARK} a strategy selected by a metric of this family: shown, but no evidence")
    return lines
