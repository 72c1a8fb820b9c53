"""Tasks: a folder with a definition, a card and data, or a name that stands for one.

``task.toml`` says what is translated under which budget and enters the protocol;
``card.toml`` says where the data comes from and what is wrong with it. Unknown
fields are errors in both. A folder may hold further definitions of the same data,
one file a track (``count.toml``).
"""

import hashlib
import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Literal

from harness import registry
from harness.budget import BY_TIME, Track, plausible_times
from harness.definition import Card, Definition, read_definition, read_toml
from harness.errors import UserError
from harness.fetch import cached_download
from harness.readers import Reader
from harness.records import Item, Segment


@dataclass(frozen=True)
class Task:
    """A task for one target language, its segments loaded.

    ``mu`` is the mean source length by counter, frozen in the definition; ``data_hash``
    identifies the data and enters the protocol. ``bounds`` is empty where there are none;
    ``references`` says whether every segment has one, also where the segments are elsewhere.
    """

    name: str
    version: str
    source: str
    target: str
    bounds: tuple[float, ...]
    speech_rates: tuple[float, ...]
    mu: dict[str, float]
    segments: tuple[Segment, ...]
    data_hash: str
    synthetic: bool
    card: Card
    selection: str = "all"
    kind: Literal["translation", "instructions"] = "translation"
    track: Track = "ratio"
    rate: float = 0.0
    most: int = 0
    window: int = 1
    round_trip: bool = True
    references: bool = False

    @cached_property
    def by_id(self) -> dict[str, Segment]:
        """Segments by id."""
        return {segment.id: segment for segment in self.segments}

    def line(self) -> str:
        """Return the task's part of the protocol line: name, version and data hash."""
        return f"{self.name}@{self.version}#{self.data_hash[:12]}"

    def limited(self, limit: int | None) -> "Task":
        """Return the task with at most ``limit`` segments: whole windows, spread evenly over the file.

        Raises:
            UserError: a limit below 1.
        """
        total = len(self.segments)
        if limit is None or limit >= total:
            return self
        if limit < 1:
            raise UserError(f"--limit {limit} leaves nothing to do.", "Give at least 1.")
        items, wanted = self.items(self.window), -(-limit // self.window)
        chosen = [items[index * len(items) // wanted] for index in range(wanted)]
        segments = tuple(segment for item in chosen for segment in item.segments)[:limit]
        of = "" if self.selection == "all" else f" of {self.selection}"
        return replace(self, segments=segments, selection=f"{len(segments)} of {total}, evenly spaced{of}")

    def only(self, clusters: Sequence[str]) -> "Task":
        """Return the task with the segments of some clusters (videos, documents) alone; with all where none is named.

        Raises:
            UserError: a cluster that the task does not have.
        """
        if not clusters:
            return self
        known = {segment.cluster for segment in self.segments}
        if unknown := sorted(set(clusters) - known):
            raise UserError(f"{self.name} has no {unknown[0]!r}.", f"Use --only with {', '.join(sorted(known)[:20])}.")
        segments = tuple(segment for segment in self.segments if segment.cluster in clusters)
        named = " ".join(", ".join(sorted(set(clusters))).replace("|", "/").split())  # it stands in a protocol line
        return replace(self, segments=segments, selection=f"{len(segments)} of {len(self.segments)}, only {named}")

    def items(self, window: int = 1) -> tuple[Item, ...]:
        """Group consecutive segments of one cluster into items of at most ``window``."""
        return windows(self.segments, window)


def windows(segments: Sequence[Segment], window: int) -> tuple[Item, ...]:
    """Group consecutive segments of one cluster into items of at most ``window``.

    Examples:
        >>> segments = [Segment("1", "a", "v"), Segment("2", "b", "v"), Segment("3", "c", "w")]
        >>> [[segment.text for segment in item.segments] for item in windows(segments, 2)]
        [['a', 'b'], ['c']]
    """
    items: list[Item] = []
    group: list[Segment] = []
    for segment in segments:
        if group and (len(group) == window or group[0].cluster != segment.cluster):
            items.append(Item(group[0].id, tuple(group)))
            group = []
        group.append(segment)
    return (*items, Item(group[0].id, tuple(group)))


def load_task(name: str, data: Path | None = None) -> Task:
    """Load a task by name, or from a folder or definition given as ``PATH`` or ``PATH:TARGET``.

    Args:
        name: registered name, a folder holding ``task.toml`` and ``card.toml``, or a definition in one.
        data: local copy of the data file or the folder it lies in, instead of fetching it.

    Returns:
        The task with its segments.

    Raises:
        UserError: unknown name, bad definition, missing or altered data.
    """
    path, target = _locate(name)
    definition = read_definition(path)
    card = read_toml(path.parent / "card.toml", Card)
    target = target or _only_target(definition, path)
    if target not in definition.targets:
        raise UserError(f"{definition.name} has no target {target!r}.", f"Use one of {', '.join(definition.targets)}.")
    spec = definition.targets[target]
    file, digest = _data(path, definition, target, data)
    reader: Reader = registry.get("readers", definition.reader)
    segments = reader(file, target, definition.context)
    return Task(
        name=f"{definition.name}_{target}",
        version=definition.version,
        source=definition.source_language.replace("{target}", target),
        target=target,
        bounds=spec.bounds,
        speech_rates=spec.speech_rates,
        mu=definition.mu,
        segments=_at_paces(_timed(file, segments) if definition.track in BY_TIME else segments, definition.paces),
        data_hash=digest,
        synthetic=definition.synthetic,
        card=card,
        kind=definition.kind,
        track=definition.track,
        rate=spec.rate,
        most=spec.most,
        window=definition.window,
        round_trip=definition.round_trip,
        references=all(segment.reference is not None for segment in segments),
    )


def _timed(path: Path, segments: tuple[Segment, ...]) -> tuple[Segment, ...]:
    """Leave out segments whose times cannot belong to their text: a budget of time would mean nothing.

    Raises:
        UserError: a segment without times.
    """
    for segment in segments:
        if segment.start is None or segment.end is None:
            raise UserError(f"{path}: {segment.id!r} has no times.", "A track by time needs start and end everywhere.")
    return tuple(segment for segment in segments if plausible_times(segment))


def _at_paces(segments: tuple[Segment, ...], paces: Sequence[float]) -> tuple[Segment, ...]:
    """Repeat every segment with each pace, under an id of its own."""
    if not paces:
        return segments
    return tuple(replace(segment, id=f"{segment.id}@{pace:g}", pace=pace) for segment in segments for pace in paces)


def task_folder(name: str) -> Path:
    """Return the folder of a registered task.

    Raises:
        UserError: unknown name, or its package is not installed.
    """
    package = registry.find("tasks", name).partition(":")[0]
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise UserError(f"The package {package!r} of task {name!r} is not installed.", "Reinstall sandglass-bench.")
    return Path(next(iter(spec.submodule_search_locations)))


def definition_path(name: str) -> Path:
    """Return the definition of a registered task.

    Raises:
        UserError: unknown name, or its package is not installed.
    """
    return task_folder(name) / f"{registry.find('tasks', name).partition(':')[2] or 'task'}.toml"


def _locate(name: str) -> tuple[Path, str | None]:
    """Return the definition that a name or path stands for, and the target where it says one."""
    if name in registry.names("tasks"):
        return definition_path(name), name.rsplit("_", 1)[1]
    path, _, target = name.rpartition(":") if not Path(name).exists() else (name, "", "")
    if Path(path).is_dir() and path:
        return Path(path) / "task.toml", target or None
    if Path(path).is_file() and path.endswith(".toml"):
        return Path(path), target or None
    known = ", ".join(registry.names("tasks"))
    raise UserError(f"Unknown task {name!r}.", f"Use a folder with a task.toml, or one of: {known}.")


def _only_target(definition: Definition, path: Path) -> str:
    if len(definition.targets) == 1:
        return next(iter(definition.targets))
    given = path.parent if path.name == "task.toml" else path
    choices = " or ".join(f"{given}:{target}" for target in definition.targets)
    raise UserError(f"{given} has several target languages.", f"Say which: {choices}.")


def _data(path: Path, definition: Definition, target: str, given: Path | None) -> tuple[Path, str]:
    """Return the data file and the hash of all that belongs to it, each file checked where it is pinned."""
    data = definition.data
    name, url = (text.replace("{target}", target) for text in (data.file, data.url))
    file = _data_file(path, definition, name, given)
    if file is None:
        file = cached_download(url, data.sha256, name)
    digests = []
    for name, pinned in ((file.name, data.sha256), *definition.targets[target].also.items()):
        part = file.with_name(Path(name).name)
        if not part.is_file():
            if not (url and given is None):
                raise UserError(f"{definition.name} has no data file {part}.", f"Put it beside {file.name}.")
            part = cached_download(f"{url.rpartition('/')[0]}/{name}", pinned, part.name, file.parent)
        digest = hashlib.sha256(part.read_bytes()).hexdigest()
        if pinned and digest != pinned:
            raise UserError(
                f"{part} is not the published data of {definition.name}: its sha256 is {digest[:12]}…, "
                f"not {pinned[:12]}….",
                "Get the published file, or make a task folder of your own for other data.",
            )
        digests.append(digest)
    return file, digests[0] if len(digests) == 1 else hashlib.sha256(" ".join(digests).encode()).hexdigest()


def _data_file(path: Path, definition: Definition, name: str, given: Path | None) -> Path | None:
    """Return the data file that is given or lies in the folder; None where it is to be fetched."""
    if given is not None:
        file = given / Path(name).name if given.is_dir() else given
        if not file.is_file():
            raise UserError(f"There is no data file {file}.", "Check the path given with --data.")
        return file
    file = (path.parent / name).resolve()
    if path.parent.resolve() not in file.parents:
        raise UserError(f"{path}: data.file leaves the task's folder.", "Name a file inside it.")
    if file.is_file():
        return file
    if definition.data.url:
        return None
    raise UserError(f"{definition.name} has no data file {file}.", "Put it there, or give it with --data.")
