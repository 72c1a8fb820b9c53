"""Model-free scoring of many segments: ``python benchmarks/scoring.py [SEGMENTS]``.

Writes a task of synthetic segments (100,000 by default), scores it with
``sandglass score --no-model`` in a process of its own, and prints seconds and peak memory.
"""

import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

TASK = """schema = 2
name = "many"
version = "1"
source_language = "zh"
reader = "jsonl"
synthetic = true
[data]
file = "segments.jsonl"
[mu]
pyphen = 12.0
phonetic = 12.0
[targets.en]
bounds = [0.8, 0.9]
speech_rates = [6.19, 4.44]
"""
CARD = "".join(f'{name} = "-"\n' for name in "title description licence source citation annotators size date".split())
HAN = "我们明天早上一起去爬山吧这家店的面条真好吃他已经三没有回来了关系越亲密"
WORDS = "their bond grows closer every single day although nobody really expected another wonderful result".split()


def write(folder: Path, number: int) -> Path:
    draw = random.Random(1)
    (folder / "task.toml").write_text(TASK)
    (folder / "card.toml").write_text(CARD + "caveats = []\n")
    with (folder / "segments.jsonl").open("w") as segments, (folder / "mine.jsonl").open("w") as mine:
        for n in range(number):
            text = "".join(draw.choices(HAN, k=draw.randint(8, 20)))
            cue = {"id": str(n), "video": f"v{n % 500}", "text": text, "start": 3.0 * n, "end": 3.0 * n + 2.5}
            segments.write(json.dumps(cue) + "\n")
            mine.write(json.dumps({"id": str(n), "text": " ".join(draw.choices(WORDS, k=draw.randint(4, 10)))}) + "\n")
    return folder / "mine.jsonl"


if __name__ == "__main__":
    number = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    with tempfile.TemporaryDirectory() as name:
        mine = write(Path(name), number)
        command = [sys.executable, "-m", "harness.cli", "score", name, "--translations", str(mine), "--no-model"]
        start = time.perf_counter()
        subprocess.run([*command, "--out", f"{name}/out"], check=True, stdout=subprocess.DEVNULL, env=os.environ)
        seconds = time.perf_counter() - start
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
        print(f"{number} segments: {seconds:.1f} s, peak memory {peak:.0f} MB")
