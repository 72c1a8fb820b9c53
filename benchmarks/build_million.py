"""One million subtitle lines through ``sandglass build sandglass``: time, lines a second, peak memory, growth.

    python benchmarks/build_million.py [10000 100000 1000000]

Each size is built once, in a process of its own, from SRT files of 1,000 cues that are invented here:
words of one to three characters by rank (Zipf), 8 to 26 characters a line, a tenth of the lines a near copy
of an earlier one, some music and fillers. Writing them is not timed.
"""

import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

CUES = 1000
DOMAINS = ("acgn", "film", "gaming", "knowledge", "travel")


def stamp(milliseconds: int) -> str:
    seconds, rest = divmod(milliseconds, 1000)
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02},{rest:03}"


def write(folder: Path, number: int) -> None:
    rng = np.random.default_rng(1)
    words = ["".join(map(chr, 0x4E00 + rng.integers(0, 3500, size=rng.integers(1, 4)))) for _ in range(30_000)]
    chance = 1 / np.arange(1, len(words) + 1)
    chance /= chance.sum()
    earlier: list[str] = []
    for file in range(number // CUES):
        drawn = iter(rng.choice(len(words), size=CUES * 16, p=chance).tolist())
        sizes, odd = rng.integers(8, 27, CUES), rng.random(CUES)
        now, cues = 0, []
        for k in range(CUES):
            text = ""
            while len(text) < sizes[k]:
                text += words[next(drawn)]
            if odd[k] < 0.1 and earlier:
                text = earlier[int(rng.integers(len(earlier)))] + "的"
            elif odd[k] < 0.12:
                text = f"♪ {text} ♪"
            elif odd[k] < 0.16:
                text = f"嗯，{text}"
            length = int(len(text) * rng.uniform(130, 260))
            cues.append(f"{k + 1}\n{stamp(now)} --> {stamp(now + length)}\n{text}\n")
            now += length + int(rng.choice([80, 150, 900]))
            if odd[k] > 0.99:
                earlier.append(text)
        path = folder / DOMAINS[file % len(DOMAINS)] / f"t{file:05}.srt"
        path.parent.mkdir(exist_ok=True)
        path.write_text("\n".join(cues), encoding="utf-8")


def cpu() -> float:
    """Return the processor time of the builds so far: on a machine with other work it says more than the clock."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main() -> int:
    print("| lines | s | CPU s | lines/s of CPU | peak memory, MB |\n|---|---|---|---|---|", flush=True)
    for number in map(int, sys.argv[1:] or ("10000", "100000", "1000000")):
        with tempfile.TemporaryDirectory() as place:
            folder = Path(place)
            write(folder, number)
            inputs = [word for domain in DOMAINS for word in ("--input", f"{domain}={folder / domain}")]
            command = [sys.executable, "-m", "harness.cli", "build", "sandglass", *inputs, "--out", f"{place}/task"]
            command += ["--name", "million", "--events", "none", "--split", "train=0.8"]
            start, before = time.perf_counter(), cpu()
            with (folder / "funnel.txt").open("w") as out:
                subprocess.run(command, stdout=out, check=True)
            seconds, busy = time.perf_counter() - start, cpu() - before
            peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
            print(f"| {number:,} | {seconds:.0f} | {busy:.1f} | {number / busy:,.0f} | {peak:,.0f} |")
            print((folder / "funnel.txt").read_text(), file=sys.stderr, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
