"""The door: every model call of a run passes here once, and is never paid for twice."""

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Literal

from harness.llm import prices
from harness.llm.backend import Backend, Refused, Retryable
from harness.llm.cache import ResponseCache
from harness.llm.credentials import check_model, is_own_server
from harness.llm.failures import CallEvent
from harness.llm.limiter import Limiter
from harness.llm.purse import Purse, no_price
from harness.llm.retry import Retries
from harness.llm.schemas import Schemas
from harness.llm.types import ModelKind, Request, Response, Role
from harness.records import Usage

Spender = tuple[Role, str]
"""Who spends: role and stage."""


class Door:
    """The way to every model; implements ``harness.llm.types.LLM``.

    Identical requests in flight are one call. A response is in the cache before it is
    returned; a failure never is. A call whose caller goes away is finished and cached.

    Args:
        cache: where responses are kept; None keeps none.
        concurrency: remote calls at a time, at most; fewer where servers are overloaded.
        max_cost: US dollars that this door may spend.
        retries: further attempts at a call that failed in a way that may pass.
        first_wait_s: seconds before the first of them, doubled each time; a server's Retry-After wins.
        timeout_s: seconds to wait for an answer, from sending.
        threads: CPU threads of the embedded model.
        direct: reach OpenAI-compatible servers of one's own without LiteLLM, which costs more time a call.
        on_event: told of every call's progress.
        backends: ways of one's own, by the provider's prefix of a model's name.

    Attributes:
        limiter: how many remote calls run at a time; its maximum may be changed.
        schemas: answers whose schema was ``sent`` or ``refused``, also those from the cache.
    """

    def __init__(
        self,
        cache: ResponseCache | None,
        *,
        concurrency: int = 8,
        max_cost: float | None = None,
        retries: int = 4,
        first_wait_s: float = 0.5,
        timeout_s: float = 120,
        threads: int | None = None,
        direct: bool = True,
        on_event: Callable[[CallEvent], None] | None = None,
        backends: Mapping[str, Backend] | None = None,
    ) -> None:
        self._cache = cache
        self.limiter = Limiter(concurrency)
        self._one = Limiter(1)  # the embedded model does one thing at a time
        self._purse = Purse(max_cost)
        self._retries = Retries(retries, first_wait_s=first_wait_s)
        self._timeout_s = timeout_s
        self._threads = threads
        self._direct = direct
        self._on_event = on_event
        self._backends: dict[str, Backend] = dict(backends or {})
        self._schemas = Schemas()
        self.schemas: Counter[str] = Counter()
        self._flying: dict[str, asyncio.Task[Response]] = {}
        self._spent: dict[Spender, Usage] = {}
        self._listed: dict[Spender, Usage] = {}

    @property
    def spent(self) -> dict[Spender, Usage]:
        """What was paid for through this door: calls that were really made."""
        return dict(self._spent)

    @property
    def listed(self) -> dict[Spender, Usage]:
        """What all answers cost at list price, also those from the cache."""
        return dict(self._listed)

    def kind(self, model: str) -> ModelKind:
        """Return whether a model takes chats or text to continue."""
        return "completion" if model.startswith("local/") else "chat"

    def check(self, models: Sequence[tuple[str, str | None]]) -> None:
        """Check models before anything is spent.

        Args:
            models: model names, each with its server or None.

        Raises:
            UserError: a provider, key, package or - with a cost limit - price is missing.
        """
        for model, api_base in models:
            check_model(model, api_base)
            if self._purse.limit is not None and prices.rate(model, api_base) is None:
                raise no_price(model)

    async def complete(self, request: Request, *, role: Role, stage: str) -> Response:
        """Answer a request from the cache or the model; see ``LLM.complete``."""
        key = request.key()
        response = self._look_up(key, request)
        if response is not None:
            self._tell("cached", request, role, stage)
        elif (task := self._flying.get(key)) is not None:
            response = replace(await asyncio.shield(task), cached=True)
        else:
            task = asyncio.create_task(self._call_and_store(key, request, role, stage))
            self._flying[key] = task
            task.add_done_callback(lambda done: self._landed(key, done))
            response = await asyncio.shield(task)
        _add(self._listed, (role, stage), response.usage)
        if response.schema:
            self.schemas[response.schema] += 1
        return response

    async def close(self) -> None:
        """Abandon the calls in flight and let go of connections and threads; not the cache."""
        tasks = list(self._flying.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for backend in self._backends.values():
            await backend.close()

    def _look_up(self, key: str, request: Request) -> Response | None:
        found = None if self._cache is None else self._cache.get(key)
        return None if found is None else _priced(found, request)

    def _landed(self, key: str, task: asyncio.Task[Response]) -> None:
        del self._flying[key]
        if not task.cancelled():
            task.exception()  # mark as seen: the caller may be gone

    async def _call_and_store(self, key: str, request: Request, role: Role, stage: str) -> Response:
        try:
            response = await self._call(key, request, role, stage)
        except Exception as error:
            kind = getattr(error, "kind", type(error).__name__)
            self._tell("failed", request, role, stage, str(error), kind)
            raise
        if self._cache is not None:
            self._cache.put(key, response)
        self._tell("answered", request, role, stage)
        return response

    async def _call(self, key: str, request: Request, role: Role, stage: str) -> Response:
        """Call until there is an answer, or a failure for good; waits hold neither slot nor money."""
        limiter = self.limiter if self.kind(request.model) == "chat" else self._one
        failures: list[Retryable] = []
        while True:
            entered = await limiter.enter(again=bool(failures))
            try:
                response = await self._pay(request, role, stage)
            except Retryable as error:
                failures.append(error)
                wait = self._retries.wait(key, failures)
                if error.overload:
                    limiter.overloaded(entered, wait or 0.0)
                else:
                    limiter.ended()
                if wait is None:
                    raise Refused(f"{error} Gave up after {len(failures)} attempts.", error.kind) from None
                self._tell("retry", request, role, stage, str(error), error.kind)
                await asyncio.sleep(wait)
            except BaseException:
                limiter.ended()
                raise
            else:
                limiter.answered(entered)
                self._retries.answered()
                return response

    async def _pay(self, request: Request, role: Role, stage: str) -> Response:
        """Send a request once, and count what it cost; without an answer, what it may have cost."""
        reserved = await self._purse.reserve(request)
        paid = 0.0
        try:
            self._tell("sent", request, role, stage)
            answer = await self._schemas.call(self._backend(request), request, self._timeout_s)
            response = _priced(answer, request)
            paid = reserved if response.usage.cost is None else response.usage.cost
        except Retryable as error:
            paid = reserved if error.maybe_billed else 0.0
            raise
        finally:
            self._purse.settle(reserved, paid)
        _add(self._spent, (role, stage), response.usage)
        return response

    def _backend(self, request: Request) -> Backend:
        """Return the way to a request's model; what a way needs is imported only where it is gone."""
        provider = request.model.partition("/")[0]
        if provider in self._backends:
            return self._backends[provider]
        if self.kind(request.model) == "completion":
            way = "local"
        else:
            way = "direct" if self._direct and is_own_server(request.model, request.api_base) else "litellm"
        if way not in self._backends:
            if way == "local":
                from harness.llm.local import LocalModel

                self._backends[way] = LocalModel(self._threads)
            elif way == "direct":
                from harness.llm.direct import DirectClient

                self._backends[way] = DirectClient()
            else:
                from harness.llm.litellm_client import LiteLLMClient

                self._backends[way] = LiteLLMClient()
        return self._backends[way]

    def _tell(
        self,
        kind: Literal["cached", "sent", "answered", "retry", "failed"],
        request: Request,
        role: Role,
        stage: str,
        detail: str = "",
        failure: str = "",
    ) -> None:
        if self._on_event is not None:
            self._on_event(CallEvent(kind, request.model, role, stage, detail, failure))


def _priced(response: Response, request: Request) -> Response:
    """Price a response anew, so that a run has one price table also where its answers are old."""
    price = prices.cost(request.model, response.usage, request.api_base)
    return replace(response, usage=replace(response.usage, cost=price))


def _add(accounts: dict[Spender, Usage], spender: Spender, usage: Usage) -> None:
    accounts[spender] = accounts.get(spender, Usage()) + usage
