"""What became of cues and lines on the way into a benchmark: counts and examples by step and reason."""

from dataclasses import dataclass, field

from harness.corpus.draw import Tally
from harness.corpus.funnel import Step

STEPS = {
    "read": "cues",
    "cleaned": "cues",
    "aligned": "source lines",
    "checked": "lines",
    "merged": "lines",
    "chunked": "segments",
}
"""The steps in order, and what each counts."""


@dataclass
class _Count:
    removed: Tally
    before: int = 0
    after: int = 0


@dataclass
class Funnel:
    """The counts of a build.

    Examples:
        >>> funnel = Funnel(seed=1)
        >>> funnel.passed("aligned", 10, 9)
        >>> funnel.removed("aligned", "no partner", "Hm?")
        >>> step = funnel.steps()[2]
        >>> step.before, step.after, step.removed["no partner"]["count"]
        (10, 9, 1)
    """

    seed: int
    _counts: dict[str, _Count] = field(init=False)

    def __post_init__(self) -> None:
        self._counts = {name: _Count(Tally(self.seed)) for name in STEPS}

    def passed(self, step: str, before: int, after: int) -> None:
        """Add what came into a step and what was left."""
        self._counts[step].before += before
        self._counts[step].after += after

    def removed(self, step: str, reason: str, example: str, times: int = 1) -> None:
        """Count what a step removed for a reason."""
        self._counts[step].removed.count(reason, example, times)

    def steps(self) -> list[Step]:
        """Return the steps with their reasons and examples."""
        return [
            Step(name, STEPS[name], count.before, count.after, count.removed.report())
            for name, count in self._counts.items()
        ]
