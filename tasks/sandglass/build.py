"""``sandglass build sandglass``: a Sand-Glass benchmark of one's own from subtitles and transcripts.

The pipeline of arXiv 2601.10187, appendix D; ``docs/building.md`` states every rule. Six
stages, each done or not done: reading, perplexity, filters, near-duplicates, choice, task.
"""

import argparse
import sys
from pathlib import Path
from typing import Any

from harness.corpus.funnel import Step, losses
from harness.corpus.stages import Stages, sha256
from harness.errors import EXIT_OK, UserError
from tasks.sandglass.building import choosing, filtering, reading, writing
from tasks.sandglass.building.options import add_arguments as add_arguments
from tasks.sandglass.building.options import settings_of
from tasks.sandglass.building.settings import Settings


def main(args: argparse.Namespace) -> int:
    """Build, or go on with a build that was stopped."""
    settings = settings_of(args)
    with Stages(args.out, settings.plan()) as stages:
        if not stages.finished:
            build(settings, stages, keep=args.keep_stages)
    print((args.out / "funnel.md").read_text(encoding="utf-8"))
    targets = " or ".join(f"{args.out}:{target}" for target in settings.targets)
    print(f"Built {args.out}. Run it as: sandglass run {targets} …")
    return EXIT_OK


def build(settings: Settings, stages: Stages, *, keep: bool) -> None:
    """Run the stages that are not done.

    Args:
        settings: of the build.
        stages: where they are kept.
        keep: keep their files afterwards.

    Raises:
        UserError: an input cannot be read, or no segment is left.
    """
    read = stages.run(reading.STAGE, lambda folder: reading.read(settings, folder))
    windows = stages.path(reading.STAGE, reading.WINDOWS)
    scored = stages.run(filtering.PERPLEXITY, lambda folder: filtering.perplexity(settings, windows, read, folder))
    values = stages.path(filtering.PERPLEXITY, filtering.VALUES)
    filtered = stages.run(
        filtering.FILTERS, lambda folder: filtering.filtered(settings, windows, values, scored["used"], folder)
    )
    kept = stages.path(filtering.FILTERS, filtering.KEPT)
    distinct = stages.run(choosing.DISTINCT, lambda folder: choosing.distinct(settings, kept, folder))
    left = stages.path(choosing.DISTINCT, choosing.LEFT)
    choice = stages.run(choosing.CHOICE, lambda folder: choosing.chosen(settings, left, folder))
    told = [step for report in (read, filtered, distinct, choice) for step in report["steps"]]
    steps = [Step(**{**step, "notes": tuple(step.get("notes", ()))}) for step in told]
    if not choice["test"]:
        fix = "Mend them, or give more transcripts or other settings."
        raise UserError(f"No segment is left; removed were: {losses(steps)}.", fix)
    report = {**choice, "problems": read["problems"]}

    def write(folder: Path) -> dict[str, Any]:
        places = stages.path(choosing.CHOICE, choosing.TEST), stages.path(choosing.CHOICE, choosing.TRAIN)
        writing.task(settings, windows, left, places, report, steps, folder)
        (folder / reading.PROBLEMS).write_bytes(windows.with_name(reading.PROBLEMS).read_bytes())
        files = sorted(folder.iterdir())
        return {"files": {path.name: sha256(path) for path in files}}

    written = stages.run(writing.STAGE, write)
    stages.finish(writing.STAGE, written["files"], keep=keep)
    if read["problems"]:
        print(f"Cues or records that cannot be used: {read['problems']}; problems.jsonl names each.", file=sys.stderr)
    for quota in choice["unmet"]:
        print(f"Quota not met: {quota}.", file=sys.stderr)
