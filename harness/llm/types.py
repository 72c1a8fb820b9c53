"""What goes through the door: requests, responses and the interface strategies see."""

import hashlib
import json
from dataclasses import asdict, dataclass, field
from typing import Literal, Protocol

from harness.records import Usage

ModelKind = Literal["chat", "completion"]
Role = Literal["system", "back_translator", "judge"]


@dataclass(frozen=True, slots=True)
class Message:
    """One chat message."""

    role: Literal["system", "user", "assistant"]
    content: str


@dataclass(frozen=True, slots=True)
class Decode:
    """Decoding parameters; None is not sent, so that the provider's own default holds.

    The embedded model decodes greedily where ``temperature`` is None.
    """

    max_tokens: int = 1024
    temperature: float | None = None
    top_p: float | None = None
    stop: tuple[str, ...] = ()
    reasoning_effort: str | None = None

    def line(self) -> str:
        r"""Return the parameters as one signature part, only those that are set.

        Examples:
            >>> Decode(max_tokens=48, stop=("\n",)).line()
            'max_tokens=48,stop=["\\n"]'
        """
        shown = {key: value for key, value in asdict(self).items() if value not in (None, ())}
        return ",".join(f"{key}={json.dumps(value) if key == 'stop' else value}" for key, value in shown.items())


@dataclass(frozen=True, slots=True)
class Request:
    """Everything that determines a response.

    Attributes:
        model: a LiteLLM model name, or ``local/gemma-3-270m``.
        messages: the chat, for chat models.
        prompt: the text to continue, for completion models (``messages`` is then empty).
        decode: decoding parameters.
        seed: sent to the provider where it takes one.
        repeat: number of an otherwise equal request, so that candidates are sampled
            and cached apart.
        api_base: server, where it is not the provider's own.
        top_logprobs: number of alternatives to the answer's first token to be told, 0 for none.
        schema: JSON schema of the answer as text, for servers that can hold a model to it; empty for none.
    """

    model: str
    messages: tuple[Message, ...] = ()
    prompt: str = ""
    decode: Decode = Decode()
    seed: int = 1
    repeat: int = 0
    api_base: str | None = None
    top_logprobs: int = 0
    schema: str = ""

    def key(self) -> str:
        """Return the cache key: SHA-256 of the request's canonical JSON.

        Examples:
            >>> Request("m", prompt="a").key() == Request("m", prompt="a").key()
            True
            >>> Request("m", prompt="a").key() == Request("m", prompt="a", repeat=1).key()
            False
        """
        data = asdict(self)
        for name in ("top_logprobs", "schema"):
            if not data[name]:
                del data[name]  # responses of before this field stay known
        canonical = json.dumps(data, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Response:
    """What a model answered.

    Attributes:
        text: the visible answer, without hidden thinking; may be empty.
        finish: ``length`` if cut off at a limit, ``refusal`` if the provider says that
            it refused or filtered, else ``stop``.
        usage: tokens, list price and latency of this call, also when read from the cache.
        cached: read from the response cache, so nothing was paid now.
        logprobs: alternatives to the first token with their log-probabilities, where asked for and told.
        schema: whether the answer's schema was sent to the server or refused by it; empty where there was none.
    """

    text: str
    finish: Literal["stop", "length", "refusal"]
    usage: Usage
    cached: bool = False
    logprobs: dict[str, float] = field(default_factory=dict)
    schema: Literal["", "sent", "refused"] = ""


class LLM(Protocol):
    """The door as strategies and stages see it."""

    def kind(self, model: str) -> ModelKind:
        """Return whether a model takes chats or text to continue."""
        ...

    async def complete(self, request: Request, *, role: Role, stage: str) -> Response:
        """Answer a request from the cache or the model.

        Args:
            request: what to ask.
            role: who asks, so that each role's spend is counted apart.
            stage: name of the stage, likewise.

        Returns:
            The response; it is in the cache before it is returned.

        Raises:
            RunError: the call failed for good; nothing was cached.
            CostLimit: the call could pass the cost limit.
        """
        ...
