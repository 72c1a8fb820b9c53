r"""Line breaking by the rules subtitlers keep.

A text that fits stays as it is. Else it gets as few lines as fit (never three where two
do), broken where it reads best: after punctuation, before a conjunction or preposition,
lines of like length, the upper one rather shorter. Never, while there is another way,
after a title ("Mr."), between article and noun, after a preposition, inside a number
with its unit or a name. Dialogue keeps a line a turn and its dashes. Chinese and
Japanese break between characters, not before closing and after opening punctuation
(kinsoku), and not inside a Latin word. No word is changed; a word longer than a line
stays whole.
"""

import re
from dataclasses import dataclass
from itertools import pairwise

from harness.subtitles.limits import Limits, characters
from harness.subtitles.restore import DASH, turns

BY_CHARACTER = frozenset({"zh", "ja"})
NO_LINE_START = frozenset(
    "、。，．,.！？!?；：;:）)」』】〉》〕］]”’…‥—～~・ー々％%ぁぃぅぇぉっゃゅょゎァィゥェォッャュョヮヵヶ"
)
NO_LINE_END = frozenset("（(「『【〈《〔［[“‘￥¥$＄")
PIECE = re.compile(r"[A-Za-z0-9À-ɏ'’.,%-]*[A-Za-z0-9À-ɏ]|\s+|.", re.DOTALL)

TITLES = frozenset(
    "mr. mrs. ms. dr. prof. st. mt. sgt. lt. col. gen. capt. rev. hon. mr mrs ms dr "
    "hr. fr. herr frau fräulein sr. sra. srta. d. dña. don doña m. mm. mme mlle mgr sig. sig.ra dott. dona".split()
)
WORDS: dict[str, tuple[str, str]] = {  # what must not end a line, and what rather begins one
    "en": (
        "a an the my your his her its our their this that these those some any no every each "
        "of to in on at by for from with into about than as very so not i you he she we they who "
        "is are was were am be been have has had will would can could shall should may might must do does did",
        "and but or nor so because if when while although though that which who where until since before after "
        "of to in on at by for from with into about than as",
    ),
    "de": (
        "der die das den dem des ein eine einen einem einer eines mein meine dein deine sein seine ihr ihre unser "
        "unsere euer eure kein keine dieser diese dieses zu in im an am auf bei für von vom mit aus nach über unter "
        "vor um durch gegen ohne nicht sehr so ich du er sie es wir",
        "und aber oder denn sondern weil dass wenn als ob während obwohl bis seit bevor nachdem der die das "
        "zu in im an am auf bei für von vom mit aus nach über unter vor um durch gegen ohne",
    ),
    "es": (
        "el la los las un una unos unas lo mi mis tu tus su sus nuestro nuestra este esta estos estas ese esa "
        "a al de del en con por para sin sobre entre hasta desde muy tan no se me te le les nos os",
        "y e o u pero sino porque si cuando mientras aunque que quien donde como a al de del en con por para sin "
        "sobre entre hasta desde",
    ),
    "fr": (
        "le la les un une des du de l' mon ma mes ton ta tes son sa ses notre nos votre vos leur leurs ce cet cette "
        "ces à au aux en dans sur sous avec par pour sans chez très si ne pas je tu il elle on nous vous ils elles",
        "et ou mais donc or ni car parce que si quand lorsque comme qui dont où à au aux de du des en dans sur sous "
        "avec par pour sans chez",
    ),
    "it": (
        "il lo la i gli le un uno una l' mio mia tuo tua suo sua nostro nostra vostro vostra questo questa quel "
        "quella di a da in con su per tra fra del della dello dei degli delle al alla dal dalla nel nella sul sulla "
        "molto così non mi ti si ci vi",
        "e ed o ma però perché se quando mentre che chi dove come di a da in con su per tra fra del della al alla "
        "dal dalla nel nella sul sulla",
    ),
    "pt": (
        "o a os as um uma uns umas meu minha teu tua seu sua nosso nossa este esta esse essa de do da dos das em no "
        "na nos nas a ao à com por para sem sobre entre até desde muito tão não se me te lhe",
        "e ou mas porém porque se quando enquanto embora que quem onde como de do da em no na com por para sem "
        "sobre entre até desde",
    ),
}
SENTENCE_END = re.compile(r"[.!?…。！？]+[\"”’»)\]」』）]*$")
CLAUSE_END = re.compile(r"[,;:、，；：—–-][\"”’»)\]」』）]*$")
DASHES = frozenset("-‐–—―")
NUMBER = re.compile(r"^[\d.,:]+$")
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
    if fits(text, limits):
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
    if not pieces:
        return [text]
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
    ends, begins = (frozenset(words.split()) for words in WORDS.get(language, ("", "")))
    costs = [_cost(word, following, ends, begins) for word, following in pairwise(words)]
    return [_Piece(word, " ", cost) for word, cost in zip(words, [*costs, BEST], strict=True)]


def _cost(word: str, following: str, ends: frozenset[str], begins: frozenset[str]) -> float:
    """Say what a break between two words costs."""
    bare, after = word.lower().lstrip('"“«¿¡([-–—'), following.lower().strip('"“”«»¿¡([.,!?…')
    if bare in TITLES or word in DASHES:
        return NEVER
    if SENTENCE_END.search(word):
        return BEST
    if CLAUSE_END.search(word):
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
            cost = BETTER if CLAUSE_END.search(piece) else PLAIN
        pieces.append(_Piece(piece, joint, cost))
    return pieces
