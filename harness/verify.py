"""Recomputing a stored run: every deterministic score from the files, every difference named.

What was asked of models is not asked again: hypotheses, back-translations and cosines
are taken as stored, and their files must be the ones the result was made from.
"""

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from harness import registry
from harness.errors import UserError
from harness.jsonl import read_own
from harness.metrics.base import Frame, Metric
from harness.prompts import prompt_hash
from harness.protocol import counter_version, frame_line, metrics_hash
from harness.records import BackTranslation, Estimate, EventCheck, Result, Translation, dump, load
from harness.run.names import missing_stages, run_id, system_id
from harness.run.store import file_hashes, read_manifest, read_measurements, read_result, read_segments, read_stage
from harness.score import Records, count_states, estimates, estimates_by_domain, score, score_lines, usage_by_role

FITTED = 1e-6
"""Agreement asked of interval ends, which come from numerical routines; values must be equal."""

EXACT = ("value", "per_seed", "n", "clusters", "method", "effective_clusters", "sd")
"""Parts of an estimate that must be equal."""

BESIDE = ("trust.json", "fingerprint.json")
"""What an accepted row has beside the files of its run."""

MOST_NAMED = 20


def verify_run(folder: Path) -> list[str]:
    """Recompute a run and name what differs from what is stored.

    Args:
        folder: a finished run directory.

    Returns:
        One sentence a difference; empty where all is as stored.

    Raises:
        UserError: the directory is not readable as a run of this version.
    """
    try:
        return _differences(folder)
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        raise UserError(
            f"{folder} is damaged ({type(error).__name__}: {error}).", "Get the run again from whoever made it."
        ) from error


def _differences(folder: Path) -> list[str]:
    manifest, result = read_manifest(folder), read_result(folder)
    frame = load(Frame, manifest["frame"])
    found = [*_identity(folder, manifest, result), *_files(folder, result), *_prompts(manifest)]
    metrics = metrics_of(frame, with_models="back_translator=" in result.protocol)
    found += _environment(manifest, result, frame, metrics)
    records = Records(
        read_stage(folder, Translation),
        read_stage(folder, BackTranslation),
        read_stage(folder, EventCheck),
        read_measurements(folder),
    )
    counter = manifest["counter"]
    scores = score(read_segments(folder), records, metrics, frame, manifest["source_language"], counter)
    found += _judgements(folder, manifest, frame, result, records)
    found += _lines(folder, list(score_lines(scores, records, counter)))
    if count_states(records.translations) != result.states:
        found.append("result.json: the states are not those of the translations")
    if dump(usage_by_role(records)) != dump(result.usage):
        found.append("result.json: the usage is not that of the records")
    seeds = sorted({seed for _, seed in scores.keys})
    found += _estimates(estimates(scores, metrics, seeds), result.metrics)
    by_domain = estimates_by_domain(scores, read_segments(folder), metrics, seeds)
    if by_domain.keys() != result.domains.keys():
        found.append(f"result.json: the domains are {', '.join(by_domain) or 'not told apart'}")
    for domain in sorted(by_domain.keys() & result.domains.keys()):
        found += _estimates(by_domain[domain], result.domains[domain], f" of {domain}")
    return found


def metrics_of(frame: Frame, with_models: bool) -> tuple[Metric, ...]:
    """Build the metrics of a run from its frame."""
    made = [metric for name in registry.names("metrics") for metric in registry.get("metrics", name)(frame)]
    missing = missing_stages(with_models, frame.tau is not None)
    return tuple(metric for metric in made if not metric.needs & missing)


def _identity(folder: Path, manifest: dict[str, Any], result: Result) -> Iterator[str]:
    for name in ("protocol", "system", "selection", "task"):
        if manifest[name] != getattr(result, name):
            yield f"manifest.json and result.json differ in {name}"
    expected = {
        "run id": (run_id(manifest["protocol_name"], result.protocol, result.system), result.run_id, folder.name),
        "system id": (
            system_id(result.model, result.strategy, result.system),
            result.system_id,
            folder.absolute().parent.name,
        ),
    }
    for name, (computed, stored, place) in expected.items():
        if not computed == stored == place:
            yield f"the {name} of these protocol and system lines is {computed}, not {stored} in {place}"


def _files(folder: Path, result: Result) -> Iterator[str]:
    present = {name: digest for name, digest in file_hashes(folder).items() if name not in BESIDE}
    for name in sorted({*result.files, *present}):
        if name not in present:
            yield f"{name} is missing"
        elif name not in result.files:
            yield f"{name} was added"
        elif present[name] != result.files[name]:
            yield f"{name} is not the file that the result was made from"


def _prompts(manifest: dict[str, Any]) -> Iterator[str]:
    for role, line in (("system", manifest["system"]), ("back_translator", manifest["protocol"])):
        prompts = manifest["prompts"][role]
        if prompts and f"prompt={prompt_hash(*prompts)}" not in line:
            yield f"manifest.json: the {role}'s prompts are not those of its line"


def _environment(manifest: dict[str, Any], result: Result, frame: Frame, metrics: tuple[Metric, ...]) -> Iterator[str]:
    for part in (
        frame_line(frame),
        f"counter={manifest['counter']}@{counter_version(manifest['counter'])}",
        f"metrics={metrics_hash(metrics)}",
    ):
        if f"|{part}|" not in f"|{result.protocol}|":
            yield f"this environment measures with {part}, which is not in the protocol line"


def _judgements(folder: Path, manifest: dict[str, Any], frame: Frame, result: Result, records: Records) -> list[str]:
    from harness.judges import load_scoped
    from harness.replay import reread

    segments = read_segments(folder)
    found: list[str] = []
    for spec in manifest["judges"]:
        judge = load_scoped(spec, manifest["source_language"], frame.target, result.model, manifest["chunk"])
        if f"|measure={judge.line}" not in result.protocol:
            found.append(f"this environment judges with {judge.line}, which is not in the protocol line")
        found += reread(judge, segments, records.translations, records.measurements)
    return found[:MOST_NAMED]


def _lines(folder: Path, computed: list[dict[str, Any]]) -> list[str]:
    stored = list(read_own(folder / "scores.jsonl"))
    found = [] if len(stored) == len(computed) else [f"scores.jsonl has {len(stored)} lines, not {len(computed)}"]
    for old, new in zip(stored, computed, strict=False):
        new = dump(new)
        for name in sorted({*old, *new} - {"statistics"}):
            if old.get(name) != new.get(name):
                found.append(f"scores.jsonl, {new['id']} seed {new['seed']}: {name} is {new.get(name)}")
        before, after = old.get("statistics", {}), new["statistics"]
        for name in sorted({*before, *after}):
            if before.get(name) != after.get(name):
                found.append(f"scores.jsonl, {new['id']} seed {new['seed']}: {name} is {after.get(name)}")
    if len(found) > MOST_NAMED:
        found[MOST_NAMED:] = [f"scores.jsonl: {len(found) - MOST_NAMED} further differences"]
    return found


def _estimates(computed: Mapping[str, Estimate], stored: Mapping[str, Estimate], where: str = "") -> Iterator[str]:
    for name in sorted({*computed, *stored}):
        if name not in computed or name not in stored:
            yield f"result.json: {name}{where} is {'missing' if name in computed else 'not a metric of this version'}"
            continue
        old, new = stored[name], computed[name]
        differing = [part for part in EXACT if getattr(old, part) != getattr(new, part)]
        if differing:
            part = differing[0]
            what = f"{name}{where}" if part == "value" else f"{part} of {name}{where}"
            yield f"result.json: {what} is {getattr(new, part)}, stored {getattr(old, part)}"
        elif not (_close(old.low, new.low) and _close(old.high, new.high)):
            ends = f"[{new.low}, {new.high}], stored [{old.low}, {old.high}]"
            yield f"result.json: the interval of {name}{where} is {ends}"


def _close(a: float | None, b: float | None) -> bool:
    return a == b if a is None or b is None else math.isclose(a, b, rel_tol=FITTED, abs_tol=FITTED)
