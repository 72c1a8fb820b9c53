"""What lint found: for a terminal, as JSON, as JUnit XML for CI, and as one HTML page.

File names and texts are somebody else's: no control character reaches a terminal, XML
holds only what it can, HTML escapes all. There is no time of day in any of it, so the
same files give the same bytes.
"""

import html
import json
import xml.etree.ElementTree as ET
from collections import Counter
from dataclasses import asdict, dataclass
from typing import Any

from harness.report import CONTROL
from harness.subtitles.limits import Limits
from harness.subtitles.lint import RULES, Fill, Finding, Report, Settings

STYLE = (
    "body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:70rem;padding:0 1rem}"
    "table{border-collapse:collapse;width:100%}td,th{text-align:left;padding:.2rem .8rem .2rem 0;"
    "border-bottom:1px solid #ddd;vertical-align:top}td[dir],h2{overflow-wrap:anywhere}"
    ".error{color:#a00}.warning{color:#850}"
    "@media(max-width:40rem){body{margin:1rem auto;font-size:13px}td,th{padding-right:.4rem}}"
)


@dataclass(frozen=True, slots=True)
class Refused:
    """A file that could not be read at all, and why."""

    name: str
    why: str


@dataclass(frozen=True, slots=True)
class Checked:
    """All files of one call: reports and refusals in the order given, SubER by file name where it was asked for."""

    settings: Settings
    files: tuple[Report | Refused, ...]
    suber: dict[str, float]


def plain(text: str) -> str:
    """Make one harmless line of a text."""
    return text.replace("\n", " ").translate(CONTROL)


def many(number: int, what: str) -> str:
    """Count things in words.

    Examples:
        >>> many(1, "cue"), many(2, "cue")
        ('1 cue', '2 cues')
    """
    return f"{number} {what}" + ("" if number == 1 else "s")


def clock(seconds: float) -> str:
    """Write a time for the reader.

    Examples:
        >>> clock(3723.5)
        '1:02:03.500'
    """
    total = round(seconds * 1000)
    return f"{total // 3600000}:{total // 60000 % 60:02}:{total // 1000 % 60:02}.{total % 1000:03}"


def as_table(checked: Checked) -> str:
    """Write the findings for a terminal, file by file."""
    lines = [_limits_line(checked.settings)]
    for file in checked.files:
        if isinstance(file, Refused):
            lines += ["", plain(file.why)]
            continue
        lines += ["", plain(f"{file.name}: {_counts(file)}")]
        rows = [_row(finding) for finding in file.findings]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines += [
            plain("".join(f"  {cell:<{width}}" for cell, width in zip(row, widths, strict=True))).rstrip()
            for row in rows
        ]
        lines += [f"  {sentence(fill)}" for fill in file.fills]
        if file.name in checked.suber:
            lines.append(f"  SubER {checked.suber[file.name]:.1f} (lower is better)")
    return "\n".join(lines)


def as_json(checked: Checked) -> str:
    """Write everything as JSON."""
    files: list[dict[str, Any]] = []
    for file in checked.files:
        told: dict[str, Any] = asdict(file)
        if isinstance(file, Report):
            told["findings"] = [asdict(finding) | {"level": finding.level} for finding in file.findings]
            told["errors"] = file.errors
            told["suber"] = checked.suber.get(file.name)
        files.append(told)
    limits = asdict(checked.settings.limits)
    settings = {"fps": str(checked.settings.fps), "tolerance": checked.settings.tolerance}
    return json.dumps({"limits": limits, **settings, "files": files}, default=str, indent=1, sort_keys=True)


def as_junit(checked: Checked) -> bytes:
    """Write JUnit XML: a suite a file, a test case a rule; warnings stand in the output of a case that passed."""
    root = ET.Element("testsuites", {"name": "sandglass lint"})
    for file in checked.files:
        refused = isinstance(file, Refused)
        suite = ET.SubElement(root, "testsuite", {"name": _xml(file.name), "errors": str(int(refused))})
        if isinstance(file, Refused):
            suite.attrib |= {"tests": "1", "failures": "0"}
            case = ET.SubElement(suite, "testcase", {"classname": _xml(file.name), "name": "readable"})
            ET.SubElement(case, "error", {"message": _xml(file.why)})
            continue
        failed = {finding.rule for finding in file.findings if finding.level == "error"}
        suite.attrib |= {"tests": str(len(RULES)), "failures": str(len(failed))}
        for rule in RULES:
            case = ET.SubElement(suite, "testcase", {"classname": _xml(file.name), "name": rule})
            found = [finding for finding in file.findings if finding.rule == rule]
            if found:
                message = f"{many(len(found), 'cue')}: {RULES[rule]}"
                told = ET.SubElement(case, "failure", {"message": message}) if rule in failed else None
                output = ET.SubElement(case, "system-out") if told is None else told
                output.text = "\n".join(_xml("  ".join(_row(finding))) for finding in found)
    totals = {key: str(sum(int(suite.attrib[key]) for suite in root)) for key in ("tests", "failures", "errors")}
    root.attrib |= totals
    ET.indent(root)
    written: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return written + b"\n"


def as_html(checked: Checked) -> str:
    """Write one page that needs no other file; everything foreign is escaped."""
    parts = [f"<p>{_e(_limits_line(checked.settings))}</p>"]
    for file in checked.files:
        parts.append(f"<h2>{_e(file.name)}</h2>")
        if isinstance(file, Refused):
            parts.append(f'<p class="error">{_e(file.why)}</p>')
            continue
        parts.append(f"<p>{_e(_counts(file))}</p>")
        if file.findings:
            parts.append("<table><tr><th>line<th>cue<th>at<th>rule<th>what</tr>")
            parts += [_html_row(finding) for finding in file.findings]
            parts.append("</table>")
        parts += [f"<p>{_e(sentence(fill))}</p>" for fill in file.fills]
        if file.name in checked.suber:
            parts.append(f"<p>SubER {checked.suber[file.name]:.1f} (lower is better)</p>")
    return page("Subtitle check", "\n".join(parts))


def page(title: str, body: str) -> str:
    """Return a page around a body that is HTML already."""
    policy = "default-src 'none'; style-src 'unsafe-inline'"
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{_e(title)}</title>\n'
        '<meta name="viewport" content="width=device-width">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n<style>{STYLE}</style></head>\n'
        f"<body><h1>{_e(title)}</h1>\n{body}\n</body></html>\n"
    )


def sentence(fill: Fill) -> str:
    """Say how much of their time the cues of a file would take when spoken."""
    return (
        f"spoken at {fill.rate:g} syllables a second: {fill.fits:.1%} of {many(fill.cues, 'cue')} fit, "
        f"{fill.fits_at_1_2:.1%} at a speed-up of 1.2, {fill.too_fast:.1%} need more than 1.4, "
        f"{fill.too_empty:.1%} leave a third silent"
    )


def _limits_line(settings: Settings) -> str:
    limits: Limits = settings.limits
    return (
        f"limits for {limits.language}: {limits.speed} characters a second, {limits.characters} a line, "
        f"{limits.lines} lines, {limits.shortest} to {limits.longest} s, {limits.gap} frames apart at "
        f"{float(settings.fps):g} a second (checked {limits.checked})"
    )


def _counts(report: Report) -> str:
    rules = Counter(finding.rule for finding in report.findings)
    warnings = len(report.findings) - report.errors
    told = ", ".join(f"{rules[rule]} {rule}" for rule in RULES if rules[rule])
    counts = many(report.cues, "cue"), many(report.errors, "error"), many(warnings, "warning")
    return ", ".join(counts) + (f" ({told})" if told else "")


def _row(finding: Finding) -> tuple[str, ...]:
    cue = f"cue {finding.cue} at {clock(finding.start)}" if finding.cue else "no cue"
    return f"line {finding.line}", cue, finding.level, finding.rule, finding.message


def _html_row(finding: Finding) -> str:
    at = clock(finding.start) if finding.cue else ""
    cells = (finding.line, finding.cue or "", at, finding.rule)
    row = "".join(f"<td>{_e(str(cell))}" for cell in cells)
    return f'<tr class="{finding.level}">{row}<td dir="auto">{_e(finding.message)}</tr>'


def _xml(text: str) -> str:
    """Keep to the characters that XML 1.0 can hold."""
    return plain(text).translate({0xFFFE: "\ufffd", 0xFFFF: "\ufffd"} | dict.fromkeys(range(0xD800, 0xE000), "\ufffd"))


def _e(text: str) -> str:
    return html.escape(text.translate(CONTROL))
