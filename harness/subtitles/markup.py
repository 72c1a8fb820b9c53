r"""A cue's text without its formatting: what a reader reads, and a skeleton of the rest.

``split`` takes the body of an entry apart; ``harness.subtitles.restore`` puts the
skeleton around another text. A line is what stands between two breaks (``\N``,
``<br/>``, a line end); spaces around a line and breaks around the text are formatting.
Drawings of ASS are a part of their tag: nothing of them reaches a reader.
"""

import html
import re
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

Markup = Literal["srt", "vtt", "ass", "ttml", "stl"]

HTML_NAMES = "i|b|u|s|em|strong|font|span|ruby|rt|rp|c|v|lang|small|big"
DRAWING = r"\{(?=[^{}]*\\p[1-9])[^{}]*+\}.*?(?=\{[^{}]*\\p0|\Z)"
TOKENS: dict[str, re.Pattern[str]] = {
    "srt": re.compile(
        rf"(?P<break>\\N|\r\n|\r|\n|<br ?/?>)"
        rf"|(?P<tag>{DRAWING}|\{{\\[^{{}}]*\}}|</?(?:{HTML_NAMES})(?:[ .][^<>\r\n]*)?>)"
        r"|(?P<space>(?:[^\S\r\n]|\\h)+)",
        re.IGNORECASE,
    ),
    "vtt": re.compile(r"(?P<break>\r\n|\r|\n)|(?P<tag><[^<>]*>)|(?P<space>(?:[^\S\r\n]|&nbsp;)+)"),
    "ass": re.compile(rf"(?P<break>\\N)|(?P<tag>{DRAWING}|\{{[^{{}}]*\}})|(?P<space>(?:\s|\\h|\\n)+)", re.DOTALL),
    "ttml": re.compile(
        r"(?P<break><(?:\w+:)?br(?:\s[^<>]*)?(?:/>|>\s*</(?:\w+:)?br\s*>))"
        r"""|(?P<tag><!--.*?-->|<\?.*?\?>|<(?!!\[CDATA\[)(?:[^>"']|"[^"]*"|'[^']*')*>)"""
        r"|(?P<space>[ \t\r\n]+)|(?P<cdata><!\[CDATA\[.*?\]\]>)",
        re.DOTALL,
    ),
    "stl": re.compile(r"(?P<break>\x8a+)|(?P<tag>[\x00-\x1f\x80-\x89\x8b-\x9f]+)|(?P<space>[ \xa0]+)"),
}
PLAIN = re.compile(r"[^<>{}\\&\s]+(?:[ \n][^<>{}\\&\s]+)*")
"""Bodies without anything to take apart, which most are."""
NEWLINES: dict[Markup, str] = {"srt": "\n", "vtt": "\n", "ass": "\\N", "ttml": "<br/>", "stl": "\x8a"}
CLOSING = re.compile(r"</|\{(?:\\[ibusk]+0|\\r[^{}]*)\}$|[\x81\x83\x85]+$")


@dataclass(frozen=True, slots=True)
class Tag:
    """A piece of formatting, and the place in the text that it stands before.

    ``layout`` marks spaces and breaks, which belong to the lines as they were.
    """

    raw: str
    at: int
    layout: bool = False

    @property
    def closing(self) -> bool:
        """Say whether it ends what another tag began."""
        return CLOSING.match(self.raw) is not None


@dataclass(frozen=True, slots=True)
class Skeleton:
    """An entry's body taken apart.

    ``text`` is what a reader reads, lines joined by a line feed; ``tags`` are all else,
    in order; ``breaks`` are the line breaks as written, ``newline`` how to write more.
    """

    markup: Markup
    body: str
    text: str
    tags: tuple[Tag, ...]
    breaks: tuple[str, ...]
    newline: str


@dataclass(slots=True)
class _Token:
    kind: str
    raw: str
    text: str


def split(body: str, markup: Markup, newline: str | None = None) -> Skeleton:
    r"""Take a body apart into its text and its formatting.

    Args:
        body: text with markup, as it stands in the file.
        markup: whose markup it is.
        newline: how a further line break would be written, where not as the markup does.

    Returns:
        The text and the skeleton around it.

    Examples:
        >>> split(r"{\an8}<i>Well,</i> yes.", "srt").text
        'Well, yes.'
        >>> [tag.raw for tag in split(r"{\pos(1,2)}Up\Nthere\h!", "ass").tags]
        ['{\\pos(1,2)}']
        >>> split("<v Ann>Rock &amp; roll", "vtt").text
        'Rock & roll'
    """
    newline = newline or NEWLINES[markup]
    if markup in ("srt", "vtt", "ass") and PLAIN.fullmatch(body):
        return Skeleton(markup, body, body, (), ("\n",) * body.count("\n"), newline)
    tokens = _tokens(body, markup)
    _demote(tokens)
    _demote(tokens[::-1])
    if markup in ("ttml", "stl"):
        _collapse(tokens)
    pieces: list[str] = []
    tags: list[Tag] = []
    at = 0
    for token in tokens:
        if token.kind in ("tag", "layout"):
            tags.append(Tag(token.raw, at, token.kind == "layout"))
        else:
            pieces.append(token.text)
            at += len(token.text)
    breaks = tuple(token.raw for token in tokens if token.kind == "break")
    return Skeleton(markup, body, "".join(pieces), tuple(tags), breaks, newline)


def _tokens(body: str, markup: Markup) -> list[_Token]:
    tokens: list[_Token] = []
    at = 0
    for match in TOKENS[markup].finditer(body):
        if match.start() > at:
            tokens.append(_Token("text", body[at : match.start()], _plain(body[at : match.start()], markup)))
        kind, raw = match.lastgroup or "", match[0]
        if kind == "tag" and markup == "stl" and min(raw) < " ":  # teletext codes stand in a cell of their own
            tokens += [_Token("tag", raw, ""), _Token("space", "", " ")]
        elif kind == "cdata":
            tokens.append(_Token("text", raw, raw[9:-3]))
        else:
            tokens.append(_Token(kind, raw, _blank(kind, raw)))
        at = match.end()
    if at < len(body):
        tokens.append(_Token("text", body[at:], _plain(body[at:], markup)))
    return tokens


def _plain(raw: str, markup: Markup) -> str:
    return html.unescape(raw) if markup in ("vtt", "ttml") else raw


def _blank(kind: str, raw: str) -> str:
    if kind == "break":
        return "\n"
    if kind == "tag":
        return ""
    return html.unescape(raw).replace("\\h", "\N{NO-BREAK SPACE}").replace("\\n", " ")


def _demote(tokens: list[_Token]) -> None:
    """Make formatting of the spaces and breaks that stand before the first word of a line."""
    empty = True
    for token in tokens:
        if token.kind == "text":
            empty = False
        elif empty and token.kind in ("space", "break"):
            token.kind, token.text = "layout", ""
        elif token.kind == "break":
            empty = True


def _collapse(tokens: list[_Token]) -> None:
    """Read every run of spaces as one space across tags too: XML's default, and teletext's cells."""
    shown = [token for token in tokens if token.kind not in ("tag", "layout")]
    for before, token in pairwise(shown):
        if token.kind == "space":
            token.text = " "
            if before.kind == "space":
                token.kind, token.text = "layout", ""
