"""``--dry-run``: the real strategies against a door that answers nothing, to count and price their calls."""

import asyncio
import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from harness import numbered
from harness.errors import RunError
from harness.llm.cache import ResponseCache
from harness.llm.door import Door
from harness.llm.prices import cost
from harness.llm.types import ModelKind, Request, Response, Role
from harness.records import Usage
from harness.run.plan import Plan
from harness.run.walk import walk

FILLER = "la la la"
"""A canned translation that no check calls empty or of another language."""

BYTES_A_TOKEN = 3
ANSWER_TOKENS = 30


@dataclass
class DryDoor:
    """A door that counts requests and answers each with a canned translation."""

    door: Door
    cache: ResponseCache
    asked: dict[tuple[str, str], Usage] = field(default_factory=lambda: defaultdict(Usage))
    known: int = 0

    def kind(self, model: str) -> ModelKind:
        """Return the model's kind."""
        return self.door.kind(model)

    async def complete(self, request: Request, *, role: Role, stage: str) -> Response:
        """Count a request; what the cache holds is answered from it."""
        stored = self.cache.get(request.key())
        if stored is not None:
            self.known += 1
            return stored
        text = "".join(message.content for message in request.messages) + request.prompt
        usage = Usage(1, len(text.encode()) // BYTES_A_TOKEN, 0, ANSWER_TOKENS, 0)
        usage = replace(usage, cost=cost(request.model, usage, request.api_base))
        self.asked[role, request.model] += usage
        if role == "judge":
            raise RunError("nothing was asked")
        return Response(_canned(request), "stop", usage)


def _canned(request: Request) -> str:
    if not request.messages:
        return FILLER
    if count := numbered.asked(request.messages[-1].content):
        return "\n".join(f"{number}. {FILLER}" for number in range(1, count + 1))
    try:
        lines = json.loads(request.messages[-1].content).get("lines")
    except (ValueError, AttributeError):  # an instruction to be followed, in plain words
        return FILLER
    if lines is None:
        return json.dumps({"translation": FILLER})
    return json.dumps({"translations": [{"id": line["id"], "text": FILLER} for line in lines]})


def report(plans: Sequence[Plan], door: Door, cache: ResponseCache, concurrency: int) -> str:
    """Say what runs would ask, spend and how much of it is cached already.

    Args:
        plans: what would run.
        door: the door, for the kinds of models.
        cache: responses that would not be asked for again.
        concurrency: calls at once, for the estimate of the time.

    Returns:
        A few lines for the terminal. Token counts are estimates: 3 bytes a token in,
        30 tokens an answer; hidden thinking comes on top.
    """
    dry = DryDoor(door, cache)

    async def ask_all() -> None:
        for item in walk(plans)(dry):
            await item

    asyncio.run(ask_all())
    lines = [
        f"{plan.task.name} {plan.strategy}: {len(plan.task.segments)} segments x {len(plan.seeds)} seeds"
        for plan in plans
    ]
    lines.append(f"already cached: {dry.known} calls")
    for (role, model), used in sorted(dry.asked.items()):
        price = "price unknown" if used.cost is None else f"about ${used.cost:.4f}"
        lines.append(f"{role} {model}: {used.calls} calls, about {used.input} tokens in and {used.output} out, {price}")
    rounds = sum(used.calls for used in dry.asked.values()) / concurrency
    lines.append(f"time: about {rounds:.0f} times the seconds of one call, with {concurrency} at once")
    return "\n".join([*lines, "Nothing was asked. Hidden thinking of reasoning models is not in the estimate."])
