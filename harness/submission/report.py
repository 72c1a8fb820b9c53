"""The report on submissions, as Markdown for a pull request: verdicts, reasons, and the table with rank changes."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from harness.records import Result
from harness.report import MARK, cell
from harness.submission.check import Checked
from harness.submission.parcel import Refusal, shown
from harness.submission.rows import Row

HEADLINES = ("usable", "ib", "chrf", "bleu")
"""What a table is ranked by: the first that its rows have."""

PARTS = ("ok", "ib", "bt_cerr", "syllable_error", "bleu_rho", "tokens_total", "cost")
MOST_REASONS = 20
NO_RANK = "-"


@dataclass(frozen=True)
class Verdict:
    """A submission with all that was found, and what the maintainer waived."""

    checked: Checked
    refusals: tuple[Refusal, ...]
    remarks: tuple[str, ...]
    waived: tuple[Refusal, ...] = ()

    @property
    def accepted(self) -> bool:
        """Whether nothing stands against it."""
        return not self.refusals


@dataclass(frozen=True)
class _Line:
    result: Result
    trust: str
    new: bool


def markdown(verdicts: Sequence[Verdict], rows: Sequence[Row]) -> str:
    """Write the report.

    Args:
        verdicts: the submissions.
        rows: the accepted rows.

    Returns:
        Markdown, without a final line break; everything from a submission is escaped.
    """
    parts = ["## Submissions", *("\n".join(_verdict(verdict)) for verdict in verdicts)]
    new = [v.checked.result for v in verdicts if v.accepted and v.checked.result is not None]
    for protocol in dict.fromkeys(result.protocol for result in new):
        lines = [_Line(row.result, row.trust.level, False) for row in rows if row.result.protocol == protocol]
        own = [_Line(result, "recomputed", True) for result in new if result.protocol == protocol]
        parts.append("\n".join(_table(lines, own)))
    return "\n\n".join(parts)


def _verdict(verdict: Verdict) -> Iterator[str]:
    result = verdict.checked.result
    what = escape(verdict.checked.path.name if result is None else f"{result.task} {result.system_id}")
    yield f"### {what}: {'accepted' if verdict.accepted else 'refused'}"
    yield ""
    for title, found in (("refused", verdict.refusals), ("waived", verdict.waived)):
        for refusal in found[:MOST_REASONS]:
            yield f"- {title}, {refusal.kind}: {escape(refusal.reason, 400)}"
        if len(found) > MOST_REASONS:
            yield f"- and {len(found) - MOST_REASONS} more"
    for remark in verdict.remarks:
        yield f"- look at: {escape(remark, 400)}"
    if result is not None and verdict.checked.head is not None:
        states = ", ".join(f"{state} {number}" for state, number in result.states.items() if number)
        yield f"- states: {escape(states)}; contact: {escape(verdict.checked.head.contact) or 'none given'}"


def _table(before: Sequence[_Line], new: Sequence[_Line]) -> Iterator[str]:
    lines = [*before, *new]
    result = new[0].result
    headline = next((name for name in HEADLINES if name in result.metrics), next(iter(result.metrics)))
    columns = [headline, *(name for name in PARTS if name != headline and name in result.metrics)]
    was, now = _ranks(before, headline), _ranks(lines, headline)
    size = f"{result.segments} segments, {len(before)} rows before"
    yield f"**{escape(result.task)}**, {size}, ranked by {headline}"
    yield ""
    yield f"| rank | was | model | strategy | trust | {' | '.join(columns)} |"
    yield "|---" * (len(columns) + 5) + "|"
    order = sorted(lines, key=lambda line: (now.get(line.result.run_id, len(lines) + 1), line.result.system_id))
    for line in order:
        id_ = line.result.run_id
        name = escape(line.result.model)
        moved = "new" if line.new else str(was.get(id_, NO_RANK))
        start = [str(now.get(id_, NO_RANK)), moved, f"**{name}**" if line.new else name, escape(line.result.strategy)]
        cells = [cell(line.result, column) for column in columns]
        yield f"| {' | '.join([*start, line.trust, *cells])} |"
    yield ""
    yield f"95% intervals, clustered. {MARK} selected by a metric of this family: shown, not ranked."
    yield ""
    yield f"Protocol: `{shown(result.protocol, 2000).replace('`', ' ')}`"


def _ranks(lines: Sequence[_Line], headline: str) -> dict[str, int]:
    """Rank by the headline's value, equal values alike; a marked value has no rank."""
    values: dict[str, float] = {}
    for line in lines:
        estimate = line.result.metrics.get(headline)
        if estimate is not None and estimate.value is not None and headline not in line.result.marked:
            values[line.result.run_id] = estimate.value
    return {id_: 1 + sum(other > value for other in values.values()) for id_, value in values.items()}


def escape(text: str, limit: int = 120) -> str:
    r"""Make somebody's text fit for Markdown: one line, printable, no markup, no mention.

    Examples:
        >>> escape("<b>a|b</b> @you [x](y)")
        '&lt;b&gt;a\\|b&lt;/b&gt; &#64;you \\[x\\](y)'
    """
    safe = shown(text, limit).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("@", "&#64;")
    return "".join(f"\\{character}" if character in "\\`*_[]|!~" else character for character in safe)
