"""From units to segments: cut at pauses and where a unit of meaning ends.

The rule. Units are joined in order of time. A segment ends

1. at a pause of ``PAUSE`` seconds or more;
2. before a unit that would make it longer than ``long`` characters;
3. once it has ``short`` characters: after a sentence's or clause's last mark, at the end of
   a cue, and before a word that opens a new unit of meaning (但是, because).

A cue is first cut into its sentences, and one longer than ``long`` into its clauses too; the
times inside it are interpolated by characters, and a segment that begins or ends there is
marked (``split``). A segment's time budget is the time from its first unit's start to its last one's end.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain

from harness.corpus.languages import Language
from harness.corpus.texts import characters
from harness.corpus.units import Unit, glue

PAUSE = 0.5
"""Seconds of silence that end a segment [ours]: the paper cuts at pauses without a number."""

STOPS, COMMAS = ".。！？!?；;…", "，、：,:"
CLOSERS = "\"'”’」』）)\\]"
SENTENCE = re.compile(rf"(?<![{STOPS}])[{STOPS}]++[{CLOSERS}]*+(?=\s|$|[^\x00-\x7f])|[。！？]++[{CLOSERS}]*+")
CLAUSE = re.compile(rf"[，、：]|[{COMMAS}](?=\s|$|[^\x00-\x7f])|——|--")
ENDS = re.compile(rf"(?<![{STOPS}{COMMAS}])[{STOPS}{COMMAS}]++[{CLOSERS}]*+$|(?:——|--)$")


@dataclass(frozen=True, slots=True)
class Piece:
    """A segment before it has a name: its text, its time budget, and whether times were interpolated."""

    text: str
    start: float
    end: float
    split: bool


@dataclass(frozen=True)
class Segmenter:
    """Cuts the transcripts of one language.

    Examples:
        >>> from harness.corpus.languages import language
        >>> segmenter = Segmenter(language("zh"))
        >>> words = [Unit(word, k * 0.3, k * 0.3 + 0.3, "", False) for k, word in enumerate(["今天", "我们", "去看看",
        ...     "上海的", "老街", "但是", "下雨了"])]
        >>> [piece.text for piece in segmenter.pieces(words)]
        ['今天我们去看看上海的老街', '但是下雨了']
    """

    language: Language

    def pieces(self, units: Sequence[Unit]) -> list[Piece]:
        """Return the segments of cleaned units in order of time."""
        found: list[Piece] = []
        group: list[Unit] = []
        length = 0
        for unit in chain.from_iterable(map(self._parts, units)):
            size = characters(unit.text)
            if group and self._ends(group, unit, length, size):
                found.append(_joined(group))
                group, length = [], 0
            group.append(unit)
            length += size
        return [*found, _joined(group)] if group else found

    def _ends(self, group: Sequence[Unit], unit: Unit, length: int, size: int) -> bool:
        last = group[-1]
        if unit.start - last.end >= PAUSE or length + size > self.language.long:
            return True
        if length < self.language.short:
            return False
        return last.closes or bool(ENDS.search(last.text)) or bool(self._opener and self._opener.match(unit.text))

    def _parts(self, unit: Unit) -> list[Unit]:
        """Cut a cue into sentences, and long sentences into clauses."""
        if not unit.closes or characters(unit.text) <= self.language.short:
            return [unit]
        texts = self._cut(unit.text, SENTENCE)
        texts = [
            part
            for text in texts
            for part in (self._cut(text, CLAUSE) if characters(text) > self.language.long else [text])
        ]
        return _interpolated(unit, texts) if len(texts) > 1 else [unit]

    def _cut(self, text: str, marks: re.Pattern[str]) -> list[str]:
        """Cut after marks, but not after an abbreviation."""
        parts, begin = [], 0
        for match in marks.finditer(text):
            word = text[begin : match.start()].rsplit(maxsplit=1)[-1:]
            if match.group() == "." and word and word[0].casefold() in self.language.abbreviations:
                continue
            parts.append(text[begin : match.end()].strip())
            begin = match.end()
        return [part for part in (*parts, text[begin:].strip()) if part]

    @cached_property
    def _opener(self) -> re.Pattern[str] | None:
        words = "|".join(re.escape(word) for word in self.language.openers)
        after = "" if self.language.script in ("han", "kana-han", "thai") else r"\b"
        return re.compile(rf"(?:{words}){after}", re.IGNORECASE) if words else None


def _interpolated(unit: Unit, texts: Sequence[str]) -> list[Unit]:
    """Share a cue's time among its parts by their characters."""
    sizes = [max(1, characters(text)) for text in texts]
    second = (unit.end - unit.start) / sum(sizes)
    parts, start = [], unit.start
    for k, (text, size) in enumerate(zip(texts, sizes, strict=True)):
        last = k == len(texts) - 1
        end = unit.end if last else start + size * second
        joint = glue(texts[k - 1], text) if k else unit.glue
        parts.append(Unit(text, start, end, joint, last, k == 0, last))
        start = end
    return parts


def _joined(group: Sequence[Unit]) -> Piece:
    text = group[0].text + "".join(unit.glue + unit.text for unit in group[1:])
    split = not (group[0].start_known and group[-1].end_known)
    return Piece(text, group[0].start, max(unit.end for unit in group), split)
