"""How parts of the reward ask models: through the harness's door, cached, several at a time.

What cannot be answered is missing, and never 0.
"""

import asyncio
import logging
from collections.abc import Awaitable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from harness.errors import RunError
from harness.llm.backend import Backend
from harness.llm.cache import ResponseCache, default_cache_dir
from harness.llm.door import Door
from harness.records import Segment
from trainers.homura.parts import Batch, Scores

LOG = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Asking:
    """What every part that asks models can be told.

    Attributes:
        source: code of the source language, where the column ``source_language`` is missing.
        target: code of the target language, likewise.
        concurrency: calls at a time, at most.
        max_cost: US dollars this part may spend; None for no limit.
        cache: folder of the responses; empty for the user's own, which the harness shares.
    """

    source: str = ""
    target: str = ""
    concurrency: int = 64
    max_cost: float | None = None
    cache: str = ""

    def __post_init__(self) -> None:
        """Refuse what cannot be asked with.

        Raises:
            ValueError: a value is out of range.
        """
        if self.concurrency < 1:
            raise ValueError(f"concurrency is {self.concurrency} and must be 1 or more")
        if self.max_cost is not None and not self.max_cost > 0:
            raise ValueError(f"max_cost is {self.max_cost:g} and must be above 0")

    def door(self, backends: Mapping[str, Backend] | None = None) -> Door:
        """Open a door with these settings."""
        cache = ResponseCache(Path(self.cache).expanduser() if self.cache else default_cache_dir())
        return Door(cache, concurrency=self.concurrency, max_cost=self.max_cost, backends=backends)


@dataclass(frozen=True, slots=True)
class Line:
    """One translation of a batch: its source line with context, and the two languages."""

    segment: Segment
    hypothesis: str
    source: str
    target: str


def lines(batch: Batch, source: str = "", target: str = "") -> Iterator[Line]:
    """Yield the translations of a batch one by one.

    Args:
        batch: what is to be scored.
        source: source language where the batch names none.
        target: target language, likewise.

    Raises:
        ValueError: a language is named nowhere.

    Examples:
        >>> batch = Batch(["你好"], ["Hi"], {"before": [["再见"]], "source_language": ["zh"]})
        >>> [(line.segment.before, line.source, line.target) for line in lines(batch, target="en")]
        [(('再见',), 'zh', 'en')]
    """
    columns = batch.columns
    for i, (text, hypothesis) in enumerate(zip(batch.sources, batch.hypotheses, strict=True)):
        before, after = (tuple(columns[side][i]) if side in columns else () for side in ("before", "after"))
        pair = [
            str(columns[name][i]) if name in columns else given
            for name, given in (("source_language", source), ("target_language", target))
        ]
        if not all(pair):
            raise ValueError("the languages are named neither in the data nor as source and target")
        yield Line(Segment("", text, "", before=before, after=after), hypothesis, *pair)


async def gathered(part: str, calls: Iterable[Awaitable[float]]) -> Scores:
    """Await all calls of a batch at once.

    Args:
        part: its name, for the log.
        calls: one a translation; RunError says that there is no value, and why.

    Returns:
        One value a call, None where it failed. Any other error is raised once all calls have ended.

    Examples:
        >>> async def call(value):
        ...     if value is None:
        ...         raise RunError("no answer")
        ...     return value
        >>> asyncio.run(gathered("genrm", [call(1.0), call(0.0)]))
        [1.0, 0.0]
    """
    found = await asyncio.gather(*calls, return_exceptions=True)
    scores: Scores = []
    missing = []
    for value in found:
        if isinstance(value, RunError):
            missing.append(str(value))
            scores.append(None)
        elif isinstance(value, BaseException):
            raise value
        else:
            scores.append(value)
    if missing:
        LOG.warning("%s: %d of %d values are missing, such as: %s", part, len(missing), len(found), missing[0])
    return scores
