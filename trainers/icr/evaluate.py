"""X-AlpacaEval of a trained model: win rates by language and by group of languages.

The answers are made and judged by the harness (``sandglass run x_alpaca_eval_LANGUAGE``, docs/icr.md has the
commands); this puts the languages together::

    python -m trainers.icr.evaluate RUN...
"""

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import fsum
from pathlib import Path

from harness.errors import EXIT_OK, EXIT_USER, UserError
from harness.preferred import win_rates
from harness.run.store import read_result
from harness.stats.intervals import Interval

TASK = "x_alpaca_eval_"
GROUPS: Mapping[str, tuple[str, ...]] = {
    "main": ("en", "es", "ru", "de", "fr"),
    "low-resource": ("en", "bn", "sw", "th"),
}
"""The paper's two groups of languages (Tables 2 and 5)."""


@dataclass(frozen=True)
class Line:
    """One system in one language or group: win rate and length-controlled win rate in percent, with intervals."""

    system: str
    where: str
    win_rate: Interval
    length_controlled: Interval


def mean_interval(parts: Sequence[Interval]) -> Interval:
    """Return the mean of languages' rates.

    The instructions are the same in all languages, so that their errors go together; the ends are the means of the
    ends, which holds whatever the correlation.

    Args:
        parts: one a language.

    Examples:
        >>> two = [Interval(20.0, 18.0, 22.0, 0.95, "t", 805, 805.0), Interval(10.0, 9.0, 11.0, 0.95, "t", 805, 805.0)]
        >>> found = mean_interval(two)
        >>> found.estimate, found.low, found.high
        (15.0, 13.5, 16.5)
    """

    def mean(ends: Sequence[float | None]) -> float | None:
        there = [end for end in ends if end is not None]
        return fsum(there) / len(there) if len(there) == len(ends) else None

    estimate, low, high = (mean([getattr(part, name) for part in parts]) for name in ("estimate", "low", "high"))
    clusters = min(part.clusters for part in parts)
    return Interval(estimate, low, high, parts[0].level, "mean of the languages' ends", clusters, float(clusters))


def lines_of(rates: Mapping[tuple[str, str], tuple[Interval, Interval]]) -> list[Line]:
    """Return each system's lines: its languages, then the groups all of whose languages are there.

    Args:
        rates: win rate and length-controlled win rate by system and language.
    """
    lines = list[Line]()
    for system in sorted({system for system, _ in rates}):
        own = {language: found for (name, language), found in rates.items() if name == system}
        lines += [Line(system, language, *found) for language, found in own.items()]
        for group, languages in GROUPS.items():
            if set(languages) <= set(own):
                means = [mean_interval([own[language][kind] for language in languages]) for kind in (0, 1)]
                lines.append(Line(system, group, *means))
    return lines


def evaluate(folders: Sequence[Path]) -> list[Line]:
    """Read finished runs of X-AlpacaEval, of several languages and systems.

    Raises:
        UserError: a run is none of X-AlpacaEval's, or has no judge of preference, or a system has a language twice.
    """
    by_language = dict[str, dict[str, Path]]()
    for folder in folders:
        task = folder.resolve().parent.parent.name
        if not task.startswith(TASK):
            raise UserError(f"{folder} is no run of X-AlpacaEval.", f"Give run folders below {TASK}LANGUAGE.")
        runs, system = by_language.setdefault(task.removeprefix(TASK), {}), read_result(folder).model
        if system in runs:
            raise UserError(f"{system} has {task.removeprefix(TASK)} twice.", "Give one run of each language.")
        runs[system] = folder
    rates = {
        (found.system, language): (found.win_rate, found.length_controlled)
        for language, runs in by_language.items()
        for found in win_rates(list(runs.values()))
    }
    return lines_of(rates)


def main(argv: Sequence[str] | None = None) -> int:
    """Print win rates of the runs named on the command line."""
    parser = argparse.ArgumentParser(prog="python -m trainers.icr.evaluate", description=main.__doc__)
    parser.add_argument("folders", nargs="+", type=Path, metavar="RUN", help="finished runs of x_alpaca_eval")
    try:
        lines = evaluate(parser.parse_args(argv).folders)
    except UserError as error:
        print(error, file=sys.stderr)
        return EXIT_USER
    for line in lines:
        shown = [_shown(found) for found in (line.win_rate, line.length_controlled)]
        print(f"{line.system}  {line.where:12}  win rate {shown[0]}  length-controlled {shown[1]}")
    return EXIT_OK


def _shown(found: Interval) -> str:
    if found.estimate is None:
        return "-"
    ends = f" [{found.low:.2f}, {found.high:.2f}]" if found.low is not None and found.high is not None else ""
    return f"{found.estimate:.2f}{ends}"


if __name__ == "__main__":
    sys.exit(main())
