"""What a task's version stands for: its data, its definition and the prompts used on it.

``data/task_versions.json`` locks them: a result says name, version and data hash of its
task, so none of these may change under one version. After raising a version, or for a new task::

    python -m tests.task_versions

adds it; what is locked already is never changed by that.
"""

import hashlib
import json
import sys
from pathlib import Path
from typing import Any

from harness.bridge.yaml_files import data_hash
from harness.budget import Budget
from harness.convert import dump
from harness.definition import Definition, read_definition
from harness.prompts import prompt_hash
from harness.registry import names
from harness.strategy import Setting, build
from harness.task import definition_path

LOCK = Path(__file__).parent / "data" / "task_versions.json"
COMMAND = "python -m tests.task_versions"


def strategies_for(definition: Definition, target: str) -> tuple[str, ...]:
    """Return the strategies that suit a task."""
    if definition.kind == "instructions":
        return ("respond",)
    if definition.track == "none":
        return ("unconstrained", "musc") if definition.window > 1 else ("unconstrained",)
    stating = ("prompted", "best_of_n", "translate_modify")
    stays = definition.source_language in ("{target}", target)
    return stating[:1] if stays else ("unconstrained", *stating)


def locked_parts(path: Path, target: str) -> dict[str, Any]:
    """Return the hashes of all that may not change under one version."""
    definition = read_definition(path)
    spec, source = definition.targets[target], definition.source_language.replace("{target}", target)
    budget = Budget(source, target, "pyphen", spec.bounds, definition.track, spec.rate, spec.most)
    rest = {
        name: value for name, value in dump(definition).items() if name not in ("version", "note", "data", "targets")
    }
    text = json.dumps([rest, dump(spec)], sort_keys=True, ensure_ascii=False)
    return {
        "data": data_hash(path, definition, target) or "the user's own",
        "definition": hashlib.sha256(text.encode()).hexdigest()[:16],
        "prompts": {
            name: prompt_hash(*build(name, Setting("some", budget)).prompts)
            for name in strategies_for(definition, target)
        },
    }


def read_lock() -> dict[str, Any]:
    """Return what is locked, by name@version."""
    lock: dict[str, Any] = json.loads(LOCK.read_text(encoding="utf-8")) if LOCK.exists() else {}
    return lock


def difference(key: str, path: Path, target: str, lock: dict[str, Any]) -> str:
    """Say what is wrong with a task and what to do; empty where its version stands for what it did."""
    if key not in lock:
        return f"{key} is not locked yet. Run: {COMMAND}"
    now, then = locked_parts(path, target), lock[key]
    changed = [part for part in ("data", "definition") if now[part] != then[part]]
    prompts = now["prompts"].keys() | then["prompts"].keys()
    changed += [
        f"prompt of {name}" for name in sorted(prompts) if now["prompts"].get(name) != then["prompts"].get(name)
    ]
    if not changed:
        return ""
    return (
        f"{key}: its {' and '.join(changed)} changed, its version did not. "
        f"Raise version in {path.parent.name}/{path.name} and run: {COMMAND} "
        f"(where nobody has results of this version, delete its entry in {LOCK.name} instead)"
    )


def registered() -> dict[str, tuple[Path, str]]:
    """Return definition and target of every registered task, by name@version."""
    found = {}
    for name in names("tasks"):
        path = definition_path(name)
        found[f"{name}@{read_definition(path).version}"] = (path, name.rsplit("_", 1)[1])
    return found


def main() -> int:
    """Add what is not locked yet, and name what changed under its version."""
    lock = read_lock()
    lock |= {key: locked_parts(*where) for key, where in registered().items() if key not in lock}
    LOCK.write_text(json.dumps(lock, indent=1, sort_keys=True, ensure_ascii=False) + "\n", encoding="utf-8")
    wrong = [said for key, where in registered().items() if (said := difference(key, *where, lock))]
    print(*wrong, sep="\n", end="\n" if wrong else "")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
