"""Names of runs: their folders, their columns, the stages they lack."""

import re
from pathlib import Path

from harness.errors import UserError
from harness.protocol import short_hash


def missing_stages(back_translated: bool, with_events: bool) -> frozenset[str]:
    """Return the stages that a run lacks, as metrics name what they need.

    Examples:
        >>> sorted(missing_stages(True, False)), sorted(missing_stages(False, False))
        (['events'], ['back_translation', 'events'])
    """
    made = {"back_translation": back_translated, "events": with_events}
    return frozenset(stage for stage, there in made.items() if not there)


def column(estimator: str) -> str:
    """Return the column's name of a quality estimator, named or given as a path.

    Examples:
        >>> column("cometkiwi@1ad7851"), column("checkpoints/my-kiwi")
        ('cometkiwi', 'my-kiwi')
    """
    return Path(estimator.partition("@")[0]).name


def system_id(model: str, strategy: str, line: str) -> str:
    """Return the readable name of a system, with a hash of its line.

    Examples:
        >>> system_id("openai/gpt-x", "best_of_n:n=4", "model=…")
        'openai-gpt-x-best-of-n-d7a47961'
    """
    readable = re.sub(r"[^A-Za-z0-9.-]+", "-", f"{model}-{strategy.partition(':')[0]}").strip("-.").lower()[:80]
    return f"{readable}-{short_hash(line)}"


def run_id(protocol: str, protocol_line: str, system_line: str) -> str:
    """Return the hash of everything that determines a run, behind its protocol's name."""
    return f"{protocol}-{short_hash(f'{protocol_line} {system_line}')}"


def parse_seeds(text: str) -> tuple[int, ...]:
    """Read ``--seeds``.

    Raises:
        UserError: not whole numbers from 0, or one twice.

    Examples:
        >>> parse_seeds("1,2,3")
        (1, 2, 3)
    """
    parts = text.split(",")
    if not all(part.strip().isdecimal() for part in parts) or len(set(map(int, parts))) < len(parts):
        raise UserError(f"--seeds {text!r} is not a list of different whole numbers.", "Write for example 1,2,3.")
    return tuple(int(part) for part in parts)
