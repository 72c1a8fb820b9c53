"""Remote models of every provider, through LiteLLM."""

import asyncio
import importlib
import logging
import os
import time
from dataclasses import replace
from typing import Any

from harness.llm.backend import Refused, Retryable
from harness.llm.chat import api_key, body, read_answer, refused, timed_out
from harness.llm.redact import redact
from harness.llm.schemas import NO_SCHEMA
from harness.llm.types import Request, Response
from harness.records import Usage


def load_litellm() -> Any:
    """Import LiteLLM (seconds), offline, quiet and without its telemetry."""
    os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")  # else it downloads a price table
    litellm: Any = importlib.import_module("litellm")
    litellm.telemetry = False
    litellm.suppress_debug_info = True
    for name in ("LiteLLM", "LiteLLM Router", "LiteLLM Proxy", "httpx", "openai"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    return litellm


class LiteLLMClient:
    """The backend for models of providers. LiteLLM's own retries are off."""

    def __init__(self) -> None:
        self._litellm: Any = None

    async def call(self, request: Request, timeout_s: float) -> Response:
        """Send one chat request once; see ``Backend.call``."""
        if self._litellm is None:
            self._litellm = load_litellm()
        started = time.monotonic()
        try:
            if request.schema and not self._sends_schemas(request.model):
                raise Refused(f"LiteLLM sends no schema to {request.model}.", NO_SCHEMA)  # it would just drop it
            async with asyncio.timeout(timeout_s):
                answer = await self._litellm.acompletion(
                    **arguments(request), timeout=timeout_s, num_retries=0, max_retries=0
                )
        except Refused:
            raise
        except TimeoutError:
            raise timed_out(timeout_s) from None
        except self._litellm.ContentPolicyViolationError:
            return Response("", "refusal", Usage(calls=1, input=None, cached=None, output=None, reasoning=None))
        except Exception as error:
            raise _failure(error, request) from None  # the original may quote the key
        response = read_answer(answer.model_dump(include={"choices", "usage"}), api_key(request.model))
        return replace(response, usage=replace(response.usage, latency_s=time.monotonic() - started))

    def _sends_schemas(self, model: str) -> bool:
        name, provider, _, _ = self._litellm.get_llm_provider(model)
        return "response_format" in (self._litellm.get_supported_openai_params(name, provider) or ())

    async def close(self) -> None:
        """Close LiteLLM's connections."""
        if self._litellm is not None:
            await close_litellm(self._litellm)


async def close_litellm(litellm: Any) -> None:
    """Close LiteLLM's connections, and forget them: it would give closed ones to the next who asks."""
    await litellm.close_litellm_async_clients()
    litellm.in_memory_llm_clients_cache.flush_cache()


def arguments(request: Request) -> dict[str, Any]:
    """Return a request as LiteLLM's arguments; parameters a provider lacks are dropped there.

    Examples:
        >>> sorted(arguments(Request("m", api_base="http://127.0.0.1:1/v1")))
        ['api_base', 'api_key', 'drop_params', 'max_tokens', 'messages', 'model', 'seed']
    """
    sent = body(request, request.model) | {"drop_params": True}
    if request.api_base is not None:
        sent["api_base"] = request.api_base
        if api_key(request.model) is None:
            sent["api_key"] = "none"  # clients insist on one, servers of one's own do not
    return sent


def _failure(error: Exception, request: Request) -> Refused | Retryable:
    """Turn LiteLLM's exception into one of ours, without secrets."""
    status = getattr(error, "status_code", None)
    name = type(error).__name__
    text = redact(f"{name} {status or ''}: {error}")
    if status is None or status == 200:
        return Retryable(text, kind=name, maybe_billed=status == 200, steady=True)
    headers = getattr(error, "litellm_response_headers", None)
    return refused(status, text, headers.get("retry-after") if headers is not None else None, request.model)
