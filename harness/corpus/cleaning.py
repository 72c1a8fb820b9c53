"""Taking out of a cue what nobody says: sounds, music, fillers, labels, and lines of another language."""

import re
from dataclasses import dataclass
from functools import cached_property

from harness.corpus.languages import SCRIPTS, Language

MUSIC = "♩♪♫♬♭🎵🎶🎼"
DASH = re.compile(r"^\s*(?:>>+|[-–—])\s*", re.MULTILINE)
LABEL = re.compile(r"^\s*[A-ZÄÖÜÑ][A-ZÄÖÜÑ0-9 .'’-]{1,30}:\s", re.MULTILINE)
BRACKETS = re.compile(r"\[([^\[\]]*)\]|【([^【】]*)】|\(([^()]*)\)|（([^（）]*)）|［([^［］]*)］|\*([^*\n]*)\*")
MARKS = r"\s.,，。、!！?？…;；:：~～·—–-"
LEADING = " \n,，、。.;；:：!！?？…"
"""Marks left at the start of a text by what was taken out before them."""

INVISIBLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b\u202a-\u202e\u2066-\u2069\ufeff]")
"""Controls, marks of direction and spaces without width: never words, and a terminal may obey them."""

SPACES = re.compile(r"\s+")


@dataclass(frozen=True)
class Cleaned:
    """What is left of a cue, and which kinds of things were taken out, each once."""

    text: str
    removed: tuple[str, ...]


@dataclass(frozen=True)
class Cleaner:
    """Cleans cues of one language.

    Removed, in this order, each under the name by which it is counted:

    * ``music``: the whole of a cue that begins or ends with a note sign, note signs elsewhere;
    * ``other language``: lines of a cue without one letter of the source's script beside a line that has some;
    * ``speaker``: a dash, ``>>`` or a name in capitals with a colon at the start of a line;
    * ``sound``: brackets or asterisks whose content is a known sound, is all in capitals, or is
      the whole cue; brackets with other content are speech;
    * ``filler``: hesitations that stand between marks, spaces or ends, and letters that are nothing else.

    Examples:
        >>> from harness.corpus.languages import language
        >>> Cleaner(language("zh")).clean("[音乐] 嗯，今天我们去看（上海）电影")
        Cleaned(text='今天我们去看（上海）电影', removed=('sound', 'filler'))
        >>> Cleaner(language("en")).clean("♪ All you need is love ♪")
        Cleaned(text='', removed=('music',))
    """

    language: Language

    def clean(self, text: str) -> Cleaned:
        """Return what is said in a cue, its lines joined by spaces."""
        removed: list[str] = []
        text = INVISIBLE.sub("", text)
        for name, rule in (
            ("music", self._music),
            ("other language", self._other_language),
            ("speaker", self._speaker),
            ("sound", self._sounds),
            ("filler", self._fillers),
        ):
            after = rule(text)
            if after.strip() != text.strip():
                removed.append(name)
                text = after
        return Cleaned(SPACES.sub(" ", text).strip(), tuple(removed))

    def _music(self, text: str) -> str:
        bare = text.strip()
        if not any(sign in bare for sign in MUSIC):
            return text
        sung = bare[0] in MUSIC or bare[-1] in MUSIC
        return "" if sung else "".join(" " if letter in MUSIC else letter for letter in text)

    def _other_language(self, text: str) -> str:
        lines = text.split("\n")
        own = [line for line in lines if self._script.search(line)]
        return "\n".join(own) if own and len(own) < len(lines) else text

    def _speaker(self, text: str) -> str:
        return LABEL.sub("", DASH.sub("", text))

    def _sounds(self, text: str) -> str:
        whole = text.strip()

        def kept(match: re.Match[str]) -> str:
            inside = next(group for group in match.groups() if group is not None).strip(MUSIC + " .。!！…")
            capitals = inside.isupper() and len(inside) > 1 and inside.isascii()
            sound = inside.casefold() in self._known_sounds or capitals or match.group() == whole or not inside
            return " " if sound else match.group()

        return BRACKETS.sub(kept, text)

    def _fillers(self, text: str) -> str:
        found = self._filler.sub("", text) if self._filler else text
        for letter in self.language.always:
            found = found.replace(letter, "")
        return found if found == text else found.lstrip(LEADING)

    @cached_property
    def _script(self) -> re.Pattern[str]:
        return re.compile(f"[{SCRIPTS[self.language.script]}]")

    @cached_property
    def _known_sounds(self) -> frozenset[str]:
        return frozenset(sound.casefold() for sound in self.language.sounds)

    @cached_property
    def _filler(self) -> re.Pattern[str] | None:
        """Match a filler between marks, with the mark that follows it."""
        words = "|".join(re.escape(word) for word in sorted(self.language.fillers, key=lambda word: (-len(word), word)))
        return re.compile(rf"(?:(?<=[{MARKS}])|^)(?:{words})++(?:[{MARKS}]+|$)", re.IGNORECASE) if words else None
