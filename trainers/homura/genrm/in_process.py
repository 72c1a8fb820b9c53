"""A checkpoint that answers the door in this process, for models small enough to share it with training."""

import asyncio
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

from harness.errors import RunError
from harness.llm.backend import Refused
from harness.llm.types import Request, Response


class InProcess:
    """The backend of a checkpoint: greedy, and what is asked at the same time is answered together.

    Args:
        folder: of the checkpoint, checked; loaded at the first call.
        batch: answers at a time.
    """

    def __init__(self, folder: Path, batch: int = 256) -> None:
        self._folder, self._batch = folder, batch
        self._loaded: tuple[Any, Any] | None = None
        self._waiting: list[tuple[Request, asyncio.Future[Response]]] = []
        self._worker = ThreadPoolExecutor(1, "genrm")

    async def call(self, request: Request, timeout_s: float) -> Response:
        """Answer one request; see ``Backend.call``. The length is the only limit.

        Raises:
            RunError: it asks for sampling, or the model failed.
        """
        if request.decode.temperature:
            raise Refused("A model in this process answers greedily.", "sampling")
        future: asyncio.Future[Response] = asyncio.get_running_loop().create_future()
        self._waiting.append((request, future))
        if len(self._waiting) == 1:
            await asyncio.sleep(0)  # let others come
            await self._answer_waiting()
        return await future

    async def close(self) -> None:
        """Wait for what is under way and let go of the model."""
        await asyncio.to_thread(self._worker.shutdown, cancel_futures=True)
        self._loaded = None

    async def _answer_waiting(self) -> None:
        waiting, self._waiting = self._waiting, []
        requests = [request for request, _ in waiting]
        try:
            answers = await asyncio.get_running_loop().run_in_executor(self._worker, self._answer, requests)
        except Exception as error:
            for _, future in waiting:
                if not future.done():
                    future.set_exception(RunError(f"{self._folder.name} failed: {type(error).__name__}"))
            return
        for (_, future), answer in zip(waiting, answers, strict=True):
            if not future.done():
                future.set_result(answer)

    def _answer(self, requests: Sequence[Request]) -> list[Response]:
        from trainers.homura.genrm.generating import generate

        if self._loaded is None:
            from trainers.common.config import Model
            from trainers.common.models import load_model
            from trainers.common.running import processes

            model, tokenizer = load_model(Model(str(self._folder)))
            self._loaded = model.to(processes().device), tokenizer
        started = time.monotonic()
        found = generate(
            *self._loaded,
            [request.messages for request in requests],
            max_tokens=max(request.decode.max_tokens for request in requests),
            batch=self._batch,
        )
        latency = time.monotonic() - started
        responses = [one.response() for one in found]
        return [replace(one, usage=replace(one.usage, latency_s=latency)) for one in responses]
