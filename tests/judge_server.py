"""A judge behind the loopback server whose faults are known, to see whether validation finds them.

It answers every form of question of this project from the true quality of a text, 0 to
100. Faults are switched on one by one::

    with Loopback(JudgeServer(truth, noise=15)) as server: ...
"""

import asyncio
import hashlib
import json
import re
from collections.abc import Callable, Collection
from typing import Any

from harness.llm.door import Door
from harness.records import Segment
from tests.loopback import Reply, says

Truth = Callable[[str], float]

LINE = Segment("1", "他没有答应这件事。", "v", before=("前文",), after=("后文",))
"""A line in its context, for tests that need one."""


class JudgeServer:
    """Behaviour for the loopback server.

    Args:
        truth: true quality of a text, 0 to 100.
        noise: half-width of the error of each answer; it differs from seed to seed.
        shift: points added to everything, for drift; may be changed at any time.
        bonus: points added to the texts in ``own``: self-preference.
        own: see ``bonus``.
        always_first: prefer the first place in every comparison.
        broken: share of answers that are no answers.
        echo: repeat the judged text instead of judging it.
        wrap: what to make of the answer before it is sent.

    Attributes:
        asked: payloads of all requests.
    """

    def __init__(
        self,
        truth: Truth,
        *,
        noise: float = 0,
        shift: float = 0,
        bonus: float = 0,
        own: Collection[str] = (),
        always_first: bool = False,
        broken: float = 0,
        echo: Callable[[str], str] | None = None,
        wrap: Callable[[str], str] = str,
    ) -> None:
        self.truth, self.noise, self.shift, self.bonus, self.own = truth, noise, shift, bonus, own
        self.always_first, self.broken, self.echo, self.wrap = always_first, broken, echo, wrap
        self.asked: list[dict[str, Any]] = []

    def __call__(self, request: dict[str, Any]) -> Reply:
        system, user = (message["content"] for message in request["messages"])
        payload = json.loads(user)
        self.asked.append(payload)
        salt = f"{request.get('seed')}"
        if self.echo is not None:
            return says(self.echo(judged(payload)))
        if chance(salt, user) < self.broken:
            return says("I would rather say: quite good.")
        return says(self.wrap(self.answer(system, payload, salt)))

    def quality(self, text: str, salt: str) -> float:
        error = (2 * chance(salt, text) - 1) * self.noise
        value = self.truth(text) + error + self.shift + self.bonus * (text in self.own)
        return min(100.0, max(0.0, value))

    def answer(self, system: str, payload: dict[str, Any], salt: str) -> str:
        if "translations" in payload:
            return self.compare(payload["translations"], salt)
        if "candidates" in payload:
            return json.dumps({k: round(self.quality(text, salt)) for k, text in payload["candidates"].items()})
        lines = payload.get("lines") or [payload]
        values = [self.quality(line["translation"], salt) for line in lines]
        value = sum(values) / len(values)
        if "<<1>>" in system:
            return "<<1>>" if value >= 50 else "<<0>>"
        if '"COT"' in system:
            return json.dumps({"COT": "Translated back and compared.", "score": int(value >= 50)})
        if '"errors"' in system:
            return json.dumps({"errors": errors(lines[0]["translation"], value)})
        if "yes or no" in system:
            return json.dumps({str(n): "yes" if value >= 100 * n / 7 else "no" for n in range(1, 7)})
        top = 5 if "from 0 to 5" in system else 100
        return json.dumps({"Score": round(value * top / 100)})

    def compare(self, pair: dict[str, str], salt: str) -> str:
        if self.always_first:
            return '{"better": "A"}'
        difference = self.quality(pair["A"], salt) - self.quality(pair["B"], salt)
        return json.dumps({"better": "A" if difference > 2 else "B" if difference < -2 else "tie"})


def errors(text: str, value: float) -> list[dict[str, str]]:
    """Mark the first word: not at all, major or critical."""
    if value >= 90 or not text.split():
        return []
    severity = "minor" if value >= 75 else "major" if value >= 30 else "critical"
    return [{"span": text.split()[0], "in": "translation", "category": "mistranslation", "severity": severity}]


def judged(payload: dict[str, Any]) -> str:
    """Return the judged text of a payload, the first of several."""
    several = payload.get("translations") or payload.get("candidates")
    if several:
        return next(iter(several.values()))
    return (payload.get("lines") or [payload])[0]["translation"]


def chance(*parts: str) -> float:
    """Return a number from 0 to 1 that depends on the parts alone."""
    return int.from_bytes(hashlib.sha256("\x1e".join(parts).encode()).digest()[:6], "big") / 2**48


def numbered(text: str) -> float:
    """Read the quality off a text that ends in a number, such as ``a fair line 63``; 50 without one."""
    found = re.search(r"(\d+)\W*$", text)
    return float(found.group(1)) if found else 50.0


def spec(kind, server, model="openai/judge"):
    """Specify a judge behind a server."""
    name, colon, options = kind.partition(":")
    return f"{name}:model={model}:api_base={server.url}{colon}{options}"


def run(work, cache=None):
    """Run work with a door and return its result and the door."""

    async def inside():
        door = Door(cache)
        try:
            return await work(door)
        finally:
            await door.close()
            doors.append(door)

    doors = []
    return asyncio.run(inside()), doors[0]
