"""A film of 1,500 cues through ``sandglass translate``: what the second pass mends, time and memory.

    python benchmarks/film.py [CUES]

The model is a loopback server that translates a line into words, for a third of the cues
more than can be read in their time, and can drop words from a draft. Its translations are
made of the words of real ones, so that the guard of meaning has something to compare. The
command runs in a process of its own; the server's time is part of its seconds, and the
peak memory is the largest of the runs so far. The last rows are servers that answer wrongly.
"""

import itertools
import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from harness.subtitles import read_document  # noqa: E402
from harness.subtitles.limits import limits_for  # noqa: E402
from harness.translating.budgets import Pace  # noqa: E402
from tests.loopback import Loopback  # noqa: E402
from tests.subtitle_translator import FAULTS, WORSE, SubtitleTranslator, srt  # noqa: E402

MINI = ROOT / "tasks" / "sandglass_mini" / "segments.jsonl"


ROWS = [json.loads(line) for line in MINI.read_text("utf-8").splitlines()]
KNOWN = {row["text"]: row["references"]["en"] for row in ROWS}
WORDY = "And that is really all there is to say about it, my dear friend."


class Translator(SubtitleTranslator):
    """Translates the lines of the mini set as its references do, a third of them wordily."""

    def _line(self, line):
        if "draft" in line:
            return super()._line(line)
        number, _, text = line["text"].partition("：")
        return f"{KNOWN[text]} {WORDY}" if int(number) % 3 == 0 else KNOWN[text]


def film(cues):
    """Return a film whose cues are lines of the mini set, each with its number."""
    texts = list(KNOWN)
    random.Random(1).shuffle(texts)
    return srt(cues, 2.9, lambda n: f"{n}：{texts[n % len(texts)]}")


def over(path):
    """Return the places of cues over any limit, and of those that cannot be read in their time."""
    document, pace = read_document(path), Pace(limits_for("en"))
    cues = zip(document.entries, document.skeletons, strict=True)
    found = {n: pace.violations(entry, made.text) for n, (entry, made) in enumerate(cues)}
    return {n for n in found if found[n]}, {n for n in found if "reading_speed" in found[n]}


def translate(path, out, behave, *options):
    """Run the command; return its seconds, peak memory in MiB, and what it said of the second pass."""
    with Loopback(behave) as server:
        model = ["--model", "openai/film", "--api-base", server.url, "--cache", out.with_suffix(".cache")]
        command = ["translate", path, "--source", "zh", "--target", "en", *model, "-o", out, *options]
        argv = [sys.executable, "-m", "harness.cli", *map(str, command)]
        started = time.perf_counter()
        said = subprocess.run(argv, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024  # of the largest so far
    return time.perf_counter() - started, peak, "".join(line for line in said.split("\n") if "second pass" in line)


def main() -> None:
    cues = int(sys.argv[1]) if len(sys.argv) > 1 else 1500
    with tempfile.TemporaryDirectory() as name:
        path, first = Path(name) / "film.srt", Path(name) / "first.srt"
        path.write_text(film(cues), encoding="utf-8")
        faultless = Translator()
        seconds, peak, _ = translate(path, first, faultless, "--no-rewrite", "--trust-ids")
        unfit, fast = over(first)
        print(
            f"first pass: {cues} cues, {len(fast)} too fast, {len(unfit)} over a limit, {seconds:.1f} s, {peak:.0f} MiB"
        )
        for label, options in (("nothing compared", ["--keep-shorter", "--trust-ids"]), ("meanings compared", [])):
            out = Path(name) / f"{len(options)}.srt"
            behave = Translator()
            seconds, peak, said = translate(path, out, behave, *options)
            blocks = [p.read_bytes().split(b"\n\n") for p in (first, out)]
            changed = {n for n, (a, b) in enumerate(zip(*blocks, strict=True)) if a != b}
            left = len(over(out)[1])
            fewer = f"{1 - left / len(fast):.0%} fewer"
            print(f"both passes, {label}: {left} too fast ({fewer}), {seconds:.1f} s, {peak:.0f} MiB")
            print(f"{said}; {behave.tokens:,} tokens; {len(changed - unfit)} fitting cues touched")
        for label, faults in (("known faults", FAULTS), ("worse ones too", FAULTS + WORSE)):
            turn = itertools.cycle(faults)
            behave = Translator(lambda lines, turn=turn: next(turn) if lines > 1 else None)
            out = Path(name) / f"{len(faults)}.faults.srt"
            translate(path, out, behave, "--no-rewrite")
            same, more = out.read_bytes() == first.read_bytes(), behave.tokens / faultless.tokens
            print(f"every answer wrong, {label}: {more:.2f} times the tokens, same file: {same}")


if __name__ == "__main__":
    main()
