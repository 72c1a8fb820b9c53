"""A list of terms: names and expressions with the translation they must have, one pair a line of a TSV file."""

import re
from pathlib import Path

from harness.errors import UserError

MAX_BYTES = 4 << 20
UNSPACED = ("ja", "th", "zh")
"""Languages whose words are not set apart by spaces: a term is found inside of other letters."""

FIX = "Give one pair a line: the source term, a tab, its translation."

Term = tuple[str, str]


class Terms:
    """The terms of one language pair.

    Args:
        pairs: source terms with their translations.
        language: code of the source language.

    Examples:
        >>> Terms([("cat", "Katze"), ("cat burglar", "Fassadenkletterer")], "en").of("The Cat Burglar's category.")
        (('cat burglar', 'Fassadenkletterer'),)
        >>> Terms([("神剑", "Divine Sword")], "zh").of("他拔出神剑")
        (('神剑', 'Divine Sword'),)
    """

    def __init__(self, pairs: list[Term], language: str) -> None:
        self._pairs = {source.casefold(): (source, target) for source, target in pairs}
        longest_first = sorted(self._pairs, key=lambda term: (-len(term), term))
        either = "|".join(map(re.escape, longest_first))
        self._pattern = re.compile(either if language in UNSPACED else rf"(?<!\w)(?:{either})(?!\w)")

    def of(self, text: str) -> tuple[Term, ...]:
        """Return the terms of a text, in order, each once; of two that overlap the longer one."""
        if not self._pairs:
            return ()
        found = (self._pairs[match.group()] for match in self._pattern.finditer(text.casefold()))
        return tuple(dict.fromkeys(found))


def read_terms(path: Path) -> list[Term]:
    """Read a list of terms; empty lines and lines that begin with ``#`` are skipped.

    Raises:
        UserError: not a file of two columns in UTF-8, or a term with two translations.
    """
    if not path.is_file() or path.stat().st_size > MAX_BYTES:
        raise UserError(f"{path} is no file of up to {MAX_BYTES >> 20} MiB.", FIX)
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserError(f"{path} is not UTF-8 ({error}).", FIX) from error
    known: dict[str, Term] = {}
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip() or line.startswith("#"):
            continue
        cells = [cell.strip() for cell in line.split("\t")]
        if len(cells) != 2 or not all(cells):
            raise UserError(f"{path}, line {number} is not two columns.", FIX)
        term = (cells[0], cells[1])
        if known.setdefault(term[0].casefold(), term) != term:
            raise UserError(f"{path}, line {number}: {term[0]!r} has two translations.", "Keep one of them.")
    return list(known.values())
