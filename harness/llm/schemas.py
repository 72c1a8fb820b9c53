"""Answer schemas, and the servers that refuse them."""

import re
from dataclasses import replace

from harness.llm.backend import Backend, Refused, Retryable
from harness.llm.types import Request, Response

NO_SCHEMA = "no schema"
"""Kind of the refusal by a way to a model that cannot send it a schema."""
REFUSALS = ("HTTP 400", "HTTP 422", NO_SCHEMA)
"""Kinds of failures that the same request may not meet without its schema, whatever they say."""
NAMED = re.compile("response_format|json_schema|guided|grammar")
"""What servers call schemas that fail with an HTTP status of their own fault."""


class Schemas:
    """Which models take answer schemas on which servers, as far as they were asked."""

    def __init__(self) -> None:
        self._refused: set[tuple[str, str | None]] = set()

    async def call(self, backend: Backend, request: Request, timeout_s: float) -> Response:
        """Send a request; where its schema is refused, once more without it.

        A model and server that refused a schema, and answered without, get none from then on.

        Args:
            backend: the way to the model.
            request: what to ask.
            timeout_s: seconds to wait for each answer.

        Returns:
            The answer, which says what became of the schema.

        Raises:
            Retryable: the call failed in a way that may pass.
            RunError: the call failed for good, also without the schema.
        """
        if not request.schema:
            return await backend.call(request, timeout_s)
        server = request.model, request.api_base
        if server not in self._refused:
            try:
                return replace(await backend.call(request, timeout_s), schema="sent")
            except (Refused, Retryable) as error:
                if not _may_be_the_schema(error):
                    raise
        response = await backend.call(replace(request, schema=""), timeout_s)
        self._refused.add(server)
        return replace(response, schema="refused")


def _may_be_the_schema(error: Refused | Retryable) -> bool:
    """Say whether a call may have failed for its schema.

    Examples:
        >>> _may_be_the_schema(Refused("HTTP 400: no.", "HTTP 400"))
        True
        >>> _may_be_the_schema(Retryable("HTTP 500: bad grammar", kind="HTTP 500"))
        True
        >>> _may_be_the_schema(Retryable("HTTP 503: busy", kind="HTTP 503"))
        False
    """
    return error.kind in REFUSALS or (error.kind.startswith("HTTP 5") and NAMED.search(str(error)) is not None)
