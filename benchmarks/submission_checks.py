"""How often honest systems look like copies or cheats, and how many planted attempts are found.

    python benchmarks/submission_checks.py DATA

``DATA`` holds the public WMT22 outputs (``wmt/wmt22_outputs``: six systems and the references,
two directions) and the submissions to the isometric task of IWSLT 2022 (``isometric``: 15 in
three directions). Every pair of systems is honest, so every pair above a threshold is a false alarm.
Planted attempts are those of ``tasks/judging/injections.jsonl``, which the patterns were written
against: their recall there is no estimate for others.
"""

import json
import sys
from itertools import combinations
from pathlib import Path
from random import Random

from harness.records import Segment, Translation
from harness.stats.proportions import clopper_pearson
from harness.submission.copies import (
    COPY_SHARE,
    NEAR,
    REFERENCE_SHARE,
    reference_overlap,
    shared_texts,
    similarity,
    words,
)
from harness.submission.patterns import hostile

BANDS = {"4 to 7 words": (4, 8), "8 to 11 words": (8, 12), "all from 4 words": (4, 10**6)}


def main() -> None:
    pairs, against = [], []
    flagged = total = 0
    for name, (systems, sources, references) in _groups(Path(sys.argv[1])).items():
        for band, (low, high) in BANDS.items():
            for one, other in combinations(systems, 2):
                pairs.append((_share(systems[one], systems[other], low, high), name, band, one, other))
            for one in systems:
                against.append((_share(systems[one], references, low, high), name, band, one))
        segments = {
            str(n): Segment(str(n), source, str(n // 10), reference=reference)
            for n, (source, reference) in enumerate(zip(sources, references, strict=True))
        }
        for system, texts in systems.items():
            count = sum(bool(hostile(text, source)) for text, source in zip(texts, sources, strict=True))
            flagged, total = flagged + count, total + len(texts)
            overlap = reference_overlap(_translations(texts), segments)
            assert overlap is not None
            print(f"{name} {system}: overlap with the reference {overlap.estimate:.3f}, ", end="")
            print(f"[{overlap.low:.3f}, {overlap.high:.3f}]; lines flagged as hostile: {count} of {len(texts)}")
    _say("pairs of systems", pairs, COPY_SHARE)
    _say("systems against the reference", against, REFERENCE_SHARE)
    copied = _groups(Path(sys.argv[1]))["wmt22 en-de"][0]["MADLAD-10B"]
    for band, (low, high) in BANDS.items():
        one, two = (_edited(copied, low, high, exchanged) for exchanged in (1, 2))
        print(f"near-equal after one word of every line was exchanged, {band}: {one:.2f}; after two: {two:.2f}")
    print(f"honest lines flagged as hostile: {flagged} of {total}")
    rows = [json.loads(line) for line in _lines(Path("tasks/judging/injections.jsonl"))]
    print(f"planted attempts found: {sum(bool(hostile(r['injected'], r['source'])) for r in rows)} of {len(rows)}")


def _edited(texts: list[str], low: int, high: int, exchanged: int) -> float:
    """Share still near-equal of copies with some words of every line exchanged for words of other lines."""
    random = Random(0)
    chosen = [words(text) for text in texts if low <= len(words(text)) < high]
    vocabulary = [word for tokens in chosen for word in tokens]
    near = 0
    for tokens in chosen:
        copy = list(tokens)
        for place in random.sample(range(len(copy)), exchanged):
            copy[place] = random.choice(vocabulary)
        near += similarity(tokens, copy) >= NEAR
    return near / len(chosen)


Group = tuple[dict[str, list[str]], list[str], list[str]]


def _groups(data: Path) -> dict[str, Group]:
    """Systems by name, sources and references of each set and direction."""
    found: dict[str, Group] = {}
    outputs = data / "wmt" / "wmt22_outputs"
    for place, source, target in (("zhen", "zh", "en"), ("ende", "en", "de")):
        file = f"test.{source}-{target}."
        systems = {path.name: _lines(path / place / f"{file}{target}") for path in sorted(outputs.iterdir())}
        references = systems.pop("wmt-testset")
        sources = _lines(outputs / "wmt-testset" / place / f"{file}{source}")
        found[f"wmt22 {source}-{target}"] = systems, sources, references
    isometric = data / "isometric"
    for target in ("de", "es", "fr"):
        test = isometric / "dataset" / "isometric-mt-test" / f"en-{target}"
        files = sorted((isometric / "submissions").glob(f"*/en-{target}/**/isometric*.{target}"))
        systems = {"/".join(file.relative_to(isometric / "submissions").parts[::2]): _lines(file) for file in files}
        found[f"isometric en-{target}"] = systems, _lines(test / "test.en"), _lines(test / f"test.{target}")
    return found


def _say(what: str, rows: list, threshold: float) -> None:
    for band in BANDS:
        own = sorted((row for row in rows if row[2] == band), reverse=True)
        alarms = sum(row[0] >= threshold for row in own)
        _, high = clopper_pearson(alarms, len(own), 0.95)
        print(f"{what}, {band}: at or above {threshold}: {alarms} of {len(own)} (95% at most {high:.2f}); highest:")
        for share, direction, _, *names in own[:3]:
            print(f"  {share:.3f} {direction} {' and '.join(names)}")


def _share(own: list[str], others: list[str], low: int, high: int) -> float:
    chosen = [n for n, text in enumerate(own) if low <= len(words(text)) < high]
    return shared_texts(
        [Translation(str(n), 1, own[n], "ok") for n in chosen], {str(n): [others[n]] for n in chosen}
    ).share


def _translations(texts: list[str]) -> list[Translation]:
    return [Translation(str(n), 1, text, "ok") for n, text in enumerate(texts)]


def _lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines()


if __name__ == "__main__":
    main()
