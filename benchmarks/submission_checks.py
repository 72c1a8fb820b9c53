"""How often honest systems look like copies or cheats, and how many planted attempts are found.

    python benchmarks/submission_checks.py DATA

``DATA`` holds the public WMT22 outputs (``wmt/wmt22_outputs``: six systems and the references,
two directions). Every pair of systems is honest, so every pair above a threshold is a false alarm.
Planted attempts are those of ``tasks/judging/injections.jsonl``, which the patterns were written
against: their recall there is no estimate for others.
"""

import json
import sys
from itertools import combinations
from pathlib import Path

from harness.records import Segment, Translation
from harness.stats.proportions import clopper_pearson
from harness.submission.copies import COPY_SHARE, REFERENCE_SHARE, reference_overlap, shared_texts, words
from harness.submission.patterns import hostile

DIRECTIONS = {
    "zh-en": ("zhen", "test.zh-en.en", "test.zh-en.zh"),
    "en-de": ("ende", "test.en-de.de", "test.en-de.en"),
}
BANDS = {"4 to 7 words": (4, 8), "8 to 11 words": (8, 12), "all from 4 words": (4, 10**6)}
REFERENCE = "wmt-testset"


def main() -> None:
    folder = Path(sys.argv[1]) / "wmt" / "wmt22_outputs"
    pairs, against = [], []
    flagged = total = 0
    for direction, (sub, name, source_name) in DIRECTIONS.items():
        systems = {path.name: _lines(path / sub / name) for path in sorted(folder.iterdir())}
        sources = _lines(folder / REFERENCE / sub / source_name)
        references = systems.pop(REFERENCE)
        for band, (low, high) in BANDS.items():
            for one, other in combinations(systems, 2):
                pairs.append((_share(systems[one], systems[other], low, high), direction, band, one, other))
            for one in systems:
                against.append((_share(systems[one], references, low, high), direction, band, one))
        for system, texts in systems.items():
            count = sum(bool(hostile(text, source)) for text, source in zip(texts, sources, strict=True))
            flagged, total = flagged + count, total + len(texts)
            segments = {
                str(n): Segment(str(n), source, str(n // 10), reference=reference)
                for n, (source, reference) in enumerate(zip(sources, references, strict=True))
            }
            overlap = reference_overlap(_translations(texts), segments)
            assert overlap is not None
            print(f"{direction} {system}: overlap with the reference {overlap.estimate:.3f}, ", end="")
            print(f"[{overlap.low:.3f}, {overlap.high:.3f}]; lines flagged as hostile: {count} of {len(texts)}")
    _say("pairs of systems", pairs, COPY_SHARE)
    _say("systems against the reference", against, REFERENCE_SHARE)
    print(f"honest lines flagged as hostile: {flagged} of {total}")
    rows = [json.loads(line) for line in _lines(Path("tasks/judging/injections.jsonl"))]
    print(f"planted attempts found: {sum(bool(hostile(r['injected'], r['source'])) for r in rows)} of {len(rows)}")


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
