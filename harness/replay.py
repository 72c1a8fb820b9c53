"""Reading stored judgements again: the judge's raw answers, through the same judge, without asking anybody."""

import asyncio
from collections import deque
from collections.abc import Iterator, Mapping, Sequence

from harness.errors import RunError
from harness.judges import ChunkJudge, Judge
from harness.llm.types import ModelKind, Request, Response, Role
from harness.records import Measurement, Segment, Translation, Usage
from harness.task import windows

Key = tuple[str, int]


class Replay:
    """A door that gives stored answers in the order they were stored.

    It never waits, so that the members of a panel ask one after the other, in the order
    in which their answers were stored.
    """

    def __init__(self, answers: Sequence[str]) -> None:
        self._answers = deque(answers)

    def kind(self, model: str) -> ModelKind:
        """Return the model's kind; judges are chat models."""
        return "chat"

    async def complete(self, request: Request, *, role: Role, stage: str) -> Response:
        """Give the next stored answer.

        Raises:
            RunError: there is none left.
        """
        if not self._answers:
            raise RunError("the stored answers end here")
        return Response(self._answers.popleft(), "stop", Usage())


def reread(
    judge: Judge | ChunkJudge,
    segments: Sequence[Segment],
    translations: Mapping[Key, Translation],
    measurements: Mapping[Key, Mapping[str, Measurement]],
) -> Iterator[str]:
    """Read every stored judgement of a judge again and name what differs.

    Args:
        judge: the judge, built as it was.
        segments: the sources, in order.
        translations: what was judged.
        measurements: what is stored.

    Yields:
        One sentence a difference. An answer that was cut off is not read again: its end is not stored.
    """
    items = {item.id: item for item in windows(segments, judge.lines if isinstance(judge, ChunkJudge) else 1)}
    for (id_, seed), made in sorted(measurements.items()):
        stored = made.get(judge.name)
        if stored is None or stored.state == "failed" or "cut off" in stored.detail:
            continue
        try:
            door, lines = Replay(stored.answers), items[id_].segments
            said = [translations[segment.id, seed] for segment in lines]
            if isinstance(judge, ChunkJudge):
                found = asyncio.run(judge.judge_item(items[id_], said, door))
            else:
                found = asyncio.run(judge.judge(lines[0], said[0].text, door))
            value, state = found.value, found.state
        except RunError as error:
            yield f"measurements.jsonl, {id_} seed {seed}: {judge.name} cannot be read again, {error}"
            continue
        if (value, state) != (stored.value, stored.state):
            yield f"measurements.jsonl, {id_} seed {seed}: {judge.name} is {value}, stored {stored.value}"
