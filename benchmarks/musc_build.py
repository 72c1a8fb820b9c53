"""How fast ``sandglass build musc`` is, and how much memory it takes, on generated pairs of tracks.

    python benchmarks/musc_build.py --films 10,100,500 --cues 1000

Prints cues of both tracks a second and the peak memory of a process of its own for each size.
"""

import argparse
import random
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

CHARACTERS = "我你他们今天明去来说话看想知道不没有什么怎这那里一个人事情时候可以就会"
WORDS = "we you they today tomorrow go come say speak look think know not have what how this that here one".split()


def track(path: Path, cues: int, shift: float, chinese: bool, draw: random.Random) -> None:
    """Write a .srt file of random words, one cue in twenty a sound."""
    rows = []
    for number in range(cues):
        start = 3.0 * number + shift + draw.uniform(0, 0.4)
        text = "".join(draw.choices(CHARACTERS, k=12)) if chinese else " ".join(draw.choices(WORDS, k=7)) + "."
        text = "[MUSIC]" if number % 20 == 19 else text
        rows.append(f"{number + 1}\n{stamp(start)} --> {stamp(start + 2)}\n{text}\n")
    path.write_text("\n".join(rows), encoding="utf-8")


def stamp(seconds: float) -> str:
    """Write a time as .srt files do."""
    ms = round(seconds * 1000)
    return f"{ms // 3_600_000:02}:{ms // 60_000 % 60:02}:{ms // 1000 % 60:02},{ms % 1000:03}"


def main() -> None:
    """Build tasks of the sizes asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--films", default="10,100,500")
    parser.add_argument("--cues", type=int, default=1000, help="of each track")
    args = parser.parse_args()
    draw = random.Random(1)
    for films in map(int, args.films.split(",")):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            rows = ["domain\tsource\ttarget"]
            for film in range(films):
                track(folder / f"{film}.zh.srt", args.cues, 0.0, True, draw)
                track(folder / f"{film}.en.srt", args.cues, 0.2, False, draw)
                rows.append(f"d{film % 5}\t{film}.zh.srt\t{film}.en.srt")
            (folder / "films.tsv").write_text("\n".join(rows) + "\n", encoding="utf-8")
            command = f"build musc --manifest {folder}/films.tsv --out {folder}/task --name bench --merge rule"
            languages = "--source-language zh --target-language en"
            start = time.perf_counter()
            subprocess.run(
                [sys.executable, "-m", "harness.cli", *command.split(), *languages.split()],
                check=True,
                capture_output=True,
            )
            seconds = time.perf_counter() - start
            cues, peak = 2 * films * args.cues, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
            print(f"{cues:,} cues: {seconds:.1f} s, {cues / seconds:,.0f} cues/s, {peak:.0f} MB at most so far")


if __name__ == "__main__":
    main()
