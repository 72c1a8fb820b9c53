"""The cost limit: what calls in flight may cost is set aside before they are sent."""

import asyncio
import math
from collections import deque

from harness.errors import CostLimit, UserError
from harness.llm import prices
from harness.llm.types import Request


class Purse:
    """Money that may be spent.

    Args:
        limit: US dollars, None for no limit.

    Attributes:
        spent: US dollars paid, and those that calls without an answer may have cost.
    """

    def __init__(self, limit: float | None) -> None:
        self.limit = limit
        self.spent = 0.0
        self._held: list[float] = []
        self._waiting: deque[tuple[asyncio.Future[None], float]] = deque()

    async def reserve(self, request: Request) -> float:
        """Set aside what a call may cost at most, and return it; 0 without a limit.

        Where only the bounds of calls in flight stand in the way, it waits for what they
        really cost, so that the limit does not depend on how many calls run at a time.

        Raises:
            CostLimit: the call could pass the limit.
            UserError: its price is unknown.
        """
        if self.limit is None:
            return 0.0
        bound = most_cost(request)
        if bound is None:
            raise no_price(request.model)
        served: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((served, bound))
        self._serve()
        try:
            await served
        except asyncio.CancelledError:
            if served.done() and not served.cancelled():
                self.settle(bound, 0.0)
            raise
        return bound

    def settle(self, reserved: float, paid: float) -> None:
        """Replace what was set aside for a call with what it cost.

        Args:
            reserved: what ``reserve`` returned.
            paid: US dollars, 0 for a call that was not carried out.
        """
        if self.limit is None:
            return
        self._held.remove(reserved)
        self.spent += paid
        self._serve()

    def _serve(self) -> None:
        """Serve those who wait, in order, as far as the money goes."""
        assert self.limit is not None  # nobody waits without a limit
        while self._waiting:
            served, bound = self._waiting[0]
            if not served.done():
                if self.spent + sum(self._held) + bound <= self.limit:
                    self._held.append(bound)
                    served.set_result(None)
                elif self._held and self.spent + bound <= self.limit:
                    return
                else:
                    text = f"The next call may cost ${bound:.4f}, and of ${self.limit:g} ${self.spent:.4f} is spent."
                    served.set_exception(CostLimit(text))
            self._waiting.popleft()


def most_cost(request: Request) -> float | None:
    """Return what a request may cost at most, None if its price is unknown.

    A token is taken to be two bytes, which is generous for every script, and the whole
    ``max_tokens`` to be written.

    Examples:
        >>> most_cost(Request("gpt-4o")) == 1024 * 1e-05 + 16 * 2.5e-06
        True
    """
    prices_of = prices.rate(request.model, request.api_base)
    if prices_of is None:
        return None
    texts = [message.content for message in request.messages] or [request.prompt]
    if request.schema:
        texts.append(request.schema)
    tokens = sum(16 + math.ceil(len(text.encode()) / 2) for text in texts)
    return tokens * prices_of[0] + request.decode.max_tokens * prices_of[2]


def no_price(model: str) -> UserError:
    """Return the refusal to run a model without a price under a cost limit."""
    return UserError(f"No price is known for model {model!r}.", "Run without --max-cost, or with another model.")
