"""What the gate says: on the terminal, in Markdown, as JUnit XML and as annotations of a GitHub workflow."""

import xml.etree.ElementTree as ET
from collections.abc import Callable, Sequence

from harness.compare_flips import Flip
from harness.compare_reports import (
    MOST_FLIPS,
    code,
    grid,
    is_percent,
    markdown_rows,
    p_value,
    plain,
    texts,
    value,
)
from harness.gate.decide import Check, Verdict

ANNOTATIONS = {"failed": "error", "no evidence": "error", "skipped": "warning"}


def as_table(verdict: Verdict) -> str:
    """Write the verdict for a terminal."""
    rows = ["", *grid(_rows(verdict))] if verdict.checks else []
    return "\n".join(map(plain, [_headline(verdict, str), *rows, ""]))


def as_markdown(verdict: Verdict, flips: Sequence[Flip]) -> str:
    """Write the verdict as Markdown, with segments lost on the metrics that failed."""
    lines = [f"### {_headline(verdict, code)}", ""]
    if verdict.checks:
        lines += [*markdown_rows(_rows(verdict)), ""]
    lines += [f"- {code(check.metric)}: {sentence(check, verdict)}" for check in verdict.checks]
    lost: dict[str, list[Flip]] = {}
    for check in verdict.checks:
        for flip in _lost(check, flips):
            lost.setdefault(flip.segment, []).append(flip)
    for segment, found in list(lost.items())[: 2 * MOST_FLIPS]:  # a step summary holds 1 MiB
        lines.append(f"- {code(segment)} lost on {', '.join(code(flip.metric) for flip in found)}")
        lines += [f"  - {name}: {code(text)}" for name, text in texts(found[0])]
    return "\n".join(lines) + "\n"


def junit(verdict: Verdict, flips: Sequence[Flip]) -> bytes:
    """Write the verdict as JUnit XML: one test case a metric, segments lost in the text of its failure.

    A failed metric is a failure, one without evidence an error. There is no time in it, so the same runs give the
    same bytes.
    """
    states = [check.status for check in verdict.checks]
    untested = bool(verdict.reason)
    counts = {
        "tests": str(len(states) + untested),
        "failures": str(states.count("failed")),
        "errors": str(states.count("no evidence") + untested),
    }
    root = ET.Element("testsuites", {"name": "sandglass", **counts})
    suite = ET.SubElement(
        root, "testsuite", {"name": "sandglass gate", **counts, "skipped": str(states.count("skipped"))}
    )
    if untested:
        case = ET.SubElement(suite, "testcase", {"classname": "sandglass.gate", "name": "runs"})
        ET.SubElement(case, "error", {"type": "no evidence", "message": _xml(verdict.reason)})
    for check in verdict.checks:
        case = ET.SubElement(suite, "testcase", {"classname": "sandglass.gate", "name": _xml(check.metric)})
        if check.status != "passed":
            kind = {"failed": "failure", "no evidence": "error", "skipped": "skipped"}[check.status]
            found = ET.SubElement(case, kind, {"type": check.status, "message": _xml(sentence(check, verdict))})
            found.text = "\n".join(_xml(line) for flip in _lost(check, flips) for line in _told(flip))
        else:
            ET.SubElement(case, "system-out").text = _xml(sentence(check, verdict))
    ET.indent(root)
    written: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return written + b"\n"


def annotations(verdict: Verdict) -> list[str]:
    """Write workflow commands of GitHub: an error for what keeps the gate shut, a notice where it opens."""
    found = [
        _command(ANNOTATIONS[check.status], f"Sandglass gate: {check.metric}", sentence(check, verdict))
        for check in verdict.checks
        if check.status in ANNOTATIONS
    ]
    if verdict.reason:
        found.append(_command("error", "Sandglass gate", verdict.reason))
    return [*found, _command("notice", "Sandglass gate", _headline(verdict, str))] if verdict.passed else found


def sentence(check: Check, verdict: Verdict) -> str:
    """Say in one sentence what was found of a metric."""
    if check.loss is None:
        return f"{check.status}: {check.reason}"
    share, margin = f"{100 * (1 - 2 * verdict.alpha):g}%", _amount(check.margin, check)
    found = f"loss {_amount(check.loss, check)} [{share}: {_amount(check.low, check)} to {_amount(check.high, check)}]"
    side = "beyond" if verdict.rule == "worse" else "under"
    shown = "is" if (check.status == "failed") == (verdict.rule == "worse") else "is not"
    said = f"{found} {shown} shown to be {side} the margin of {margin}"
    if check.detectable is None and check.low == check.high:
        return said  # nothing changed
    reach, chance = _amount(check.detectable, check), f"{100 * verdict.power:g}%"
    if verdict.rule == "worse":
        loss = "no loss there can be" if check.detectable is None else f"a true loss of {reach}"
        return f"{said}; {loss} would fail with {chance}"
    margin = "at no margin" if check.detectable is None else f"from a margin of {reach} on"
    return f"{said}; an unchanged system would pass with {chance} {margin}"


def _headline(verdict: Verdict, foreign: Callable[[str], str]) -> str:
    """Sum the verdict up."""
    if verdict.passed:
        return f"Gate passed: no metric of {len(verdict.checks)} stands against it"
    shut = [foreign(check.metric) for check in verdict.checks if check.status in ("failed", "no evidence")]
    return f"Gate failed: {foreign(verdict.reason) if verdict.reason else ', '.join(shut)}"


def _rows(verdict: Verdict) -> list[list[str]]:
    share = f"{100 * (1 - 2 * verdict.alpha):g}%"
    rows = [["", "", "first", "second", f"loss [{share}]", "margin", "p", "p (adjusted)"]]
    for check in verdict.checks:
        loss = "-"
        if check.loss is not None:
            loss = f"{_amount(check.loss, check)} [{_amount(check.low, check)}, {_amount(check.high, check)}]"
        values = [value(check.first, check.metric), value(check.value, check.metric)]
        ps = [p_value(check.p), p_value(check.p_adjusted)]
        rows.append([check.metric, check.status, *values, loss, _amount(check.margin, check), *ps])
    return rows


def _amount(number: float | None, check: Check) -> str:
    """Write a loss: in points of a metric that is shown in percent."""
    if number is None:
        return "-"
    return f"{100 * number:.1f}" if is_percent(check.metric) else f"{number:.4g}"


def _lost(check: Check, flips: Sequence[Flip]) -> list[Flip]:
    """Pick the first segments lost on a metric that failed."""
    if check.status != "failed":
        return []
    return [flip for flip in flips if flip.metric == check.metric and not flip.better][:MOST_FLIPS]


def _told(flip: Flip) -> list[str]:
    return [f"{flip.segment} lost", *(f"  {name}: {text}" for name, text in texts(flip))]


def _xml(text: str) -> str:
    """Keep to the characters that XML 1.0 can hold."""
    return "".join("\ufffd" if ord(char) in (0xFFFE, 0xFFFF) else char for char in plain(text))


def _command(kind: str, title: str, message: str) -> str:
    r"""Write a workflow command; what would end its message or a property is escaped as GitHub's own toolkit does.

    Examples:
        >>> _command("error", "a: b, c", "50 %\nof it")
        '::error title=a%3A b%2C c::50 %25%0Aof it'
    """
    message = message.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    title = title.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A").replace(":", "%3A").replace(",", "%2C")
    return f"::{kind} title={title}::{message}"
