"""From the two tracks of a film to its lines: cleaned, aligned by start time, checked."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from harness.corpus.cleaning import Cleaner
from harness.corpus.languages import Language, language
from harness.errors import UserError
from harness.language import MIN_WORDS, wrong_language
from harness.subtitles import Cue, Problem, read_cues
from harness.subtitles.pairing import pair
from tasks.musc.funnel import Funnel
from tasks.musc.merging import Aligned
from tasks.musc.tracks import Film

SCRIPTS = {
    "ar": "arabic",
    "hi": "devanagari",
    "ja": "kana-han",
    "ko": "hangul",
    "ru": "cyrillic",
    "th": "thai",
    "uk": "cyrillic",
    "zh": "han",
}
"""Scripts of languages that are not written in Latin letters."""


def cleaner(code: str) -> Cleaner:
    """Return what cleans cues of a language; hesitations stay, for they are part of how people speak.

    Examples:
        >>> cleaner("th").clean("[เสียงดนตรี]").text, cleaner("en").clean("ANN: Um, no. [MUSIC]").text
        ('', 'Um, no.')
    """
    try:
        known = language(code)
    except UserError:
        script = SCRIPTS.get(code, "latin")
        known = Language(script, short=1, long=1, rate=(0.0, 0.0, 0.0, 0.0), shingle=1, probe=1)
    return Cleaner(replace(known, fillers=(), always=""))


def aligned(
    film: Film, languages: tuple[str, str], tolerance: float, least: float, encoding: str | None, funnel: Funnel
) -> list[Aligned]:
    """Return the lines of a film that both tracks hold.

    Args:
        film: the two files.
        languages: codes of source and target language.
        tolerance: seconds that the starts of a line may lie apart.
        least: share of the shorter track that must find a partner, else the tracks are of
            different cuts of the film and nothing of it is taken.
        encoding: of the files, None to find it.
        funnel: counts what is removed.

    Returns:
        The lines by start time.

    Raises:
        UserError: a file that cannot be read at all.
    """
    source = _spoken(film.source, languages[0], encoding, funnel)
    target = _spoken(film.target, languages[1], encoding, funnel)
    pairs = pair([cue.start for cue in source], [cue.start for cue in target], tolerance)
    if len(pairs) < least * min(len(source), len(target)):
        funnel.passed("aligned", len(source), 0)
        funnel.removed("aligned", "the tracks do not match", film.name, len(source))
        return []
    funnel.passed("aligned", len(source), len(pairs))
    partners = {place for place, _ in pairs}
    for place, cue in enumerate(source):
        if place not in partners:
            funnel.removed("aligned", f"no partner within {tolerance:g} s", cue.text)
    lines = [Aligned(source[a].text, target[b].text, source[a].start, source[a].end) for a, b in pairs]
    kept = list(_checked(lines, languages, funnel))
    funnel.passed("checked", len(lines), len(kept))
    return kept


def _spoken(path: Path, code: str, encoding: str | None, funnel: Funnel) -> list[Cue]:
    """Read a track and keep what is said in it."""
    problems: list[Problem] = []
    cues = read_cues(path, encoding=encoding, problems=problems)
    funnel.passed("read", len(cues) + len(problems), len(cues))
    for problem in problems:
        funnel.removed("read", "cannot be used", f"{path.name}, line {problem.line}: {problem.what}. {problem.fix}")
    clean = cleaner(code)
    spoken = []
    for cue in sorted(cues, key=lambda cue: (cue.start, cue.end)):
        found = clean.clean(cue.text)
        if any(letter.isalnum() for letter in found.text):
            spoken.append(replace(cue, text=found.text))
        else:
            funnel.removed("cleaned", found.removed[-1] if found.removed else "no letters", cue.text)
    funnel.passed("cleaned", len(cues), len(spoken))
    return spoken


def _checked(lines: list[Aligned], languages: tuple[str, str], funnel: Funnel) -> Iterator[Aligned]:
    for line in lines:
        if line.source == line.target and not _may_stay(line.source):
            funnel.removed("checked", "not translated", line.source)
        elif wrong_language(line.source, languages[0]):
            funnel.removed("checked", f"not {languages[0]}", line.source)
        elif wrong_language(line.target, languages[1]):
            funnel.removed("checked", f"not {languages[1]}", line.target)
        else:
            yield line


def _may_stay(text: str) -> bool:
    """Say whether a text may be its own translation: a name, a title or an exclamation in plain Latin letters."""
    return text.isascii() and len(text.split()) < MIN_WORDS
