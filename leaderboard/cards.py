"""What is known of a task beyond its results: its card, where it is one of the registered tasks."""

import re
from dataclasses import dataclass, field

from harness.budget import TRACKS
from harness.definition import Card, read_toml
from harness.errors import UserError
from harness.task import task_folder
from leaderboard.text import visible


@dataclass(frozen=True)
class Facts:
    """A task for the reader.

    Attributes:
        title: in words.
        card: provenance, licence and caveats, None where the task is not registered.
        languages: source and target, as the task's name tells.
    """

    title: str
    card: Card | None = None
    languages: tuple[str, ...] = field(default=())


def facts_of(task: str) -> Facts:
    """Look a task up.

    Examples:
        >>> facts_of("no_such_task_zh_en").title
        'no_such_task zh → en'
        >>> facts_of("sandglass_zh_de").title
        'Sand-Glass v1 zh → de'
        >>> facts_of("sandglass_duration_zh_de").title
        'Sand-Glass v1 zh → de, duration'
    """
    found = re.fullmatch(r"(.+)_([a-z]{2})_([a-z]{2})", task)
    stem, pair = (found[1], found.groups()[1:]) if found else (task, ())
    card = _card(task)
    title = card.title if card else stem
    track = next((f", {word}" for word in TRACKS if f"_{word}_" in task and word not in title.lower()), "")
    return Facts((f"{title} {pair[0]} → {pair[1]}" if pair else title) + track, card, tuple(pair))


def _card(task: str) -> Card | None:
    try:
        return read_toml(task_folder(task) / "card.toml", Card)
    except (UserError, OSError, ModuleNotFoundError):
        return None


def bibtex(task: str, facts: Facts) -> str:
    r"""Write how to cite a task, as BibTeX.

    Examples:
        >>> print(bibtex("t", Facts("T {x}")), end="")
        @misc{t,
          title = {T \{x\}},
          note = {Board of the Sandglass evaluation harness},
        }
    """
    if facts.card is not None and facts.card.bibtex:
        return facts.card.bibtex.rstrip() + "\n"
    lines = [f"  title = {{{_tex(facts.title)}}},"]
    if facts.card is not None:
        lines += [f"  howpublished = {{{_tex(facts.card.source)}}},", f"  note = {{{_tex(facts.card.citation)}}},"]
    else:
        lines += ["  note = {Board of the Sandglass evaluation harness},"]
    key = re.sub(r"[^a-z0-9]+", "", task.lower()) or "task"
    return "\n".join([f"@misc{{{key},", *lines, "}"]) + "\n"


def _tex(text: str) -> str:
    one_line = " ".join(visible(text).split())
    return re.sub(r"([{}%&#$_\\])", lambda found: {"\\": r"\textbackslash{}"}.get(found[1], f"\\{found[1]}"), one_line)
