"""Time and memory of the subtitle room, and how often an encoding is told rightly.

    python benchmarks/subtitles.py [TEXT …]

A film of 1,500 cues and a file of 100,000 are made, read, written back, checked, mended
and aligned with themselves; each is a process of its own, so that its peak memory is its
own. With text files (one sentence a line, UTF-8) the second table says, for samples of
1, 3 and 10 lines in each legacy encoding that can write them, how many were told
rightly, refused, and told wrongly.
"""

import random
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from harness.errors import UserError
from harness.subtitles import read_cues, read_document
from harness.subtitles.align import align
from harness.subtitles.encoding import decode
from harness.subtitles.fix import broken, moved
from harness.subtitles.limits import limits_for
from harness.subtitles.lint import Settings, lint
from harness.subtitles.write import render

WORDS = "the bond between them is growing closer every day and we know that he will never come back home".split()
SIZES = (1_500, 100_000)
STEPS = ("read", "round trip", "new texts", "lint", "fix", "align")
ENCODINGS = ("cp1252", "gb18030", "big5", "shift_jis", "euc-kr")
SAMPLES = 300


def make(path: Path, cues: int) -> None:
    """Write a SubRip file with tags, dialogue and some violations."""
    rng = random.Random(cues)

    def stamp(ms: int) -> str:
        return f"{ms // 3600000:02}:{ms // 60000 % 60:02}:{ms // 1000 % 60:02},{ms % 1000:03}"

    at, blocks = 1000, []
    for number in range(1, cues + 1):
        text = "\n".join(" ".join(rng.choices(WORDS, k=rng.randint(3, 9))) for _ in range(rng.choice((1, 2))))
        text = rng.choice(("{}", "{}", "<i>{}</i>", "{{\\an8}}{}", "- {}")).format(text)
        end = at + rng.randint(700, 2500)
        blocks.append(f"{number}\n{stamp(at)} --> {stamp(end)}\n{text}\n\n")
        at = end + rng.choice((0, 40, 80, 200, 800))
    path.write_text("".join(blocks), encoding="utf-8")


def step(name: str, path: Path) -> None:
    """Do one thing with a file, and print its seconds and the process's peak memory."""
    settings = Settings(limits_for("en"))
    started = time.perf_counter()
    document = read_document(path)
    loaded = time.perf_counter()
    if name == "round trip":
        assert render(document, {}) == path.read_bytes()
    elif name == "new texts":
        render(document, dict.fromkeys(range(len(document.entries)), "Etwas ganz anderes."))
    elif name == "lint":
        lint(document, settings, [])
    elif name == "fix":
        render(document, broken(document, settings.limits), moved(document, settings))
    elif name == "align":
        cues = read_cues(path)
        loaded = time.perf_counter()
        align(cues, cues, 0.7)
    seconds = (loaded - started) if name == "read" else time.perf_counter() - loaded
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{name:<12} {len(document.entries):>8,} cues  {seconds:7.2f} s  {peak:6.0f} MiB")


def encodings(path: Path) -> None:
    """Print how often the encoding of samples of a text is told."""
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    for name in ENCODINGS:
        for size in (1, 3, 10):
            rng, told = random.Random(size), Counter[str]()
            for _ in range(SAMPLES):
                text = "\n".join(rng.sample(lines, size))
                try:
                    data = text.encode(name)
                except UnicodeEncodeError:
                    continue
                if data.isascii():
                    continue
                try:
                    told["right" if decode(Path("sample"), data).text == text else "wrong"] += 1
                except UserError:
                    told["refused"] += 1
            if told:
                counts = "  ".join(f"{what} {told[what]:>3}" for what in ("right", "refused", "wrong"))
                print(f"{path.name:<16} {name:<10} {size:>3} lines  {counts}")


def main() -> None:
    if sys.argv[1:2] == ["--step"]:
        step(sys.argv[2], Path(sys.argv[3]))
        return
    with tempfile.TemporaryDirectory() as folder:
        for cues in SIZES:
            path = Path(folder) / f"{cues}.srt"
            make(path, cues)
            for name in STEPS:
                subprocess.run([sys.executable, __file__, "--step", name, str(path)], check=True)
    for text in sys.argv[1:]:
        encodings(Path(text))


if __name__ == "__main__":
    main()
