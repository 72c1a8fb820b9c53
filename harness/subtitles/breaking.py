r"""Line breaking by the rules subtitlers keep.

A text that fits stays as it is. Else it gets as few lines as fit (never three where two
do), broken where it reads best: after punctuation, before a conjunction or preposition,
lines of like length, the upper one rather shorter. Never, while there is another way,
after a title ("Mr."), between article and noun, after a preposition, inside a number
with its unit or a name. Dialogue keeps a line a turn and its dashes. Chinese and
Japanese break between characters, not before closing and after opening punctuation
(kinsoku), and not inside a Latin word. No word is changed; a word longer than a line
stays whole, and a text of over 1,000 characters, which no cue can hold, as it is.
"""

import re
import tomllib
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path

from harness.subtitles.limits import Limits, characters
from harness.subtitles.restore import DASH, turns

FILE = Path(__file__).with_name("breaking.toml")
BY_CHARACTER = frozenset({"zh", "ja"})
NO_LINE_START = frozenset(
    "、。，．,.！？!?；：;:）)」』】〉》〕］]”’…‥—～~・ー々％%ぁぃぅぇぉっゃゅょゎァィゥェォッャュョヮヵヶ"
)
NO_LINE_END = frozenset("（(「『【〈《〔［[“‘￥¥$＄")
PARTICLES = frozenset("了的着过得地们吗呢吧啊嘛呀")
"""Chinese words that lean on the one before."""
PIECE = re.compile(r"[A-Za-z0-9À-ɏ]+(?:['’.,%-][A-Za-z0-9À-ɏ]+)*|\s+|.", re.DOTALL)

SENTENCE_END = re.compile(r"[.!?…。！？]+[\"”’»)\]」』）]*$")
CLAUSE_END = re.compile(r"[,;:、，；：—–-][\"”’»)\]」』）]*$")
DASHES = frozenset("-‐–—―")
MOST = 1000
"""Characters of a text that is broken."""
NUMBER = re.compile(r"^[\d.,:]+$")
TAIL = 8
"""Characters of a word's end that are looked at for punctuation."""
NEVER, BAD, PLAIN, GOOD, BETTER, BEST = 400.0, 40.0, 8.0, 4.0, 2.0, 0.0


@dataclass(frozen=True, slots=True)
class _Piece:
    """What stays together: its text, what joins it to the next on one line, and the cost of a break after it."""

    text: str
    joint: str
    cost: float


def break_lines(text: str, limits: Limits) -> str:
    r"""Break a text into lines within its limits, where that can be done without changing words.

    Args:
        text: plain text, its lines joined by a line feed.
        limits: characters a line and lines.

    Returns:
        The text itself where it fits, else the same words broken anew.

    Examples:
        >>> from harness.subtitles.limits import limits_for
        >>> print(break_lines("I met her at the old station where Mr. Brown used to wait.", limits_for("en")))
        I met her at the old station
        where Mr. Brown used to wait.
        >>> break_lines("Short\nenough.", limits_for("en"))
        'Short\nenough.'
    """
    if len(text) > MOST or not text.strip() or fits(text, limits):
        return text
    if turns(text) > 1:
        return "\n".join("\n".join(_wrap(turn, limits)) for turn in _turns(text, limits))
    return "\n".join(_wrap(_joined(text.split("\n"), limits), limits))


def fits(text: str, limits: Limits) -> bool:
    r"""Say whether a text keeps its limits of lines and characters a line.

    Examples:
        >>> from harness.subtitles.limits import limits_for
        >>> fits("a\nb\nc", limits_for("en"))
        False
    """
    lines = text.split("\n")
    return len(lines) <= limits.lines and all(characters(line, limits) <= limits.characters for line in lines)


def _turns(text: str, limits: Limits) -> list[str]:
    """Return a line for every turn of a dialogue."""
    found: list[list[str]] = []
    for line in text.split("\n"):
        if DASH.match(line) or not found:
            found.append([line])
        else:
            found[-1].append(line)
    return [_joined(lines, limits) for lines in found]


def _joined(lines: list[str], limits: Limits) -> str:
    """Join lines to one; between Chinese lines without punctuation the break was a pause and becomes a space."""
    text = lines[0]
    for before, line in pairwise(lines):
        tight = limits.language == "ja" or before[-1:] in NO_LINE_START or line[:1] in NO_LINE_END
        text += ("" if limits.language in BY_CHARACTER and tight else " ") + line
    return text


def _wrap(text: str, limits: Limits) -> list[str]:
    """Break one run of text into as few lines as fit, at the least cost."""
    pieces = _characters(text) if limits.language in BY_CHARACTER else _words(text, limits.language)
    ends = _layout(pieces, limits)
    lines, start = [], 0
    for end in ends:
        lines.append(_line(pieces, start, end))
        start = end
    return lines


def _line(pieces: list[_Piece], start: int, end: int) -> str:
    return "".join(piece.text + piece.joint for piece in pieces[start : end - 1]) + pieces[end - 1].text


def _layout(pieces: list[_Piece], limits: Limits) -> list[int]:
    """Return where lines end: fewest lines first, then least cost (dynamic programming over breaks)."""
    widths = [characters(piece.text + piece.joint, limits) for piece in pieces]
    bare = [characters(piece.text, limits) for piece in pieces]
    best: list[tuple[int, float, list[int]]] = [(0, 0.0, [])]
    for end in range(1, len(pieces) + 1):
        options = []
        width = bare[end - 1]
        for start in range(end - 1, -1, -1):
            if start < end - 1:
                width += widths[start]
            if width > limits.characters and start < end - 1:
                break
            count, cost, ends = best[start]
            slack = float((limits.characters - width) / limits.characters)
            last = end == len(pieces)
            cost += 10 * slack * slack * (1.0 if last else 0.8) + (0 if last else pieces[end - 1].cost)
            options.append((count + 1, cost, [*ends, end]))
        best.append(min(options))
    return best[-1][2]


def _words(text: str, language: str) -> list[_Piece]:
    words = text.split()
    titles, ends, begins = _known(language)
    costs = [_cost(word, following, titles, ends, begins) for word, following in pairwise(words)]
    return [_Piece(word, " ", cost) for word, cost in zip(words, [*costs, BEST], strict=True)]


@cache
def _known(language: str) -> tuple[frozenset[str], frozenset[str], frozenset[str]]:
    """Return titles, words that must not end a line, and words that rather begin one."""
    table = tomllib.loads(FILE.read_text(encoding="utf-8"))
    row = table.get(language, {"ends": "", "begins": ""})
    return frozenset(table["titles"].split()), frozenset(row["ends"].split()), frozenset(row["begins"].split())


def _cost(word: str, following: str, titles: frozenset[str], ends: frozenset[str], begins: frozenset[str]) -> float:
    """Say what a break between two words costs."""
    bare, after = word.lower().lstrip('"“«¿¡([-–—'), following.lower().strip('"“”«»¿¡([.,!?…')
    if bare in titles or word in DASHES:
        return NEVER
    if SENTENCE_END.search(word[-TAIL:]):
        return BEST
    if CLAUSE_END.search(word[-TAIL:]):
        return BETTER
    if bare in ends or NUMBER.match(word):
        return BAD
    if word[:1].isupper() and following[:1].isupper() and len(word) > 1:
        return BAD / 2  # a name, most often
    return GOOD if after in begins else PLAIN


def _characters(text: str) -> list[_Piece]:
    """Cut Chinese or Japanese into what stays together; spaces become joints."""
    found = [match[0] for match in PIECE.finditer(text.strip())]
    pieces: list[_Piece] = []
    for piece, following in zip(found, [*found[1:], ""], strict=True):
        if piece.isspace():
            continue
        joint = following if following.isspace() else ""
        if following and (following[0] in NO_LINE_START or piece[-1] in NO_LINE_END):
            cost = NEVER
        elif joint or SENTENCE_END.search(piece):
            cost = BEST
        else:
            cost = BETTER if CLAUSE_END.search(piece) else BAD if following[:1] in PARTICLES else PLAIN
        pieces.append(_Piece(piece, joint, cost))
    return pieces
