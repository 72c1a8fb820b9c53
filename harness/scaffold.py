"""Starting a task: a folder with a definition, a card, three example lines, a note and a test that passes."""

import json
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from harness import registry
from harness.bridge.yaml_files import write_beside
from harness.budget import BY_SYLLABLES, BY_TIME, TRACKS, Track
from harness.definition import Card, read_definition, read_toml
from harness.errors import UserError
from harness.examples import EXAMPLES
from harness.jsonl import to_line, write_atomic
from harness.languages import LANGUAGES, language
from harness.metrics.fill import DUBBING_RATE, SPEECH_RATES
from harness.subtitles.limits import limits_for
from harness.syllables import COUNTERS, count
from harness.syllables import LANGUAGES as COUNTED

NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
"""Also a module's name: the folder holds a test."""

RATIOS = {"en": (0.8, 0.9), "de": (0.9, 1.0), "es": (1.0, 1.1)}
"""From Chinese: Table 2 of arXiv 2601.10187."""

BOUNDS: dict[Track, tuple[float, float]] = {
    "ratio": (0.9, 1.1),
    "duration": (0.67, 1.0),
    "isometric": (0.9, 1.1),
    "reading_speed": (0.0, 1.0),
}
"""Where the task is to say more: the tracks of the tasks that come with sandglass."""

DEFINITION = """\
# Definition of the task: what is translated, under which budget. It enters every result's protocol line.
schema = 2
name = "{name}_{source}"  # the target language is added to it
version = "1.0"  # raise it whenever the data, the track or a budget changes
source_language = "{source}"
reader = "jsonl"  # reads segments.jsonl; docs/tasks.md has the keys of a line
synthetic = true  # written by a model, or for trying out: ranks nothing; false for real data
track = "{track}"
context = 3  # lines on each side that are shown, not translated
window = 1  # lines in one prompt
{paces}
[data]
file = "segments.jsonl"  # in this folder; sha256 = "…" would pin it
{mu}{targets}"""

PACES = """\
paces = [0.75, 1.0, 1.25]  # factors of the stated count: every segment once with each
"""

MU = """
# Mean syllables of the sources by counter: frozen here, so that --limit does not change a budget. The test says them.
[mu]
{values}"""

CARD = """\
# For the reader: where the data comes from and what is wrong with it. Nothing here changes a number.
title = "{name}"
description = "Three example lines, to be replaced: what is translated, from what, for whom."
licence = "Apache-2.0"  # begin with an SPDX name; say here if the data may not be passed on
source = "this project"  # where the data is from, as exactly as can be: address, commit, date
citation = "{name}"  # what a paper that uses the task should cite
bibtex = ""  # the same as BibTeX
annotators = "none"  # who made references and labels, from what, paid how
date = "{date}"  # when the data was made
size = "3 lines"
languages = [{languages}]
caveats = [  # known flaws: what a number on this task cannot say
  "Example lines that came with the folder: they rank nothing.",
]
superseded_by = ""  # the task that replaces this one, when there is one

[statistics]  # numbers measured on the data; the test recomputes them
segments = 3
videos = 2
"""

NOTE = """\
# {name}

How the data was made, so that somebody else could do it again: where the sources come from, who chose, cut, translated
and checked them, by which rules, and what was left out.

`segments.jsonl` holds one JSON object a line; consecutive lines of one `video` are each other's context, and intervals
cluster by it. The three lines here are examples in {shown}.
"""

TEST = '''\
"""The task is what its definition and card say."""

import json
from pathlib import Path

import pytest

from harness.syllables import count
from harness.task import load_task

FOLDER = Path(__file__).parent


@pytest.fixture(params={targets})
def task(request):
    return load_task(f"{{FOLDER}}:{{request.param}}")


def test_the_card_counts_right(task):
    rows = (FOLDER / "segments.jsonl").read_text(encoding="utf-8").split("\\n")
    videos = [json.loads(row)["video"] for row in rows if row.strip()]
    assert task.card.statistics == {{"segments": len(videos), "videos": len(set(videos))}}


def test_mean_source_length_is_the_frozen_one(task):
    for counter, mu in task.mu.items():
        counts = [count(segment.text, task.source, counter) for segment in task.segments]
        assert sum(counts) / len(counts) == pytest.approx(mu)


def test_lm_eval_loads_it(task):
    pytest.importorskip("lm_eval", reason="needs the extra 'lm-eval'")
    from lm_eval.tasks import TaskManager

    manager = TaskManager(include_path=str(FOLDER), include_defaults=False)
    (theirs,) = manager.load([task.name])["tasks"].values()
    assert len(theirs.eval_docs) == len(task.segments)
'''


def scaffold(parent: Path, name: str, source: str, targets: Sequence[str], track: Track) -> Path:
    """Make the folder of a new task, complete and running.

    Args:
        parent: where the folder goes.
        name: its name, and the task's.
        source: source language.
        targets: target languages.
        track: what is measured against what.

    Returns:
        The folder.

    Raises:
        UserError: a name or language that cannot be, a track that needs a counter there is
            none of, something is there already, or nothing can be written there.
    """
    folder = parent / name
    _check(folder, name, source, targets, track)
    texts = source if source in EXAMPLES[0].full else "en"
    lines = _lines(texts, targets)
    values = "".join(f"{counter} = {_mean(lines, texts, counter)}\n" for counter in COUNTERS)
    files = {
        "task.toml": _aligned(
            DEFINITION.format(
                name=name,
                source=source,
                track=track,
                paces=PACES if track == "count" else "",
                mu=MU.format(values=values) if track == "ratio" else "",
                targets="".join(_target(source, target, track) for target in targets),
            )
        ),
        "card.toml": _aligned(
            CARD.format(
                name=name,
                date=datetime.now(UTC).date(),
                languages=", ".join(json.dumps(code) for code in dict.fromkeys((source, *targets))),
            )
        ),
        "NOTE.md": NOTE.format(name=name, shown=language(texts)),
        f"test_{name}.py": TEST.format(targets=json.dumps(list(targets))),
    }
    files["segments.jsonl"] = b"".join(map(to_line, lines)).decode()
    try:
        for file, text in files.items():
            write_atomic(folder / file, text.encode())
    except OSError as error:
        raise UserError(f"{folder} cannot be written ({error.strerror}).", "Choose another --dir.") from error
    read_toml(folder / "card.toml", Card)
    read_definition(folder / "task.toml")
    write_beside(folder / "task.toml")
    return folder


def _check(folder: Path, name: str, source: str, targets: Sequence[str], track: Track) -> None:
    if not NAME.fullmatch(name):
        raise UserError(f"{name!r} is no name for a task.", "Use small letters, digits and _, a letter first.")
    if folder.exists():
        raise UserError(f"{folder} is there already.", "Choose another name, or another --dir.")
    if track not in TRACKS:
        raise UserError(f"There is no track {track!r}.", f"Use one of {', '.join(TRACKS)}.")
    for code in (source, *targets):
        if code not in LANGUAGES:
            raise UserError(f"Unknown language {code!r}.", f"Use one of {', '.join(sorted(LANGUAGES))}.")
        if track in BY_SYLLABLES and code not in COUNTED and (track == "ratio" or code != source):
            raise UserError(
                f"The track {track} counts syllables, and there is no counter for {language(code)}.",
                "Use --track isometric, reading_speed or none.",
            )
    if len(set(targets)) < len(targets):
        raise UserError("A target language stands twice.", "Name each once.")
    taken = [full for target in targets if (full := f"{name}_{source}_{target}") in registry.names("tasks")]
    if taken:
        raise UserError(f"{taken[0]} is the name of a task that comes with sandglass.", "Choose another.")


def _lines(source: str, targets: Sequence[str]) -> list[dict[str, object]]:
    """Return three example lines, three seconds each, the third in a video of its own."""
    return [
        {
            "id": f"{video}-{place}",
            "video": video,
            "domain": "example",
            "text": example.full[source],
            "start": 4.0 * place,
            "end": 4.0 * place + 3.0,
            "references": {
                target: example.short.get(target, example.full[target]) for target in targets if target in example.full
            },
        }
        for example, (video, place) in zip(EXAMPLES, (("first", 0), ("first", 1), ("second", 0)), strict=True)
    ]


def _mean(lines: Sequence[dict[str, object]], source: str, counter: str) -> float:
    return sum(count(str(line["text"]), source, counter) for line in lines) / len(lines)


def _target(source: str, target: str, track: Track) -> str:
    """Return the table of one target language."""
    bounds, rate, most = BOUNDS.get(track, ()), SPEECH_RATES.get(target, 0.0), 0
    if track == "ratio" and source == "zh":
        bounds = RATIOS.get(target, bounds)
    if track == "reading_speed":
        limits = limits_for(target)
        rate, most = float(limits.speed), int(limits.lines * limits.characters)
    unit = "syllables" if track in BY_SYLLABLES else "characters"
    rows = (
        (bool(bounds), "bounds", list(bounds), "of the amount over its basis, both ends included"),
        (track in BY_TIME, "rate", rate, f"{unit} a second"),
        (bool(most), "most", most, "characters on screen at once"),
        (track in BY_SYLLABLES, "speech_rates", [rate, DUBBING_RATE], "syllables a second, for the column fill"),
    )
    table = "".join(f"{name} = {json.dumps(value)}  # {words}\n" for wanted, name, value, words in rows if wanted)
    return f"\n[targets.{target}]\n{table}"


def _aligned(text: str) -> str:
    r"""Align the comments behind values.

    Examples:
        >>> _aligned('a = 1  # one')
        'a = 1                         # one'
    """
    parts = [line.partition("  # ") for line in text.split("\n")]
    return "\n".join(f"{value:<29} # {words}" if mark else value for value, mark, words in parts)
