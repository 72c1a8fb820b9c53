"""Chat completions as JSON: what is sent, and how answers and refusals are read.

Shared by all ways to a remote model, so that an answer means the same on each of them.
"""

import hashlib
import json
import os
import re
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any

from harness.llm.backend import Refused, Retryable
from harness.llm.credentials import missing_text, variables
from harness.llm.types import Request, Response
from harness.records import Usage

RETRIED = (408, 409, 425, 429)
OVERLOADED = (408, 429, 503, 529)
THINKING = re.compile(r"\A\s*(?:<think(?:ing)?>|(?![{`<\[])).*?</think(?:ing)?>", re.DOTALL)
"""Thinking in front of an answer, also without its opening tag, which some chat templates write themselves;
never a tag inside an answer that has begun."""

UNFINISHED_THINKING = re.compile(r"\A\s*<think(?:ing)?>.*", re.DOTALL)


def sent_seed(request: Request) -> int:
    """Return the seed to send: the request's own, another one for each further repeat.

    Examples:
        >>> sent_seed(Request("m", seed=3))
        3
        >>> sent_seed(Request("m", seed=3, repeat=1)) == sent_seed(Request("m", seed=4))
        False
    """
    if request.repeat == 0:
        return request.seed
    digest = hashlib.sha256(f"{request.seed}/{request.repeat}".encode()).digest()
    return int.from_bytes(digest[:4], "big") >> 1


def body(request: Request, model: str) -> dict[str, Any]:
    """Return a request as a chat completion's body.

    Args:
        request: what to ask.
        model: the model's name, as the receiver knows it.

    Examples:
        >>> body(Request("openai/m"), "m")
        {'model': 'm', 'messages': [], 'max_tokens': 1024, 'seed': 1}
    """
    decode = request.decode
    optional = {
        "temperature": decode.temperature,
        "top_p": decode.top_p,
        "stop": list(decode.stop) or None,
        "reasoning_effort": decode.reasoning_effort,
        "logprobs": True if request.top_logprobs else None,
        "top_logprobs": request.top_logprobs or None,
        "response_format": _format(request.schema) if request.schema else None,
    }
    return {
        "model": model,
        "messages": [{"role": m.role, "content": m.content} for m in request.messages],
        "max_tokens": decode.max_tokens,
        "seed": sent_seed(request),
    } | {name: value for name, value in optional.items() if value is not None}


def _format(schema: str) -> dict[str, Any]:
    """Return what binds an answer to a JSON schema."""
    return {"type": "json_schema", "json_schema": {"name": "lines", "strict": True, "schema": json.loads(schema)}}


def api_key(model: str) -> str | None:
    """Return the key that the environment holds for a model's provider."""
    return next((key for name in variables(model) if (key := os.environ.get(name))), None)


def read_answer(answer: Any, key: str | None = None) -> Response:
    """Read a chat completion.

    Args:
        answer: the completion as JSON data.
        key: the key that was sent; a server that repeats it must not bring it onto the disk.

    Returns:
        The response, without its price.

    Raises:
        Retryable: it is not an answer.

    Examples:
        >>> read_answer({"choices": [{"message": {"content": None}, "finish_reason": "length"}]}).finish
        'length'
        >>> read_answer({"choices": [{"message": {"content": "<think>Hm.</think>Yes"}}]}).text
        'Yes'
    """
    try:
        choice = answer["choices"][0]
        message = choice["message"]
        content = message["content"]
        finish = choice.get("finish_reason")
        refusal = message.get("refusal") or (message.get("provider_specific_fields") or {}).get("refusal")
        thought = message.get("reasoning_content") or message.get("reasoning")
    except (KeyError, IndexError, TypeError, AttributeError):
        raise malformed("The server's answer holds no choice.") from None
    if content is not None and not isinstance(content, str):
        raise malformed("The server's answer is not a text.")
    text = _clean(content or "", key, thought is None)
    usage = read_usage(answer.get("usage"))
    if refusal or finish == "content_filter":
        return Response(_clean(str(refusal or text), key, False), "refusal", usage)
    if finish == "length":
        return Response(text, "length", usage)
    if content is None and usage.output is None:
        raise malformed("The server's answer is empty: no content, no refusal and no usage.")
    return Response(text, "stop", usage, logprobs=_first_token(choice))


def timed_out(timeout_s: float) -> Retryable:
    """Return the failure of a call that got no answer in time; the server may yet carry it out."""
    return Retryable(f"No answer within {timeout_s:g} s.", kind="timeout", maybe_billed=True, overload=True)


def malformed(message: str) -> Retryable:
    """Return the failure of an answer that is none; it was given, so it may be billed."""
    return Retryable(message, kind="malformed answer", maybe_billed=True, steady=True)


def read_usage(block: Any) -> Usage:
    """Read a usage block; what the server did not report, or not as a count, is None.

    Examples:
        >>> read_usage({"prompt_tokens": 9, "completion_tokens": 2, "prompt_tokens_details": {"cached_tokens": 4}})
        Usage(calls=1, input=9, cached=4, output=2, reasoning=None, cost=None, latency_s=0.0)
    """
    read, written = _count(block, "prompt_tokens"), _count(block, "completion_tokens")
    if not read and not written:  # LiteLLM writes zeros where the server sent nothing
        return Usage(calls=1, input=None, cached=None, output=None, reasoning=None, cost=None)
    cached = _count(block.get("prompt_tokens_details"), "cached_tokens")
    reasoning = _count(block.get("completion_tokens_details"), "reasoning_tokens")
    if reasoning is not None and written is not None and reasoning > written:
        written += reasoning  # some servers count thinking apart
    return Usage(calls=1, input=read, cached=cached, output=written, reasoning=reasoning, cost=None)


def refused(status: int, text: str, retry_after: str | None, model: str) -> Refused | Retryable:
    """Return the failure that an HTTP status stands for.

    Args:
        status: the status, not that of an answer.
        text: what the server said, without secrets.
        retry_after: its Retry-After header.
        model: the model that was asked.

    Examples:
        >>> refused(503, "busy", "2", "openai/m").retry_after
        2.0
        >>> print(refused(401, "HTTP 401: no.", None, "openai/m"))
        HTTP 401: no. Check the environment variable OPENAI_API_KEY.
    """
    kind = f"HTTP {status}"
    if status in (401, 403):
        return Refused(f"{text} {missing_text(model)}", kind)
    if status in RETRIED or status >= 500:
        return Retryable(
            text,
            seconds(retry_after),
            kind=kind,
            maybe_billed=status == 408,
            overload=status in OVERLOADED,
            steady=status in (409, 425),
        )
    return Refused(text, kind)


def seconds(retry_after: str | None) -> float | None:
    """Return the seconds of a Retry-After header, which may also be a date.

    Examples:
        >>> seconds("1.5"), seconds("Thu, 01 Jan 1970 00:00:00 GMT"), seconds("soon")
        (1.5, 0.0, None)
    """
    if retry_after is None:
        return None
    try:
        return max(0.0, float(retry_after))
    except ValueError:
        pass
    try:
        return max(0.0, parsedate_to_datetime(retry_after).timestamp() - time.time())
    except (ValueError, OverflowError):
        return None


def _first_token(choice: Any) -> dict[str, float]:
    """Return the alternatives to an answer's first token; none where the server does not tell them.

    Examples:
        >>> told = [{"token": "m", "logprob": -0.1}, {"token": "M", "logprob": -2.5}]
        >>> _first_token({"logprobs": {"content": [{"token": "m", "logprob": -0.1, "top_logprobs": told}]}})
        {'m': -0.1, 'M': -2.5}
        >>> _first_token({"logprobs": None}), _first_token({"logprobs": {"content": [{"top_logprobs": "?"}]}})
        ({}, {})
    """
    try:
        told = choice["logprobs"]["content"][0]["top_logprobs"]
        return {str(one["token"]): float(one["logprob"]) for one in told}
    except (KeyError, IndexError, TypeError, ValueError):
        return {}


def _count(block: Any, name: str) -> int | None:
    value = block.get(name) if isinstance(block, Mapping) else None
    return value if type(value) is int and value >= 0 else None


def _clean(text: str, key: str | None, may_think: bool) -> str:
    """Drop thinking, the key, and half characters, which neither files nor the cache can hold."""
    if may_think and ("<think" in text or "</think" in text):
        shown = THINKING.sub("", text, count=1)
        text = UNFINISHED_THINKING.sub("", shown, count=1) if shown == text else shown
    if key is not None and key in text:
        text = text.replace(key, "[redacted]")
    try:
        text.encode()
    except UnicodeEncodeError:
        text = text.encode("utf-8", "replace").decode()
    return text
