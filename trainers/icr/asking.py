"""Many requests through the door at once, and what becomes of calls that fail."""

import asyncio
from collections.abc import Sequence

from harness.errors import RunError, UserError
from harness.llm.door import Door
from harness.llm.types import Request, Response


def ask_all(door: Door, requests: Sequence[Request], stage: str) -> list[Response | None]:
    """Ask all requests, as many at a time as the door lets through; answers are cached.

    Args:
        door: the way to the model.
        requests: of one model.
        stage: what they are for.

    Returns:
        An answer each, None where the call failed for good.

    Raises:
        UserError: every call failed.
    """
    return asyncio.run(_ask_all(door, requests, stage))


async def _ask_all(door: Door, requests: Sequence[Request], stage: str) -> list[Response | None]:
    calls = (door.complete(request, role="system", stage=stage) for request in requests)
    try:
        found = await asyncio.gather(*calls, return_exceptions=True)
    finally:
        await door.close()  # connections belong to this event loop
    failed = [error for error in found if isinstance(error, RunError)]
    for error in found:
        if isinstance(error, BaseException) and not isinstance(error, RunError):
            raise error
    if failed and len(failed) == len(found):
        raise UserError(
            f"{requests[0].model} answers nothing: {failed[0]}", "See that it runs; the same command goes on from here."
        )
    return [None if isinstance(answer, BaseException) else answer for answer in found]
