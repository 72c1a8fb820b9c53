"""What became of a file's cues: a summary for the terminal, and every cue on one HTML page.

All counts are of the file itself, of every cue it has; they estimate nothing beyond it
and so have no interval.
"""

import html
from collections import Counter
from collections.abc import Mapping, Sequence

from harness.report import CONTROL
from harness.subtitles.lint_report import clock, page, plain
from harness.translating.cues import CueResult
from harness.translating.film import Film

RULES = ("reading_speed", "speech_rate", "line_length", "lines")
NAMED = 20
"""Cues that the terminal names; the page names all."""


def summary(film: Film, written: str) -> str:
    """Write the summary of one file for a terminal.

    Args:
        film: what became of it.
        written: where it went, or that it did not.

    Returns:
        A few lines.
    """
    missing = film.missing
    lines = [
        f"{film.document.path} -> {written}: {len(film.cues) - len(missing)} of {len(film.cues)} cues translated",
        *_table(film.cues),
        *_rewrites(film.cues),
        *_terms(film),
    ]
    named = [f"cue {cue.place + 1} at {clock(cue.start)} not translated: {cue.state}, {cue.detail}" for cue in missing]
    named += [f"line {problem.line} not read: {problem.what}" for problem in film.problems]
    lines += [f"  {text}" for text in named[:NAMED]]
    if len(named) > NAMED:
        lines.append(f"  and {len(named) - NAMED} more")
    return "\n".join(map(plain, lines))


def over(cues: Sequence[CueResult]) -> dict[str, tuple[int, int]]:
    """Count the cues over each limit, before and after the second pass; the last row is of cues over any."""
    counts = {rule: (sum(rule in cue.before for cue in cues), sum(rule in cue.after for cue in cues)) for rule in RULES}
    return {rule: count for rule, count in counts.items() if any(count)} | {
        "any": (sum(bool(cue.before) for cue in cues), sum(bool(cue.after) for cue in cues))
    }


def _table(cues: Sequence[CueResult]) -> list[str]:
    rows = [f"    {rule:<15}{before:>7}{after:>7}" for rule, (before, after) in over(cues).items()]
    return [f"  {'cues over':<17}{'before':>7}{'after':>7}", *rows]


def _rewrites(cues: Sequence[CueResult]) -> list[str]:
    asked = Counter(cue.rewrite for cue in cues if cue.rewrite)
    if not asked:
        return []
    kept = ", ".join(f"{count} {why}" for why, count in sorted(asked.items()) if why != "taken")
    return [f"  second pass: {asked.total()} cues, {asked['taken']} rewritten" + (f"; kept: {kept}" if kept else "")]


def _terms(film: Film) -> list[str]:
    if not film.terms:
        return []
    right, cues = sum(use.right for use in film.terms), sum(use.cues for use in film.terms)
    lines = [f"  terms: {right} of {cues} as given"]
    for use in film.terms:
        if use.missed:
            where = ", ".join(map(str, use.missed[:NAMED]))
            lines.append(f"    {use.term.source} = {use.term.target}: not in cue {where}")
    return lines[: NAMED + 1]


def schema_line(answers: Mapping[str, int]) -> str:
    """Say what became of the schema that the answers were asked for with.

    Args:
        answers: how many answers it was ``sent`` for, and ``refused`` for; see ``Door.schemas``.

    Returns:
        One line, empty where no schema was wanted.

    Examples:
        >>> schema_line({"sent": 84}), schema_line({"refused": 3})
        ('schema: sent (84 answers)', 'schema: refused by the server (3 answers without it)')
    """
    sent, refused = answers.get("sent", 0), answers.get("refused", 0)
    said = [f"sent ({sent} answers)"] * bool(sent)
    said += [f"refused by the server ({refused} answers without it)"] * bool(refused)
    return f"schema: {', '.join(said)}" if said else ""


def as_html(films: Sequence[Film], schema: str = "") -> str:
    """Write one page about all files that needs no other file; everything foreign is escaped."""
    parts = [f"<p>{_e(schema)}</p>"] if schema else []
    for film in films:
        parts.append(f"<h2>{_e(str(film.document.path))}</h2>")
        parts.append("<table><tr><th>cues over<th>before<th>after</tr>")
        parts += [f"<tr><td>{rule}<td>{a}<td>{b}</tr>" for rule, (a, b) in over(film.cues).items()]
        parts.append("</table>")
        parts += [f"<p>{_e(line.strip())}</p>" for line in (*_rewrites(film.cues), *_terms(film))]
        parts += [f'<p class="error">line {p.line} not read: {_e(p.what)}</p>' for p in film.problems]
        parts.append("<table><tr><th>cue<th>at<th>source<th>translation<th>first pass<th>what</tr>")
        parts += [_row(cue) for cue in film.cues]
        parts.append("</table>")
    return page("Translated subtitles", "\n".join(parts))


def _row(cue: CueResult) -> str:
    level = "error" if cue.state != "ok" else "warning" if cue.after else ""
    first = cue.first if cue.first != cue.text else ""
    cells = (str(cue.place + 1), clock(cue.start), cue.source, cue.text, first, _what(cue))
    return f'<tr class="{level}">' + "".join(f"<td>{_e(cell)}" for cell in cells) + "</tr>"


def _what(cue: CueResult) -> str:
    if cue.state != "ok":
        return f"not translated: {cue.state}, {cue.detail}"
    said = [f"{rule} over by {amount:.3g}" for rule, amount in cue.after.items()]
    if cue.rewrite:
        said.insert(0, "rewritten" if cue.rewrite == "taken" else f"first pass kept: {cue.rewrite}")
    return "; ".join(said)


def _e(text: str) -> str:
    return html.escape(text.replace("\n", " ").translate(CONTROL))
