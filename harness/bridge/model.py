"""Our strategies as lm-eval's model ``sandglass``.

A request of one of our tasks runs the strategy on its segment, any other
``generate_until`` request goes to the model as it is; both through our door, so that
they are cached, priced and never paid for twice. Usage reaches lm-eval's results file
under ``config.sandglass`` and, for our tasks, every sample.
"""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

from harness import __version__
from harness.bridge.requests import Options, chat_text, cut, foreign_request, read_options, stops
from harness.bridge.tasks import Answer, plan_for, plan_of
from harness.errors import CostLimit, RunError, UserError
from harness.llm.cache import ResponseCache, default_cache_dir
from harness.llm.door import Door
from harness.records import Item, Usage, dump
from harness.run.plan import Plan
from harness.run.ready import prepare


class Incomplete(Exception):
    """Requests failed for reasons not the model's: lm-eval's results would silently leave them out."""


@dataclass
class Runner:
    """Answers lm-eval's requests and keeps the books.

    Attributes:
        options: model, strategy and decoding.
        paid: usage of the calls really made.
        listed: usage of all answers at list price, also those from the cache.
        states: states of our tasks' outputs, by task.
        lines: protocol and system lines, by task.
    """

    options: Options
    paid: Usage = field(default_factory=Usage)
    listed: Usage = field(default_factory=Usage)
    states: dict[str, Counter[str]] = field(default_factory=dict)
    lines: dict[str, dict[str, str]] = field(default_factory=dict)
    _plans: dict[tuple[str, str, int], Plan] = field(default_factory=dict)

    def check(self) -> None:
        """Check model and key before lm-eval builds its requests.

        Raises:
            UserError: something is missing.
        """
        self._door(None).check([(self.options.model, self.options.api_base)])

    def answer(self, requests: Sequence[Any]) -> list[str]:
        """Answer ``generate_until`` requests, in order.

        Args:
            requests: lm-eval's instances.

        Returns:
            One text a request; an ``Answer`` for our tasks.

        Raises:
            Incomplete: some failed; what was answered is cached.
        """
        repeats = _repeats(requests)
        plans = [self._plan(request.doc, repeat) for request, repeat in zip(requests, repeats, strict=True)]
        return asyncio.run(self._answer_all(requests, repeats, plans))

    async def _answer_all(
        self, requests: Sequence[Any], repeats: Sequence[int], plans: Sequence[Plan | None]
    ) -> list[str]:
        tqdm = import_module("tqdm").tqdm

        cache = Path(self.options.cache) if self.options.cache else default_cache_dir()
        door, slots = self._door(ResponseCache(cache)), asyncio.Semaphore(self.options.concurrency)
        bar = tqdm(total=len(requests), desc="sandglass")

        async def one(request: Any, repeat: int, plan: Plan | None) -> str | Exception:
            async with slots:
                try:
                    made = self._ask(request, repeat, door) if plan is None else self._translate(plan, request, door)
                    return await made
                except (RunError, CostLimit) as error:
                    return error
                finally:
                    bar.update()

        try:
            answers = await asyncio.gather(*map(one, requests, repeats, plans))
        finally:
            bar.close()
            await door.close()
            self.paid += sum(door.spent.values(), Usage())
            self.listed += sum(door.listed.values(), Usage())
        errors = [answer for answer in answers if isinstance(answer, Exception)]
        if errors:
            raise Incomplete(
                f"{len(errors)} of {len(requests)} requests failed, the first because: {errors[0]} "
                "What was answered is cached: the same command goes on from here."
            )
        return [answer for answer in answers if isinstance(answer, str)]

    async def _translate(self, plan: Plan, request: Any, door: Door) -> str:
        seed = plan.seeds[0]
        segment = plan.task.by_id[request.doc["id"]]
        translation = (await plan.strategies[seed].translate(Item(segment.id, (segment,)), door))[0]
        self.states.setdefault(request.doc["task"], Counter())[translation.state] += 1
        answer = Answer(translation.text)
        answer.translation = translation
        return answer

    async def _ask(self, request: Any, repeat: int, door: Door) -> str:
        context, arguments = request.args[:2]
        asked = foreign_request(self.options, door.kind(self.options.model), context, arguments, repeat)
        response = await door.complete(asked, role="system", stage="lm-eval")
        return cut(response.text, stops(arguments))

    def _plan(self, doc: Any, repeat: int) -> Plan | None:
        """Return the plan of a document of ours, None for any other."""
        if not (isinstance(doc, dict) and "protocol_line" in doc):
            return None
        seed = self.options.seed + repeat
        key = (doc["task"], doc["protocol"], seed)
        if key not in self._plans:
            options = self.options
            plan = plan_for(
                plan_of(*key[:2]), options.model, options.strategy, options.decode(), seed, options.api_base
            )
            prepare(plan)
            self._plans[key] = plan
            self.lines.setdefault(doc["task"], {"protocol": doc["protocol_line"], "system": plan.system_line})
        return self._plans[key]

    def _door(self, cache: ResponseCache | None) -> Door:
        options = self.options
        return Door(cache, concurrency=options.concurrency, max_cost=options.max_cost, threads=options.threads)

    def info(self) -> dict[str, Any]:
        """Return what goes into lm-eval's results file."""
        return {
            "sandglass": {
                "version": __version__,
                "model": self.options.model,
                "strategy": self.options.strategy,
                "tasks": self.lines,
                "states": {task: dict(states) for task, states in self.states.items()},
                "usage": dump(self.listed),
                "paid": dump(self.paid),
            }
        }


def _repeats(requests: Sequence[Any]) -> list[int]:
    """Number the requests that lm-eval repeats: it passes one instance several times."""
    seen: Counter[int] = Counter()
    numbers = []
    for request in requests:
        numbers.append(seen[id(request)])
        seen[id(request)] += 1
    return numbers


def register() -> None:
    """Make the model ``sandglass`` known to lm-eval in this process."""
    import_module("lm_eval.models")  # first, or its own models are never registered
    from lm_eval.api.model import LM
    from lm_eval.api.registry import register_model

    @register_model("sandglass")
    class SandglassLM(LM):  # type: ignore[misc]
        """lm-eval's view of a runner."""

        tokenizer_name = "sandglass"

        def __init__(self, **arguments: Any) -> None:
            super().__init__()
            self.runner = Runner(read_options(arguments))
            self.runner.check()

        def generate_until(self, requests: list[Any]) -> list[str]:
            return self.runner.answer(requests)

        def loglikelihood(self, requests: list[Any]) -> list[tuple[float, bool]]:
            raise UserError("The model sandglass only generates text.", "Choose generate_until tasks.")

        def loglikelihood_rolling(self, requests: list[Any]) -> list[float]:
            raise UserError("The model sandglass only generates text.", "Choose generate_until tasks.")

        def apply_chat_template(self, chat_history: list[dict[str, str]], add_generation_prompt: bool = True) -> str:
            return chat_text(chat_history)

        def get_model_info(self) -> dict[str, Any]:
            return self.runner.info()
