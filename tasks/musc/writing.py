"""From aligned lines to the files of a task folder."""

import asyncio
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.corpus.draw import split
from harness.corpus.folder import write_folder, write_json
from harness.corpus.funnel import Step, losses
from harness.corpus.funnel import write as write_funnel
from harness.corpus.stages import Ticker, sha256
from harness.corpus.texts import characters
from harness.definition import TASK_SCHEMA, Card, Data, Definition, Target
from harness.errors import UserError
from harness.jsonl import to_line
from harness.llm.types import LLM
from harness.stats.clusters import effective_clusters
from tasks.musc.aligning import aligned
from tasks.musc.funnel import Funnel
from tasks.musc.merging import Aligned, by_model, by_rule
from tasks.musc.settings import Settings
from tasks.musc.terms import Terms, read_terms
from tasks.musc.tracks import Film

SEGMENTS, TRAINING = "segments.jsonl", "train.jsonl"


async def write(settings: Settings, folder: Path, llm: LLM | None) -> dict[str, Any]:
    """Build the task folder, film by film.

    Args:
        settings: of the build.
        folder: where to write.
        llm: the door, where a model merges lines.

    Returns:
        ``files``: the SHA-256 of each file.

    Raises:
        UserError: a file cannot be read, or nothing is left.
        RunError: a call failed for good.
        CostLimit: the next call could pass the cost limit.
    """
    funnel = Funnel(settings.seed)
    terms = Terms(read_terms(settings.terms) if settings.terms else [], settings.languages[0])
    train = split(settings.seed, {film.name: film.domain for film in settings.films}, settings.train)
    parts = {name: _Part() for name in (SEGMENTS, TRAINING)}
    with (folder / SEGMENTS).open("wb") as test_file, (folder / TRAINING).open("wb") as train_file:
        for film in Ticker("films").over(settings.films):
            lines = await _segments(film, settings, funnel, llm)
            name, file = (TRAINING, train_file) if film.name in train else (SEGMENTS, test_file)
            for line in _records(film, lines, terms, settings.languages[1]):
                file.write(to_line(line))
            parts[name].add(film, lines)
    if not parts[TRAINING].films:
        (folder / TRAINING).unlink()
    return _finished(settings, folder, funnel, parts)


async def _segments(film: Film, settings: Settings, funnel: Funnel, llm: LLM | None) -> Sequence[Aligned]:
    """Return the segments of a film: aligned, merged, and without a fragment too short for a chunk."""
    lines = aligned(film, settings.languages, settings.tolerance, settings.least_aligned, settings.encoding, funnel)
    if settings.merge == "rule":
        merged = by_rule(lines, settings.languages)
    elif llm is not None:
        merged = await _by_model(lines, settings, funnel, llm)
    else:
        merged = lines
    funnel.passed("merged", len(lines), len(merged))
    rest = len(merged) % settings.chunk
    fragment = rest if rest < settings.least_lines else 0
    kept = merged[: len(merged) - fragment]
    funnel.passed("chunked", len(merged), len(kept))
    if fragment:
        example = " / ".join(line.source for line in merged[-fragment:])
        funnel.removed("chunked", f"a fragment under {settings.least_lines}", example, fragment)
    return kept


async def _by_model(lines: Sequence[Aligned], settings: Settings, funnel: Funnel, llm: LLM) -> list[Aligned]:
    """Merge a film's lines as a model says, a chunk at a time; what it left unreadable is removed and counted."""
    batches = [lines[start : start + settings.chunk] for start in range(0, len(lines), settings.chunk)]
    ask = (by_model(batch, settings.languages, settings.model, settings.api_base, llm) for batch in batches)
    merged: list[Aligned] = []
    for batch, found in zip(batches, await asyncio.gather(*ask), strict=True):
        if found is None:
            funnel.removed("merged", "no readable answer", batch[0].source, len(batch))
        merged += found or []
    return merged


def _records(film: Film, lines: Sequence[Aligned], terms: Terms, target: str) -> Iterator[dict[str, Any]]:
    for number, line in enumerate(lines, 1):
        yield {
            "id": f"{film.name}-{number:05d}",
            "video": film.name,
            "domain": film.domain,
            "start": round(line.start, 3),
            "end": round(line.end, 3),
            "text": line.source,
            "references": {target: line.target},
            "terms": {source: {target: translation} for source, translation in terms.of(line.source)},
        }


@dataclass
class _Part:
    """What one part of a build holds: the segments of each film."""

    films: dict[str, int] = field(default_factory=dict)
    domains: Counter[str] = field(default_factory=Counter)
    characters: int = 0

    def add(self, film: Film, lines: Sequence[Aligned]) -> None:
        if lines:
            self.films[film.name] = len(lines)
            self.domains[film.domain] += len(lines)
            self.characters += sum(characters(line.source) for line in lines)

    def statistics(self, chunk: int) -> dict[str, float]:
        segments = sum(self.films.values())
        effective = effective_clusters(list(self.films.values()))
        return {
            "segments": segments,
            "chunks": sum(-(-number // chunk) for number in self.films.values()),
            "videos": len(self.films),
            "effective_videos": round(float(effective), 6),
            "mean_source_characters": round(self.characters / max(1, segments), 6),
        }


def _finished(settings: Settings, folder: Path, funnel: Funnel, parts: dict[str, _Part]) -> dict[str, Any]:
    """Write statistics, funnel, definition and card, and return the files' hashes."""
    steps = funnel.steps()
    test = parts[SEGMENTS]
    if not test.films:
        raise UserError(f"No line is left; removed were: {losses(steps)}.", "Mend them, or give other tracks.")
    numbers = {
        part: parts[name].statistics(settings.chunk) | {"domains": dict(sorted(parts[name].domains.items()))}
        for part, name in (("test", SEGMENTS), ("train", TRAINING))
        if parts[name].films
    }
    write_json(folder / "statistics.json", numbers)
    write_funnel(folder, steps)
    digest = sha256(folder / SEGMENTS)
    write_folder(folder, _definition(settings, digest), _card(settings, test, steps))
    files = sorted(folder.iterdir())
    return {"files": {path.name: sha256(path) for path in files}}


def _definition(settings: Settings, digest: str) -> Definition:
    source, target = settings.languages
    return Definition(
        schema=TASK_SCHEMA,
        name=settings.labels.name,
        version=settings.labels.version,
        source_language=source,
        reader="jsonl",
        synthetic=settings.labels.synthetic,
        data=Data(SEGMENTS, digest),
        targets={target: Target()},
        track="none",
        window=settings.chunk,
        context=settings.context,
    )


def _card(settings: Settings, test: _Part, steps: Sequence[Step]) -> Card:
    labels, numbers = settings.labels, test.statistics(settings.chunk)
    units = {"none": "A segment is a line.", "rule": "Lines are merged into segments by rule."}
    merged = units.get(settings.merge, f"Lines are merged into segments by {settings.model}.")
    aligned_step = next(step for step in steps if step.name == "aligned")
    share = aligned_step.after / max(1, aligned_step.before)
    domains = ", ".join(f"{name} {number}" for name, number in sorted(test.domains.items()))
    return Card(
        title=labels.title or f"{labels.name}, built from {numbers['videos']} pairs of subtitle tracks",
        description=f"Chunks of {settings.chunk} consecutive segments with {settings.context} segments of context on "
        f"each side, by domain ({domains}), built by sandglass build musc from two subtitle tracks each. {merged} "
        "funnel.md says what each step removed and why.",
        licence=labels.licence,
        source=labels.source,
        citation=labels.citation,
        annotators="none: the references are the other track",
        size=f"{numbers['segments']} segments, {numbers['chunks']} chunks, {numbers['videos']} videos",
        caveats=(
            f"References are aligned by time alone, at most {settings.tolerance:g} s apart: {share:.1%} of the "
            "source's lines found a partner, and some of those stand beside another line's translation.",
            "Lines without a partner are left out, so that a chunk may skip what was said between its lines.",
            f"{numbers['videos']} videos are {numbers['effective_videos']:.1f} effective clusters: on these, not on "
            "the segments, the intervals rest.",
        ),
        date=labels.date,
        languages=settings.languages,
        statistics={name: float(value) for name, value in numbers.items()} | {"aligned_share": round(share, 6)},
    )
