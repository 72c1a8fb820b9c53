r"""Formatting put back around another text.

The text that was split comes back byte for byte. For another text:

- every tag comes back unchanged and in order: none is lost, none is made;
- tags before the first and after the last character stay there;
- inner tags at the start or end of a line stay there while the number of lines is the
  same; others keep their share of the text and move to the nearest word boundary,
  opening tags to a word's start, closing ones to a word's end;
- where only lines were broken anew, every tag stays beside its very character;
- dialogue dashes come back as they were written where the number of turns is the same;
- lines are joined by the breaks that stood there, and more by the file's own; spaces
  around inner breaks come back while the number of lines is the same;
- what looks like formatting in the new text is no formatting: tags are taken off,
  the format's special characters escaped, empty lines and control codes dropped.
"""

import html
import re
from bisect import bisect_left
from collections.abc import Callable, Iterator
from itertools import accumulate

from harness.subtitles.formats.srt import LIKE_TIMES
from harness.subtitles.markup import Markup, Skeleton, Tag, split

DASH = re.compile(r"[-‐–—―](?![-‐–—―\d])[^\S\n]*(?=\S)")
TURN = re.compile(r"(?<=\S)\s+(?=[-‐–—―]\s+\S)")
CONTROL = re.compile(r"[^\S\n\xa0\u3000 ]|[\x00-\x08\x0e-\x1f\x7f-\x9f\u2028\u2029\ufffe\uffff]")
WORD_START = re.compile(r"(?<!\S)\S|(?=[\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\uff00-\uffef])")
WORD_END = re.compile(r"(?<=\S)(?!\S)|(?<=[\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\uff00-\uffef])")


def restore(skeleton: Skeleton, text: str) -> str:
    r"""Put a skeleton's formatting around a text.

    Args:
        skeleton: what ``split`` returned.
        text: the text to stand in place of ``skeleton.text``; lines joined by a line feed.

    Returns:
        Body for the file, by the module's rules.

    Examples:
        >>> restore(split(r"{\an8}<i>Well,</i> yes.", "srt"), "Nun ja.")
        '{\\an8}<i>Nun</i> ja.'
        >>> restore(split("- Hi.\r\n- <i>You?</i>", "srt"), "Hallo.\nDu?")
        '- Hallo.\r\n- <i>Du?</i>'
    """
    if text == skeleton.text:
        return skeleton.body
    rebroken = _rebroken(skeleton, text)
    text = _lines(text) if rebroken else _redash(skeleton.text, clean(text, skeleton.markup))
    pieces: list[str] = []
    done = used = 0
    for at, tag in _kept(skeleton, text) if rebroken else _placed(skeleton, text):
        pieces += [_written(text[done:at], skeleton, used), tag.raw]
        used += text.count("\n", done, at)
        done = at
    pieces.append(_written(text[done:], skeleton, used))
    return "".join(pieces)


def clean(text: str, markup: Markup) -> str:
    r"""Take off what looks like formatting, so that the text can stand in a file.

    Examples:
        >>> clean("<i>Go</i>\n\n{\\an8} now\x07", "srt")
        'Go\nnow'
    """
    text = _lines(CONTROL.sub(" ", "\n".join(split(text, "srt").text.splitlines())))
    return text.translate({ord("{"): "(", ord("}"): ")"}) if markup == "ass" else text


def _lines(text: str) -> str:
    """Take off spaces around lines, and empty lines."""
    lines = (line.strip() for line in text.split("\n"))
    return "\n".join(line for line in lines if line)


def turns(text: str) -> int:
    r"""Count the lines that begin with a dialogue dash.

    Examples:
        >>> turns("- Hi.\n-Hello."), turns("-5 degrees"), turns("--and then")
        (2, 0, 0)
    """
    return sum(DASH.match(line) is not None for line in text.split("\n"))


def _redash(source: str, text: str) -> str:
    """Write the dialogue dashes of the source where the text has the same turns."""
    dashes = [DASH.match(line) for line in source.split("\n")]
    wanted = [dash[0] for dash in dashes if dash]
    if not wanted:
        return text
    lines = text.split("\n")
    if turns(text) < len(wanted) and len(lines) == 1:
        lines = TURN.split(text)
    if sum(DASH.match(line) is not None for line in lines) == len(wanted):
        prefix = iter(wanted)
        return "\n".join(next(prefix) + line[dash.end() :] if (dash := DASH.match(line)) else line for line in lines)
    if len(lines) == len(dashes) and not turns(text):
        return "\n".join((dash[0] if dash else "") + line for dash, line in zip(dashes, lines, strict=True))
    if len(wanted) == 1 and dashes[0] and not turns(text):
        return wanted[0] + text
    return text


def _rebroken(skeleton: Skeleton, text: str) -> bool:
    """Say whether a text is the skeleton's own with other lines; Chinese may have lost or got a space at a break."""
    if CONTROL.search(text):
        return False
    if text.split() == skeleton.text.split():
        return True
    same = "".join(text.split()) == "".join(skeleton.text.split())
    return same and clean(text, skeleton.markup) == _lines(text)


def _kept(skeleton: Skeleton, text: str) -> Iterator[tuple[int, Tag]]:
    """Yield the tags and where each goes among the same words: beside the very character it stood beside."""
    marks = [at for at, char in enumerate(text) if not char.isspace()]
    before = [0, *accumulate(not char.isspace() for char in skeleton.text)]
    same = skeleton.text.count("\n") == text.count("\n")
    for tag in skeleton.tags:
        count = before[tag.at]
        if tag.at in (0, len(skeleton.text)):
            yield (0 if tag.at == 0 else len(text)), tag
        elif not tag.layout or same:
            yield marks[count - 1] + 1 if tag.closing else marks[count], tag


def _placed(skeleton: Skeleton, text: str) -> Iterator[tuple[int, Tag]]:
    """Yield the tags and where in the text each goes, never backwards."""
    old, same = skeleton.text, skeleton.text.count("\n") == text.count("\n")
    old_lines, new_lines = _line_spans(old), _line_spans(text)
    starts = [m.start() for m in WORD_START.finditer(text)]
    ends = [m.start() for m in WORD_END.finditer(text)]
    before, low, line = 0, 0, 0
    for tag in skeleton.tags:
        while line + 1 < len(old_lines) and tag.at > old_lines[line][1]:
            line += 1
        if tag.layout and not same and 0 < tag.at < len(old):
            continue
        if tag.at in (0, len(old)):
            place = 0 if tag.at == 0 else len(text)
        else:
            span, target = (old_lines[line], new_lines[line]) if same else ((0, len(old)), (0, len(text)))
            least = low + 1 if tag.at > before else low
            if same and tag.at == _after_dash(old, span) > span[0]:
                place = _after_dash(text, target)
            else:
                place = _place(tag, span, target, ends if tag.closing else starts, least)
        low = max(low, min(place, len(text)))
        before = tag.at
        yield low, tag


def _place(tag: Tag, span: tuple[int, int], target: tuple[int, int], candidates: list[int], least: int) -> int:
    """Return the place of an inner tag: its line's edge, or the nearest candidate from ``least`` on."""
    if tag.at == span[0]:
        return target[0]
    if tag.at == span[1]:
        return target[1]
    share = (tag.at - span[0]) / (span[1] - span[0])
    wanted = target[0] + share * (target[1] - target[0])
    first = bisect_left(candidates, least)
    near = bisect_left(candidates, wanted, lo=first)
    choices = candidates[max(first, near - 1) : near + 1]
    return min(choices, key=lambda place: (abs(place - wanted), place)) if choices else target[1]


def _after_dash(text: str, span: tuple[int, int]) -> int:
    """Return where the words of a line begin."""
    dash = DASH.match(text, *span)
    return dash.end() if dash else span[0]


def _line_spans(text: str) -> list[tuple[int, int]]:
    lines = text.split("\n")
    starts = accumulate((len(line) + 1 for line in lines), initial=0)
    return [(start, start + len(line)) for start, line in zip(starts, lines, strict=False)]


def _written(text: str, skeleton: Skeleton, used: int) -> str:
    """Write a piece of text in the format; ``used`` breaks were written before it."""
    lines = [ESCAPES[skeleton.markup](line) for line in text.split("\n")]
    written = lines[0]
    for number, line in enumerate(lines[1:], start=used):
        written += (skeleton.breaks[number] if number < len(skeleton.breaks) else skeleton.newline) + line
    return written


def _xml(text: str) -> str:
    return html.escape(text, quote=False)


ESCAPES: dict[Markup, Callable[[str], str]] = {
    "srt": lambda text: text.replace("-->", "->") if LIKE_TIMES.match(text) else text,
    "vtt": _xml,
    "ass": lambda text: text.replace("\N{NO-BREAK SPACE}", "\\h"),
    "ttml": _xml,
    "stl": str,
}
