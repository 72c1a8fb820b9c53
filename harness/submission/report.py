"""The report on submissions, as Markdown for a pull request: verdicts, reasons, and the table with rank changes."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from harness.metrics.base import Frame
from harness.records import Result, load
from harness.report import MARK, cell
from harness.run.store import read_manifest
from harness.submission.check import Checked
from harness.submission.parcel import Refusal, shown
from harness.submission.rows import Row
from harness.verify import metrics_of

HEADLINES = ("usable", "ib")
"""What ranks a table, as on the board: the first of these, else a measure, else the first metric with a direction."""

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
    new = [verdict.checked for verdict in verdicts if verdict.accepted]
    for protocol in dict.fromkeys(checked.result.protocol for checked in new if checked.result is not None):
        before = [_Line(row.result, row.trust.level, False) for row in rows if row.result.protocol == protocol]
        own = [checked for checked in new if checked.result is not None and checked.result.protocol == protocol]
        added = [_Line(checked.result, "recomputed", True) for checked in own if checked.result is not None]
        parts.append("\n".join(_table(before, added, _directions(own[0]))))
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


def _directions(checked: Checked) -> dict[str, bool]:
    """Whether higher is better, by metric; descriptions, which are neither, are left out."""
    assert checked.run is not None and checked.result is not None
    frame = load(Frame, read_manifest(checked.run)["frame"])
    metrics = metrics_of(frame, with_models="back_translator=" in checked.result.protocol)
    return {metric.name: metric.higher_is_better for metric in metrics if metric.higher_is_better is not None}


def _table(before: Sequence[_Line], added: Sequence[_Line], directions: Mapping[str, bool]) -> Iterator[str]:
    lines, result = [*before, *added], added[0].result
    headline = _headline(result, directions)
    columns = [headline, *(name for name in PARTS if name != headline and name in result.metrics)]
    was = _ranks(before, headline, directions[headline])
    now = _ranks(lines, headline, directions[headline])
    yield f"**{escape(result.task)}**, {result.segments} segments, {len(before)} rows before, ranked by {headline}"
    yield ""
    yield f"| rank | was | model | strategy | trust | {' | '.join(columns)} |"
    yield "|---" * (len(columns) + 5) + "|"
    for line in sorted(lines, key=lambda line: (now.get(line.result.run_id, len(lines) + 1), line.result.system_id)):
        name, rank = escape(line.result.model), str(now.get(line.result.run_id, NO_RANK))
        place = "new" if line.new else str(was.get(line.result.run_id, NO_RANK))
        start = [rank, place, f"**{name}**" if line.new else name, escape(line.result.strategy), line.trust]
        yield f"| {' | '.join([*start, *(cell(line.result, column) for column in columns)])} |"
    yield ""
    yield f"95% intervals, clustered. {MARK} selection or training used it or its family: shown, not ranked."
    yield ""
    yield f"Protocol: `{shown(result.protocol, 2000).replace('`', ' ')}`"


def _headline(result: Result, directions: Mapping[str, bool]) -> str:
    known = [name for name, estimate in result.metrics.items() if estimate.value is not None and name in directions]
    return next(name for name in (*HEADLINES, *result.measures, *known) if name in known)


def _ranks(lines: Sequence[_Line], headline: str, higher_is_better: bool) -> dict[str, int]:
    """Rank by the headline's value, equal values alike; marked values and what is not for publication have no rank."""
    sign = 1 if higher_is_better else -1
    values: dict[str, float] = {}
    for line in lines:
        estimate = line.result.metrics.get(headline)
        if estimate is None or estimate.value is None or headline in line.result.marked or not line.result.publishable:
            continue
        values[line.result.run_id] = sign * estimate.value
    return {id_: 1 + sum(other > value for other in values.values()) for id_, value in values.items()}


def escape(text: str, limit: int = 120) -> str:
    r"""Make somebody's text fit for Markdown: one line, printable, no markup, no mention.

    Examples:
        >>> escape("<b>a|b</b> @you [x](y)")
        '&lt;b&gt;a\\|b&lt;/b&gt; &#64;you \\[x\\](y)'
    """
    safe = shown(text, limit).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("@", "&#64;")
    return "".join(f"\\{character}" if character in "\\`*_[]|!~" else character for character in safe)
