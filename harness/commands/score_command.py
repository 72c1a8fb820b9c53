"""``sandglass score``: score translations that somebody else made."""

import argparse
import hashlib
from pathlib import Path

from harness.commands.common import (
    declared,
    load_asked,
    models_of,
    open_cache,
    open_door,
    open_executor,
    protocol_of,
    run_and_show,
)
from harness.commands.options import add_measuring
from harness.errors import EXIT_OK, UserError
from harness.jsonl import read_strict
from harness.language import wrong_language
from harness.languages import language
from harness.llm.failures import FailureLog
from harness.llm.types import Decode
from harness.prompts import one_line
from harness.records import Segment, Translation
from harness.run.plan import Plan
from harness.task import Task

FIX = 'Give one {"id": …, "text": …} a segment, or a plain file with one line a segment in the task\'s order.'
SEED = 1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("tasks", nargs=1, metavar="TASK", help="name, or folder with a task.toml")
    given = parser.add_mutually_exclusive_group(required=True)
    given.add_argument(
        "--translations", type=Path, metavar="FILE", help="JSONL with id and text, or one line a segment"
    )
    given.add_argument("--reference", action="store_true", help="score the task's own references")
    parser.add_argument("--name", metavar="NAME", help="name of the system (default: the file's)")
    parser.add_argument("--no-model", action="store_true", help="the model-free metrics alone")
    add_measuring(parser)


def main(args: argparse.Namespace) -> int:
    """Read the file against the task, then measure it."""
    whole = load_asked(args.tasks[0], args.data)
    task = whole.only(args.only).limited(args.limit)
    protocol = protocol_of(args)
    given = references(task) if args.reference else read_translations(args.translations, whole, task)
    plan = Plan(
        task=task,
        protocol=protocol.without_models() if args.no_model else protocol,
        model=args.name or ("reference" if args.reference else args.translations.stem),
        strategy="submitted",
        decode=Decode(),
        seeds=(SEED,),
        submitted=_digest(args.translations, given),
        declared=declared(args),
    )
    if not (plan.models or plan.protocol.estimators):
        return score_without_models(plan, given, args.out)
    if plan.back_translator is not None and plan.back_translator[0] == plan.model:
        raise UserError(
            f"Protocol {args.protocol!r} back-translates with the system itself, which a file cannot.",
            "Name one with --back-translator, or give --no-model.",
        )
    failures = FailureLog()
    door = open_door(args, open_cache(args), failures)
    door.check(models_of([plan]))
    return run_and_show([plan], open_executor(args, door), args, failures, given)


def score_without_models(plan: Plan, given: list[Translation], out: Path) -> int:
    """Score with the model-free metrics alone: no door is opened."""
    from harness.report import render
    from harness.run.done import Done
    from harness.run.main import finish
    from harness.run.store import Store, read_result

    folder = plan.folder(out)
    store = Store(folder, plan.manifest(), plan.task.segments)
    try:
        known = store.read(Translation)
        for translation in given:
            if (translation.id, translation.seed) not in known:
                store.append(translation)
        finish(plan, store, Done(translations={(t.id, t.seed): t for t in given}))
    finally:
        store.close()
    print(render([read_result(folder)], "table", "main"))
    return EXIT_OK


def _digest(path: Path | None, given: list[Translation]) -> str:
    """Return what identifies the translations: the hash of their file, or of the references."""
    content = "\n".join(f"{t.id}\t{t.text}" for t in given).encode() if path is None else path.read_bytes()
    return hashlib.sha256(content).hexdigest()[:16]


def references(task: Task) -> list[Translation]:
    """Return a task's references as a system's translations.

    Raises:
        UserError: a segment has none.
    """
    for segment in task.segments:
        if segment.reference is None:
            raise UserError(f"{task.name} has no reference for {segment.id!r}.", "Give --translations.")
    return [_translation(task, segment, segment.reference or "") for segment in task.segments]


def read_translations(path: Path, whole: Task, task: Task) -> list[Translation]:
    """Read a file of translations against a task.

    Args:
        path: JSON lines with ``id`` and ``text``, or plain text with one line a segment.
        whole: the whole task, whose ids may occur.
        task: the part that is scored, whose ids must occur.

    Returns:
        One translation for each segment of ``task``.

    Raises:
        UserError: missing file, wrong columns, unknown, duplicate or missing ids.
    """
    if not path.is_file():
        raise UserError(f"There is no file {path}.", "Check the path given with --translations.")
    texts = _from_jsonl(path, whole) if path.suffix in (".jsonl", ".json") else _from_lines(path, whole, task)
    missing = [segment.id for segment in task.segments if segment.id not in texts]
    if missing:
        raise UserError(
            f"{path} lacks {len(missing)} of {len(task.segments)} segments, first {missing[0]!r}.",
            "Give every segment; an empty text counts as empty.",
        )
    return [_translation(task, segment, texts[segment.id]) for segment in task.segments]


def _from_jsonl(path: Path, whole: Task) -> dict[str, str]:
    texts: dict[str, str] = {}
    for number, data in read_strict(path, FIX):
        if set(data) != {"id", "text"} or not all(isinstance(value, str) for value in data.values()):
            raise UserError(f"{path}, line {number} does not have the columns id and text, as text.", FIX)
        if data["id"] not in whole.by_id:
            raise UserError(f"{path}, line {number}: {whole.name} has no segment {data['id']!r}.", "Check the ids.")
        if data["id"] in texts:
            raise UserError(f"{path}, line {number}: the id {data['id']!r} stands twice.", "Keep one of them.")
        texts[data["id"]] = data["text"]
    return texts


def _from_lines(path: Path, whole: Task, task: Task) -> dict[str, str]:
    try:
        lines = path.read_text(encoding="utf-8-sig").removesuffix("\n").split("\n")
    except UnicodeDecodeError as error:
        raise UserError(f"{path} is not UTF-8 ({error.reason} at byte {error.start}).", "Save it as UTF-8.") from error
    for candidates in (whole.segments, task.segments):
        if len(lines) == len(candidates):
            return {segment.id: line for segment, line in zip(candidates, lines, strict=True)}
    raise UserError(f"{path} has {len(lines)} lines, the task {len(whole.segments)} segments.", FIX)


def _translation(task: Task, segment: Segment, text: str) -> Translation:
    """Read one line of a file; an answer to an instruction keeps its lines, and its language is for the judge."""
    translates = task.kind == "translation"
    text = one_line(text) if translates else text.strip()
    if not text:
        return Translation(segment.id, SEED, "", "empty", "empty in the file")
    if translates and wrong_language(text, task.target):
        return Translation(segment.id, SEED, text, "wrong_language", f"not {language(task.target)}")
    return Translation(segment.id, SEED, text, "ok")
