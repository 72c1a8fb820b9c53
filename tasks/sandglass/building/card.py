"""Definition and card of a built task."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from harness.corpus.folder import write_folder
from harness.corpus.reader import Line
from harness.definition import TASK_SCHEMA, Card, Data, Definition
from tasks.sandglass.building.settings import Settings


def write(settings: Settings, folder: Path, lines: Sequence[Line], numbers: dict[str, Any], sha256: str) -> None:
    """Write ``task.toml`` and ``card.toml``; mu is frozen in the definition.

    Args:
        settings: of the build.
        folder: the task's folder.
        lines: its segments.
        numbers: its statistics.
        sha256: of its data file.
    """
    labels = settings.labels
    definition = Definition(
        schema=TASK_SCHEMA,
        name=labels.name,
        version=labels.version,
        source_language=settings.code,
        reader="corpus",
        synthetic=labels.synthetic,
        data=Data("segments.jsonl", sha256),
        targets=settings.targets,
        mu=numbers["mu"],
    )
    domains = ", ".join(f"{name} {number}" for name, number in numbers["domains"].items())
    card = Card(
        title=labels.title or f"{labels.name}, built from {numbers['transcripts']} transcripts",
        description=f"Segments of transcripts by domain ({domains}), built by sandglass build sandglass: cut at pauses "
        "and units of meaning, cleaned, filtered, freed of near-duplicates and drawn by domain. funnel.md says what "
        "each step removed and why.",
        licence=labels.licence,
        source=labels.source,
        citation=labels.citation,
        annotators="none: built by rule",
        size=f"{len(lines)} segments, {numbers['transcripts']} transcripts",
        caveats=tuple(_caveats(settings, numbers)),
        date=labels.date,
        languages=(settings.code, *settings.targets),
        statistics=_statistics(numbers),
    )
    write_folder(folder, definition, card)


def _caveats(settings: Settings, numbers: dict[str, Any]) -> list[str]:
    found = [
        f"{numbers['transcripts']} transcripts are {numbers['effective_transcripts']:.1f} effective clusters: on "
        "these, not on the segments, the intervals rest.",
        "No references.",
    ]
    if numbers["unmet_quotas"]:
        found.append(f"Quotas not met: {', '.join(numbers['unmet_quotas'])}.")
    if interpolated := numbers["shares"]["interpolated_times"]["value"]:
        found.append(f"{100 * interpolated:.1f} % of the segments have times interpolated within a cue.")
    if doubtful := numbers["shares"]["doubtful"]["value"]:
        found.append(f"{100 * doubtful:.1f} % of the segments are borderline and have a lower weight.")
    if settings.events != "none":
        found.append(f"Core events in events.jsonl are found by machine ({settings.events}), not labelled by hand.")
    if "public_share" in numbers.get("public", {}):
        share = numbers["public"]["public_share"]["value"]
        found.append(f"{100 * share:.1f} % of the segments tested stand in the public texts given: see overlap.")
    return found


def _statistics(numbers: dict[str, Any]) -> dict[str, float]:
    flat = {name: float(numbers[name]) for name in ("segments", "transcripts", "effective_transcripts")}
    flat |= {f"mean_{name}": found["value"] for name, found in numbers["means"].items()}
    flat |= {f"share_{name}": found["value"] for name, found in numbers["shares"].items()}
    return {name: round(value, 6) for name, value in flat.items()}
