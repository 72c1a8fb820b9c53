"""Terms and the translations they must get: read from a TSV file, learned, found in lines, counted.

A term occurs where it stands as words of its own, whatever its case; in scripts without
blanks between words it stands anywhere, but not inside a longer term. A form that is
inflected otherwise is not found.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from harness.errors import UserError

MAX_BYTES = 4 << 20
MAX_TERM = 200
MAX_LEARNED = 500
"""Terms learned of one run."""
LONGEST_LEARNED = 60
"""Characters of a learned term: a name, not a sentence."""
UNSPACED = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
"""Scripts without blanks between words: Thai, Lao, Burmese, Khmer, Han and kana."""


@dataclass(frozen=True, slots=True)
class Term:
    """A source term, its translation, and a note for the translator."""

    source: str
    target: str
    note: str = ""


def read_glossary(path: Path) -> tuple[Term, ...]:
    r"""Read ``source<TAB>target[<TAB>note]`` lines; blank lines are skipped.

    Raises:
        UserError: no such file, not UTF-8, too large, or a line that is no term; names line and fix.

    Examples:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "g.tsv"
        >>> _ = path.write_text("王小明\tWang Xiaoming\tthe hero\n", encoding="utf-8")
        >>> read_glossary(path)
        (Term(source='王小明', target='Wang Xiaoming', note='the hero'),)
    """
    fix = "Write source<TAB>target, or source<TAB>target<TAB>note."
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
        text = data.decode("utf-8-sig")
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}.", "Check the path.") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{path} is not UTF-8.", "Save it as UTF-8.") from error
    if len(data) > MAX_BYTES:
        raise UserError(f"{path} is over {MAX_BYTES >> 20} MiB.", "Keep to the terms of the film.")
    terms: dict[str, Term] = {}
    for number, line in enumerate(text.split("\n"), start=1):
        cells = [" ".join(cell.split()) for cell in line.split("\t")]
        if not any(cells):
            continue
        if not 2 <= len(cells) <= 3 or not cells[0] or not cells[1] or max(map(len, cells)) > MAX_TERM:
            raise UserError(f"{path}, line {number} is no term.", fix)
        term = Term(*cells)
        if terms.setdefault(key(term.source), term).target != term.target:
            raise UserError(f"{path}, line {number}: {term.source!r} stands there twice.", "Keep one translation.")
    return tuple(terms.values())


def write_terms(terms: Iterable[Term]) -> bytes:
    """Return terms as lines that ``read_glossary`` reads."""
    lines = ("\t".join(filter(None, (term.source, term.target, term.note))) for term in terms)
    return "".join(f"{line}\n" for line in lines).encode()


@lru_cache(maxsize=50_000)
def key(text: str) -> str:
    """Return what two spellings of a term have in common: composed, without case."""
    return unicodedata.normalize("NFC", text).casefold()


@lru_cache(maxsize=20_000)
def _pattern(text: str) -> re.Pattern[str]:
    """Return what finds a term: a letter beside it in a spaced script makes it another word."""
    words, bound = re.escape(key(text)), rf"[^\W{UNSPACED}]"
    before = rf"(?<!{bound})" if re.match(bound, key(text)) else ""
    after = rf"(?!{bound})" if re.search(bound + r"\Z", key(text)) else ""
    return re.compile(before + words + after)


def stands(term: str, text: str) -> bool:
    """Say whether a term stands in a text as words of its own.

    Examples:
        >>> stands("Ann", "Is ANN there?"), stands("Ann", "Anna is there."), stands("王国", "平行王国王星")
        (True, False, True)
    """
    return _pattern(term).search(key(text)) is not None


def occurring(terms: Sequence[Term], text: str) -> tuple[Term, ...]:
    """Return the terms that occur in a text, none inside a longer one, in the order given.

    Examples:
        >>> terms = (Term("王", "Wang"), Term("王国", "kingdom"))
        >>> [term.target for term in occurring(terms, "王国很大")]
        ['kingdom']
    """
    left, found = key(text), set()
    near = [term for term in terms if key(term.source) in left]
    for term in sorted(near, key=lambda term: (-len(term.source), term.source)):
        left, times = _pattern(term.source).subn(lambda match: "\0" * len(match[0]), left)
        if times:
            found.add(term)
    return tuple(term for term in near if term in found)


@dataclass(frozen=True, slots=True)
class Use:
    """How often a term occurred in translated cues, in how many of them its translation stands, and where not."""

    term: Term
    cues: int
    right: int
    missed: tuple[int, ...]


def uses(terms: Sequence[Term], cues: Sequence[tuple[int, str, str]]) -> tuple[Use, ...]:
    """Count the terms over cues, each its number, source and translation; terms that never occur are left out.

    Examples:
        >>> uses([Term("王", "Wang")], [(1, "王来了", "Wang is here."), (2, "老王", "Old Wong")])[0].missed
        (2,)
    """
    found: dict[Term, list[tuple[int, bool]]] = {}
    for number, source, translation in cues:
        for term in occurring(terms, source):
            found.setdefault(term, []).append((number, stands(term.target, translation)))
    return tuple(
        Use(term, len(seen), sum(right for _, right in seen), tuple(number for number, right in seen if not right))
        for term in terms
        if (seen := found.get(term))
    )


class Learned:
    """Terms learned while translating; the first translation of a term stays, and the glossary's wins.

    Args:
        given: the glossary.
    """

    def __init__(self, given: Sequence[Term] = ()) -> None:
        self._given = {key(term.source) for term in given}
        self._terms: dict[str, Term] = {}

    @property
    def terms(self) -> tuple[Term, ...]:
        """The terms, in the order they were learned."""
        return tuple(self._terms.values())

    def take(self, terms: Iterable[Term]) -> None:
        """Take terms that were learned elsewhere."""
        for term in terms:
            known = key(term.source)
            if known not in self._given and len(self._terms) < MAX_LEARNED:
                self._terms.setdefault(known, term)

    def add(self, terms: Iterable[Term], pairs: Mapping[str, str]) -> None:
        """Take terms that a model told, where a line really has the source and its translation the target.

        Args:
            terms: what it told.
            pairs: the lines with their translations.
        """
        self.take(
            term
            for term in terms
            if 2 <= len(term.source) <= LONGEST_LEARNED
            and 1 <= len(term.target) <= LONGEST_LEARNED
            and any(stands(term.source, line) and stands(term.target, made) for line, made in pairs.items())
        )
