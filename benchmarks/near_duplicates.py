"""Near-duplicates: recall and precision against all pairs compared, and speed beside datasketch.

    python benchmarks/near_duplicates.py                      # recall and precision, 20,000 lines
    python benchmarks/near_duplicates.py --speed 100000       # ours and datasketch (pip install datasketch)

Lines are drawn from a model of Chinese characters by rank (Zipf); a fifth of them return with one to
four characters changed, put in or taken out. The truth is the greedy rule on the exact Jaccard
similarity of all pairs, counted by a sparse product; nothing of it is shared with the code under test.
"""

import argparse
import resource
import subprocess
import sys
import time

import numpy as np

from harness.corpus.near_duplicates import ROWS, bands_for, near_duplicates
from harness.corpus.texts import shingles

SHINGLE = 2


def lines(number: int, seed: int) -> tuple[list[str], list[bool]]:
    """Return lines, and which of them were planted as variants of another."""
    rng = np.random.default_rng(seed)
    chance = 1 / np.arange(1, 3501) ** 0.9
    letters = 0x4E00 + rng.choice(3500, size=(number, 28), p=chance / chance.sum())
    lengths = rng.integers(10, 28, number)
    own = ["".join(map(chr, row[:length])) for row, length in zip(letters, lengths, strict=True)]
    texts = [(text, False) for text in own[: number * 4 // 5]]
    for k in range(number - len(texts)):
        changed = list(own[int(rng.integers(number * 4 // 5))])
        for letter in own[number * 4 // 5 + k][: rng.integers(1, 5)]:
            place = int(rng.integers(len(changed)))
            changed[place : place + int(rng.integers(2))] = [letter] if rng.random() < 0.7 else []
        texts.append(("".join(changed), True))
    order = rng.permutation(number)
    return [texts[k][0] for k in order], [texts[k][1] for k in order]


def truth(texts: list[str], threshold: float) -> set[int]:
    """Return what the greedy rule removes, from the exact similarity of all pairs."""
    from scipy.sparse import csr_matrix

    sets = [sorted({text[k : k + SHINGLE] for k in range(len(text) - SHINGLE + 1)}) for text in texts]
    ids = {gram: k for k, gram in enumerate(sorted({gram for its in sets for gram in its}))}
    rows = np.repeat(np.arange(len(sets)), [len(its) for its in sets])
    columns = np.array([ids[gram] for its in sets for gram in its])
    matrix = csr_matrix((np.ones(len(rows), dtype=np.int32), (rows, columns)), shape=(len(sets), len(ids)))
    sizes = np.diff(matrix.indptr)
    removed: set[int] = set()
    for begin in range(0, len(texts), 1000):
        common = (matrix[begin : begin + 1000] @ matrix.T).tocsr()
        for k in range(common.shape[0]):
            here = begin + k
            others = common.indices[common.indptr[k] : common.indptr[k + 1]]
            shared = common.data[common.indptr[k] : common.indptr[k + 1]]
            near = others[(shared / (sizes[here] + sizes[others] - shared) >= threshold) & (others < here)]
            if any(int(other) not in removed for other in near):
                removed.add(here)
    return removed


def recall() -> None:
    print("| J | near in truth | removed | recall | precision | planted and near, found | pairs compared | s |")
    print("|---|---|---|---|---|---|---|---|")
    for threshold in (0.5, 0.6, 0.7, 0.8):
        texts, planted = lines(20_000, seed=1)
        expected = truth(texts, threshold)
        before = time.perf_counter()
        found = near_duplicates(shingles(texts, SHINGLE), np.arange(len(texts)), threshold, seed=1)
        seconds = time.perf_counter() - before
        taken = set(np.flatnonzero(found.removed >= 0).tolist())
        both, of_planted = taken & expected, {k for k in expected if planted[k]}
        print(
            f"| {threshold} | {len(expected)} | {len(taken)} | {len(both) / len(expected):.4f} | "
            f"{len(both) / len(taken):.4f} | {len(taken & of_planted) / len(of_planted):.4f} | {found.candidates} | "
            f"{seconds:.1f} |"
        )


def speed(method: str, number: int) -> None:
    texts, _ = lines(number, seed=2)
    start, memory = time.perf_counter(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    removed = _ours(texts) if method == "ours" else _datasketch(texts)
    seconds = time.perf_counter() - start
    more = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory) / 1024
    print(f"| {method} | {number:,} | {seconds:.1f} | {number / seconds:,.0f} | {more:,.0f} | {removed:,} |")


def _ours(texts: list[str]) -> int:
    return int(np.count_nonzero(near_duplicates(shingles(texts, SHINGLE), np.arange(len(texts)), 0.6).removed >= 0))


def _datasketch(texts: list[str]) -> int:
    """The same bands and the same exact check on datasketch's index."""
    from datasketch import MinHash, MinHashLSH

    bands = bands_for(0.6)
    index = MinHashLSH(num_perm=bands * ROWS, params=(bands, ROWS))
    sets = [{text[k : k + SHINGLE] for k in range(len(text) - SHINGLE + 1)} for text in texts]
    removed = 0
    tokens = ([gram.encode() for gram in its] for its in sets)
    for k, sketch in enumerate(MinHash.generator(tokens, num_perm=bands * ROWS)):
        if any(len(sets[k] & sets[j]) >= 0.6 * len(sets[k] | sets[j]) for j in index.query(sketch)):
            removed += 1
        else:
            index.insert(k, sketch)
    return removed


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--speed", type=int, metavar="N")
    parser.add_argument("--method", choices=("ours", "datasketch"))
    args = parser.parse_args()
    if args.method:
        speed(args.method, args.speed)
    elif args.speed:
        print("| | lines | s | lines/s | more memory, MB | removed |\n|---|---|---|---|---|---|", flush=True)
        for method in ("ours", "datasketch"):
            subprocess.run([sys.executable, __file__, "--speed", str(args.speed), "--method", method], check=True)
    else:
        recall()
    return 0


if __name__ == "__main__":
    sys.exit(main())
