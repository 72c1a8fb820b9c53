"""Results as tables: on the terminal, and as JSON, CSV, Markdown or LaTeX.

A number is never shown without its interval. Only results with equal protocol lines
stand in one table.
"""

import csv
import io
import json
import re
from collections.abc import Callable, Sequence

from harness.records import Result, dump

MAIN = (
    "usable", "ok", "ib", "ib_within_1", "hit", "count_slope", "length_compliance", "char_ratio", "over", "under",
    "syllable_error", "character_error", "line_count", "rho_fwd", "rho_rtp", "bleu_ref", "chrf_ref", "bt_cerr",
    "events_kept", "bleu_rho", "bleu_rho_capped", "bleu", "bt_consistency", "tokens", "tokens_total", "cost", "latency",
)  # fmt: skip
PAPER = ("mean_rho_in_bounds", "ib", "bt_cerr", "bleu_rho", "tokens_total")
PERCENT = frozenset({
    "usable", "ok", "ib", "ib_dynamic", "ib_within_1", "over", "under", "counter_flips", "bt_cerr", "length_compliance",
    "line_count",
})  # fmt: skip
MARK = "†"
CONTROL = dict.fromkeys(
    [*range(32), *range(127, 160), 0x2028, 0x2029, *range(0x202A, 0x202F), *range(0x2066, 0x206A)], "�"
)
"""Characters with which a name in somebody's result could steer a terminal."""


def render(results: Sequence[Result], form: str, view: str) -> str:
    """Render results in one of the forms of ``sandglass show``.

    Args:
        results: any results.
        form: ``table``, ``json``, ``csv``, ``markdown`` or ``latex``.
        view: ``main``, ``all`` or ``paper`` (the columns of the paper's Table 3).

    Returns:
        Text without a final line break.
    """
    if form == "json":
        return json.dumps([dump(result) for result in results], ensure_ascii=False, indent=1, sort_keys=True)
    if form == "csv":
        return _csv(results)
    tabulate: Callable[[Sequence[Result], Sequence[str]], str] = {
        "table": _table,
        "markdown": _markdown,
        "latex": _latex,
    }[form]
    groups: dict[str, list[Result]] = {}
    for result in results:
        groups.setdefault(result.protocol, []).append(result)
    text = "\n\n".join(tabulate(group, _columns(group, view)) for group in groups.values())
    return "\n".join(line.translate(CONTROL) for line in text.split("\n"))


def cell(result: Result, name: str) -> str:
    """Write one metric of a result with its interval; marked where selection used its family.

    Examples:
        >>> from harness.records import Estimate
        >>> estimate = Estimate(0.5, 0.2, 0.8, "t", 12, 6, 6.0)
        >>> parts = ("t", "r", "s", "p", "s", "m", "b", "all", (0.8, 0.9), True, True, {}, 12)
        >>> result = Result(1, *parts, {"ib": estimate}, {})
        >>> cell(result, "ib"), cell(result, "bleu")
        ('50.0% [20.0, 80.0]', '-')
    """
    if name == "mean_rho_in_bounds":
        return _check_mark(result)
    estimate = result.metrics.get(name)
    if estimate is None or estimate.value is None:
        return "-"
    percent = name in PERCENT or "fill" in name
    value = _number(estimate.value, percent) + ("%" if percent else "")
    if estimate.low is None or estimate.high is None:
        interval = f"({estimate.method})"
    else:
        interval = f"[{_number(estimate.low, percent)}, {_number(estimate.high, percent)}]"
    return f"{value} {interval}" + (f" {MARK}" if name in result.marked else "")


def _check_mark(result: Result) -> str:
    """Table 3's check mark: the mean ratio lies within the bounds (half far too short would pass)."""
    estimate = result.metrics.get("rho_fwd")
    if estimate is None or estimate.value is None or "|track=ratio" not in result.protocol:
        return "-"
    return "✓" if result.bounds[0] <= estimate.value <= result.bounds[1] else "×"


def _number(value: float, percent: bool) -> str:
    if percent:
        return f"{100 * value:.1f}"
    if value and abs(value) < 0.001:
        return f"{value:.1e}"
    return f"{value:.3f}" if abs(value) < 10 else f"{value:.1f}"


def _columns(results: Sequence[Result], view: str) -> list[str]:
    if view == "paper":
        return list(PAPER)
    names = list(dict.fromkeys(name for result in results for name in result.metrics))
    chosen = names if view == "all" else [name for name in (*MAIN, *_measures(results), *_fits(names)) if name in names]
    return [
        name
        for name in chosen
        if any(result.metrics.get(name) and result.metrics[name].value is not None for result in results)
    ]


def _measures(results: Sequence[Result]) -> list[str]:
    return list(dict.fromkeys(name for result in results for name in result.measures))


def _fits(names: Sequence[str]) -> list[str]:
    """Return the shares that fit at a speed-up of 1.2, one a speaking rate."""
    return [name for name in names if name.startswith("fill<=1.2@")]


def _heading(result: Result) -> str:
    return f"{result.task}, {result.segments} segments ({result.selection})"


def _label(result: Result) -> str:
    return result.strategy if result.strategy != "submitted" else result.model


def _notes(results: Sequence[Result]) -> list[str]:
    lines = [f"protocol: {results[0].protocol}"]
    for result in results:
        states = ", ".join(f"{state} {number}" for state, number in result.states.items() if number)
        lines.append(f"{_label(result)}: model {result.model}; states: {states or 'none yet'}")
        if result.strategy != "submitted" and _seeds(result) == 1:
            lines[-1] += "; one repeat"
        if not result.complete:
            lines[-1] += "; INCOMPLETE"
    lines += list(dict.fromkeys(f"note: {note}" for result in results for note in result.notes))
    if any(result.marked for result in results):
        lines.append(f"{MARK} selection or training used this metric or its family: shown, but no evidence")
    return lines


def _seeds(result: Result) -> int:
    return max((len(estimate.per_seed) for estimate in result.metrics.values()), default=0)


def _table(results: Sequence[Result], columns: Sequence[str]) -> str:
    rows = [["", *(_label(result) for result in results)]]
    rows += [[name, *(cell(result, name) for result in results)] for name in columns]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ["  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    lines.insert(1, "-" * max(map(len, lines)))
    return "\n".join([_heading(results[0]), "", *lines, "", "95% intervals, clustered by video.", *_notes(results)])


def _markdown(results: Sequence[Result], columns: Sequence[str]) -> str:
    def escape(text: str) -> str:
        escaped = re.sub(r"([\\|\[\]])", r"\\\1", text)
        return escaped.replace("<", "&lt;")

    lines = [f"**{escape(_heading(results[0]))}**", "", f"| model | strategy | {' | '.join(columns)} |"]
    lines.append("|---|---|" + "---|" * len(columns))
    for result in results:
        cells = " | ".join(cell(result, name) for name in columns)
        lines.append(f"| {escape(result.model)} | {escape(result.strategy)} | {cells} |")
    return "\n".join([*lines, "", *(f"- {escape(note)}" for note in _notes(results))])


LATEX_SPECIAL = str.maketrans({
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "†": r"$\dagger$", "✓": r"$\checkmark$", "×": r"$\times$",
    "<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}",
})  # fmt: skip


def _latex(results: Sequence[Result], columns: Sequence[str]) -> str:
    def escape(text: str) -> str:
        return text.translate(LATEX_SPECIAL)

    lines = [f"% {note}".replace("\n", " ") for note in (_heading(results[0]), *_notes(results))]
    lines += [r"\begin{tabular}{ll" + "r" * len(columns) + "}", r"\hline"]
    lines.append(" & ".join(["model", "strategy", *map(escape, columns)]) + r" \\ \hline")
    for result in results:
        cells = [result.model, result.strategy, *(cell(result, name) for name in columns)]
        lines.append(" & ".join(map(escape, cells)) + r" \\")
    return "\n".join([*lines, r"\hline", r"\end{tabular}"])


def _csv(results: Sequence[Result]) -> str:
    out = io.StringIO()
    fields = ["task", "model", "strategy", "system_id", "run_id", "complete", "publishable", "metric", "marked"]
    numbers = ["value", "low", "high", "n", "clusters", "effective_clusters", "sd", "method"]
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([*fields, *numbers])
    for result in results:
        for name, estimate in result.metrics.items():
            head = [result.task, result.model, result.strategy, result.system_id, result.run_id]
            flags = [result.complete, result.publishable, name, name in result.marked]
            writer.writerow([*map(_safe, head), *flags, *(getattr(estimate, number) for number in numbers)])
    return out.getvalue().rstrip("\n")


def _safe(text: str) -> str:
    """Keep a spreadsheet from reading a name as a formula."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@") else text
