"""A task as a dataset repository: Parquet files that ``datasets`` loads, beside the files that ``sandglass run`` takes.

One configuration a target language, with the split ``test``, and ``train`` where the folder
holds ``train.jsonl`` as ``sandglass build`` writes it::

    README.md  task.toml  card.toml  NOTE.md  segments.jsonl  en/test.parquet  de/test.parquet
"""

import re
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import asdict
from importlib import import_module
from pathlib import Path
from typing import Any

from harness import registry
from harness.bridge.yaml_files import prompt_of
from harness.definition import Card, Definition, read_definition, read_toml
from harness.errors import UserError
from harness.jsonl import write_atomic
from harness.languages import language
from harness.readers import Reader
from harness.records import Segment
from harness.task import Task, definition_path, load_task

FORBIDS = re.compile(
    r"not to be (?:passed on|shared)|(?:not|never|cannot|no)\b[^.;]{0,20}\b(?:re)?distribut|all rights reserved"
    r"|proprietary|confidential",
    re.IGNORECASE,
)
"""What a card's licence says where data may not be passed on."""

LICENCES = frozenset(
    "apache-2.0 mit bsd-3-clause unlicense gpl-3.0 cc0-1.0 cc-by-3.0 cc-by-4.0 cc-by-sa-3.0 cc-by-sa-4.0 cc-by-nc-4.0"
    " cc-by-nc-sa-4.0 cc-by-nd-4.0 cc-by-nc-nd-4.0 odbl odc-by pddl".split()
)
"""The Hub's names of the licences that data comes under; others are ``other``."""

TRAINING = "train.jsonl"
SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))

PAGE = """\
# {title}

{description}

One configuration a target language, one row a segment. With Sandglass (`pip install 'sandglass-bench[local,embed]'`):

```bash
hf download {repo} --repo-type dataset --local-dir {name}
sandglass run {name}{target} --model … --strategy {strategy} --out results
```

| | |
|---|---|
{table}

## Known flaws

{caveats}

## Statistics

{statistics}

## Citation

{citation}
{bibtex}"""


def stage(asked: str, out: Path, repo: str) -> list[Path]:
    """Write what is to be published into a folder.

    Args:
        asked: registered name, task folder, or a definition in one.
        out: an empty folder.
        repo: NAMESPACE/NAME, for the page.

    Returns:
        The files.

    Raises:
        UserError: there is no such task, or its data may not be passed on.
    """
    path = _definition(asked)
    definition, card = read_definition(path), read_toml(path.with_name("card.toml"), Card)
    _check(path, definition, card)
    tasks = {target: load_task(f"{path}:{target}") for target in definition.targets}
    for name in _own_files(path, definition):
        write_atomic(out / name, (path.parent / name).read_bytes())
    read: Reader = registry.get("readers", definition.reader)
    training = path.with_name(TRAINING)
    for target, task in tasks.items():
        write_parquet(task.segments, out / target / "test.parquet")
        if training.is_file():
            write_parquet(read(training, target, definition.context), out / target / "train.parquet")
    splits = ["test", "train"] if training.is_file() else ["test"]
    write_atomic(out / "README.md", readme(definition, card, tasks, splits, repo).encode())
    return sorted(file for file in out.rglob("*") if file.is_file())


def licence_id(licence: str) -> str:
    """Return the Hub's name of a card's licence, ``other`` where it has none.

    Examples:
        >>> licence_id("Apache-2.0, written for this project"), licence_id("CC BY 4.0"), licence_id("ask us")
        ('apache-2.0', 'cc-by-4.0', 'other')
    """
    first = re.split(r"[,;:(]|\.(?!\d)", licence)[0].strip().lower().replace(" ", "-")
    first = {"cc0": "cc0-1.0"}.get(first, first)
    return first if first in LICENCES else "other"


def readme(definition: Definition, card: Card, tasks: Mapping[str, Task], splits: Sequence[str], repo: str) -> str:
    """Return the dataset card: front matter for the Hub, then the task's card in words."""
    import yaml

    licence, size = licence_id(card.licence), max(len(task.segments) for task in tasks.values())
    front = {
        "pretty_name": card.title,
        "license": licence,
        **({"license_name": "see-below"} if licence == "other" else {}),
        "language": list(card.languages),
        "task_categories": ["translation" if definition.kind == "translation" else "text-generation"],
        "size_categories": [next((name for most, name in SIZES if size < most), "n>1M")],
        "tags": ["sandglass", f"track-{definition.track}", *(["synthetic"] if definition.synthetic else [])],
        "configs": [
            {"config_name": target, "data_files": [{"split": s, "path": f"{target}/{s}.parquet"} for s in splits]}
            for target in tasks
        ],
    }
    rows = {
        "task": f"{definition.name}, version {definition.version}, track {definition.track}",
        "languages": ", ".join(map(language, card.languages)),
        "size": card.size,
        "date": card.date,
        "source": card.source,
        "licence": card.licence,
        "annotators": card.annotators,
        "superseded by": card.superseded_by,
    }
    page = PAGE.format(
        title=card.title,
        description=card.description,
        repo=repo,
        name=repo.rpartition("/")[2],
        target=f":{next(iter(tasks))}" if len(tasks) > 1 else "",
        strategy="musc" if definition.window > 1 else prompt_of(definition),
        table="\n".join(f"| {name} | {value.replace('|', '&#124;')} |" for name, value in rows.items() if value),
        caveats="\n".join(f"- {caveat}" for caveat in card.caveats),
        statistics="\n".join(f"- {name}: {value:.12g}" for name, value in card.statistics.items()) or "None.",
        citation=card.citation,
        bibtex=f"\n```bibtex\n{card.bibtex.strip()}\n```\n" if card.bibtex else "",
    )
    return f"---\n{yaml.safe_dump(front, sort_keys=False, allow_unicode=True)}---\n\n{page}"


def row(segment: Segment) -> dict[str, Any]:
    """Return a segment as a row.

    Examples:
        >>> made = row(Segment("a", "走吧", "v", terms=(("家", "home"),)))
        >>> made["id"], made["reference"], made["terms"]
        ('a', None, [{'source': '家', 'target': 'home'}])
    """
    return asdict(segment) | {"terms": [{"source": source, "target": target} for source, target in segment.terms]}


def write_parquet(segments: Sequence[Segment], path: Path) -> None:
    """Write segments as a Parquet file with the columns of a segment, the same for every task.

    Raises:
        UserError: datasets is not installed.
    """
    try:
        from datasets import Dataset, Features, List, Value
    except ImportError as error:
        raise UserError("datasets is not installed.", "Run: pip install 'sandglass-bench[export]'.") from error
    text, number = Value("string"), Value("float64")
    argument = {"text": text, "kind": text}
    columns = {
        "id": text,
        "text": text,
        "cluster": text,
        "domain": text,
        "before": List(text),
        "after": List(text),
        "start": number,
        "end": number,
        "gap": number,
        "reference": text,
        "events": List({"predicate": text, "negated": Value("bool"), "arguments": List(argument)}),
        "pace": number,
        "terms": List({"source": text, "target": text}),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    dataset = Dataset.from_list([row(segment) for segment in segments], features=Features(columns))
    import_module("pyarrow.parquet").write_table(dataset.data.table, path)


def _definition(asked: str) -> Path:
    if asked in registry.names("tasks"):
        return definition_path(asked)
    path = Path(asked)
    if path.suffix != ".toml":
        path = path / "task.toml"
    if not path.is_file():
        raise UserError(f"There is no task {asked!r}.", "Give a task folder, or a name from sandglass list tasks.")
    return path


def _check(path: Path, definition: Definition, card: Card) -> None:
    if definition.data.url:
        raise UserError(
            f"The data of {definition.name} is not this folder's to publish: it is fetched from {definition.data.url}.",
            "Publish a task whose data is your own.",
        )
    forbidden = FORBIDS.search(card.licence)
    if forbidden:
        raise UserError(
            f"The card of {definition.name} says of its data: {card.licence}.",
            "Publish it only where you may, and then say so in card.toml.",
        )
    for name in _data_files(definition):
        if not (path.parent / name).is_file():
            raise UserError(f"{definition.name} holds no data: there is no {path.parent / name}.", "Put it there.")


def _data_files(definition: Definition) -> Iterator[str]:
    for target, spec in definition.targets.items():
        file = definition.data.file.replace("{target}", target)
        yield file
        yield from (str(Path(file).with_name(Path(name).name)) for name in spec.also)


def _own_files(path: Path, definition: Definition) -> list[str]:
    """Name the files of the folder that make the task: data, card, note, and all definitions of that data."""
    data = set(_data_files(definition))
    others = [other for other in path.parent.glob("*.toml") if other.name not in ("card.toml", path.name)]
    tracks = {other.name for other in others if _defines(other, data)}
    more = {name for name in ("NOTE.md", TRAINING) if path.with_name(name).is_file()}
    return sorted(data | tracks | more | {path.name, "card.toml"})


def _defines(path: Path, data: Set[str]) -> bool:
    """Say whether a TOML file is a definition of nothing but this data."""
    try:
        return set(_data_files(read_definition(path))) <= data
    except UserError:
        return False  # TOML of another kind
