"""How much cosine a shorter translation loses when it keeps the meaning, and when it does not.

    python benchmarks/meaning_drop.py WMT22_OUTPUTS

The second pass of ``sandglass translate`` keeps the old text where the cosine with the
source falls by more than ``MEANING_DROP``. Measured on the lines of WMT22 of at most 40
characters (zh-en: of Han, 90 for en-de): the old text is one system's translation. Kept:
another system's translation that is at least 10 % shorter, and the human reference where
it is. Lost: the old text without its first or last 40 % of words; another line's
translation, cut to the old one's length. The table shows the share that each threshold refuses, with a
95 % Clopper-Pearson interval.
"""

import sys
from collections import defaultdict
from pathlib import Path

from harness.embedders import load
from harness.stats.proportions import clopper_pearson
from harness.translating.second_pass import EMBEDDER, MEANING_DROP, drop, numbers_lost

PAIRS = {"zhen": ("zh", "en", 40), "ende": ("en", "de", 90)}
THRESHOLDS = (0.05, 0.1, 0.15, 0.2, 0.25, 0.3)
LINES = 400


def lines(path):
    return path.read_text(encoding="utf-8").splitlines()


def cases(folder, pair):
    """Yield kind, source, old and new text."""
    source, target, longest = PAIRS[pair]
    test = folder / "wmt-testset" / pair
    sources = lines(next(test.glob(f"*.{source}")))
    reference = lines(next(test.glob(f"*.{target}")))
    systems = {
        path.name: lines(next((path / pair).glob(f"*.{target}")))
        for path in sorted(folder.iterdir())
        if path.name != "wmt-testset" and any((path / pair).glob(f"*.{target}"))
    }
    old = systems.pop("GPT-4-1106-preview")
    short = [n for n, text in enumerate(sources) if len(text) <= longest and len(old[n].split()) >= 5][:LINES]
    for place, n in enumerate(short):
        for kind, texts in (("kept: another system", systems), ("kept: reference", {"reference": reference})):
            shorter = [texts[name][n] for name in sorted(texts) if 0 < len(texts[name][n]) <= 0.9 * len(old[n])]
            if shorter:
                yield kind, sources[n], old[n], shorter[0]
        words = old[n].split()
        most = max(1, round(0.6 * len(words)))
        yield "lost: the end", sources[n], old[n], " ".join(words[:most])
        yield "lost: the beginning", sources[n], old[n], " ".join(words[-most:])
        other = old[short[(place + 7) % len(short)]]
        yield "lost: another line", sources[n], old[n], other[: len(old[n])]


def main() -> None:
    folder, embedder = Path(sys.argv[1]), load(EMBEDDER)
    for pair in PAIRS:
        drops = defaultdict(list)
        numbers = defaultdict(int)
        for kind, source, old, new in cases(folder, pair):
            drops[kind].append(drop(embedder, source, old, new))
            numbers[kind] += numbers_lost(old, new)
        print(f"\n{pair}: refused at a drop above", *THRESHOLDS, f"(MEANING_DROP {MEANING_DROP})")
        for kind, found in sorted(drops.items()):
            shares = []
            for threshold in THRESHOLDS:
                refused = sum(value > threshold for value in found)
                low, high = clopper_pearson(refused, len(found), 0.95)
                shares.append(f"{refused / len(found):.2f} [{low:.2f}, {high:.2f}]")
            print(f"{kind:<22} n={len(found):<4}", "  ".join(shares), f" numbers lost {numbers[kind]}")


if __name__ == "__main__":
    main()
