"""The lm-eval YAML files of the task folders, written from the definitions.

``python -m harness.bridge.yaml_files`` writes one for every registered task; a test says
when to. With definitions as arguments it writes theirs instead, with all that a folder
outside this package needs beside them.
"""

import hashlib
import json
import sys
from pathlib import Path

from harness import registry
from harness.definition import Card, Definition, read_definition, read_toml
from harness.errors import EXIT_OK, EXIT_USER, UserError
from harness.jsonl import write_atomic
from harness.languages import language
from harness.task import definition_path

BRIDGE = Path(__file__).parent
LOADER = '''"""Loads the tasks of this folder for lm-eval."""

from pathlib import Path
from typing import Any

from harness.bridge import tasks


def load(definition: str, target: str, **metadata: Any) -> dict[str, Any]:
    """Return the documents of one target language."""
    return tasks.load(f"{Path(__file__).with_name(definition)}:{target}", target=target, **metadata)
'''


def data_hash(path: Path, definition: Definition, target: str) -> str | None:
    """Return the data hash that a task has wherever it is loaded, from its pins or its own folder.

    Args:
        path: where the definition stands.
        definition: it.
        target: target language.

    Returns:
        ``Task.data_hash``; None where the data is the user's own.
    """
    file = path.parent / definition.data.file.replace("{target}", target)
    own = hashlib.sha256(file.read_bytes()).hexdigest() if file.is_file() else ""
    digests = [definition.data.sha256 or own, *definition.targets[target].also.values()]
    if not all(digests):
        return None
    return digests[0] if len(digests) == 1 else hashlib.sha256(" ".join(digests).encode()).hexdigest()


def prompt_of(definition: Definition) -> str:
    """Return the strategy whose prompt is shown unless another is asked for."""
    if definition.kind == "instructions":
        return "respond"
    return "unconstrained" if definition.track == "none" else "prompted"


def base_of(definition: Definition) -> str:
    """Return the file that a task's YAML includes, by how long an answer may be."""
    if definition.kind == "instructions":
        return "lm_eval_instructions.yaml"
    sentences = definition.track == "isometric" or (definition.track == "none" and definition.window == 1)
    return "lm_eval_sentences.yaml" if sentences else "lm_eval_task.yaml"


def yaml_text(path: Path, target: str, task: str = "") -> str:
    r"""Return the YAML file of a task.

    Args:
        path: the task's definition.
        target: target language.
        task: registered name; none where the task stands outside this package, then what it
            includes stands beside it and ``lm_eval_data`` (``LOADER``) loads it.

    Returns:
        The file's content.

    Raises:
        UserError: bad definition or card.

    Examples:
        >>> path = definition_path("sandglass_mini_zh_de")
        >>> print(*yaml_text(path, "de", "sandglass_mini_zh_de").splitlines()[:4], sep="\n")
        # Sand-Glass mini (synthetic), into German.
        include: ../../harness/bridge/lm_eval_task.yaml
        task: sandglass_mini_zh_de
        tag: sandglass_mini_zh
    """
    definition, title = read_definition(path), read_toml(path.with_name("card.toml"), Card).title
    facts = {
        "version": json.dumps(definition.version),
        "task" if task else "definition": task or path.name,
        "protocol": "paper",
        "prompt": prompt_of(definition),
        "source": json.dumps(definition.source_language.replace("{target}", target)),  # a bare no is no Norwegian
        "target": json.dumps(target),
        "track": definition.track,
        "bounds": json.dumps(definition.targets[target].bounds),
        "data_sha256": data_hash(path, definition, target) or "",
        "chunks": f"none here, lines go one by one; sandglass run asks for {definition.window} at once",
    }
    if definition.window == 1:
        del facts["chunks"]
    lines = [
        f"# {' '.join(title.split())}, into {language(target)}.",
        f"include: {'../../harness/bridge/' if task else ''}{base_of(definition)}",
        f"task: {definition.name}_{target}",
        f"tag: {definition.name}",
        *([] if task else ["custom_dataset: !function lm_eval_data.load"]),
        "metadata:",
        *(f"  {name}: {value}" for name, value in facts.items() if value),
    ]
    return "\n".join([*lines, ""])


def registered_text(name: str) -> str:
    """Return the YAML file of a registered task."""
    return yaml_text(definition_path(name), name.rsplit("_", 1)[1], name)


def yaml_path(name: str) -> Path:
    """Return where the YAML file of a registered task stands."""
    return definition_path(name).with_name(f"{name}.yaml")


def write_beside(path: Path) -> None:
    """Write the YAML files of a definition outside this package, what they include and what loads it."""
    definition = read_definition(path)
    for base in sorted({base_of(definition), "lm_eval_task.yaml"}):
        write_atomic(path.with_name(base), (BRIDGE / base).read_bytes())
    write_atomic(path.with_name("lm_eval_data.py"), LOADER.encode())
    for target in definition.targets:
        write_atomic(path.with_name(f"{definition.name}_{target}.yaml"), yaml_text(path, target).encode())


def main(definitions: list[str]) -> int:
    """Write the YAML files of some definitions, or of every registered task."""
    try:
        for path in definitions:
            write_beside(Path(path))
        for name in () if definitions else registry.TABLE["tasks"]:
            write_atomic(yaml_path(name), registered_text(name).encode())
    except UserError as error:
        print(f"sandglass: {error}", file=sys.stderr)
        return EXIT_USER
    return EXIT_OK


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
