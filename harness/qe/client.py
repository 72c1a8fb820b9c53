"""The worker from our side: started when first asked, kept warm, and its death survived."""

import atexit
import json
import os
import queue
import subprocess
import threading
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.errors import RunError, UserError
from harness.qe.models import Model
from harness.qe.source import Source, explain

SCRIPT = Path(__file__).parent / "worker.py"
ROWS_AT_ONCE = 2000
MOST_DEATHS = 3
PASSED_ON = ("CUDA", "HF_", "HUGGINGFACE_", "LC_", "MKL_", "NVIDIA", "OMP_", "PYTORCH_", "REQUESTS_", "SSL_", "XDG_")
PASSED_ON_EXACTLY = frozenset(
    "ALL_PROXY HOME HTTPS_PROXY HTTP_PROXY LANG LD_LIBRARY_PATH NO_PROXY PATH "
    "SYSTEMROOT TEMP TMP TMPDIR USERPROFILE".split()
)
QUIET = {
    "DO_NOT_TRACK": "1",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "PYTHONWARNINGS": "ignore",
}


@dataclass(frozen=True, slots=True)
class Limits:
    """How long to wait: for a model to load (its download included), and for a sign of life while it scores."""

    load_s: float = 7200.0
    silence_s: float = 900.0


class Worker:
    """One model in one process, for any number of runs and threads.

    Args:
        python: of the worker's environment.
        source: what it loads.
        model: the published model, for what to tell the user; None for a local checkpoint.
        limits: how long to wait.
    """

    def __init__(self, python: Path, source: Source, model: Model | None = None, limits: Limits | None = None) -> None:
        self._python = python
        self._source = source
        self._model = model
        self._limits = limits or Limits()
        self._lock = threading.RLock()
        self._process: subprocess.Popen[str] | None = None
        self._answers: queue.Queue[str | None] = queue.Queue()
        self._noise: deque[str] = deque(maxlen=20)
        self._readers: list[threading.Thread] = []
        self._asked = 0
        self._deaths = 0
        self._facts: dict[str, Any] = {}

    @property
    def pid(self) -> int | None:
        """Number of the worker's process, None before it runs."""
        return self._process.pid if self._process is not None else None

    def facts(self) -> dict[str, Any]:
        """Start the worker if need be, and return versions, device and commit.

        Raises:
            UserError: the weights are missing, gated or unsafe to load.
            RunError: the worker died.
        """
        with self._lock:
            self._start()
            return dict(self._facts)

    def score(self, rows: list[dict[str, Any]]) -> list[float]:
        """Score rows; one that is lost with its worker is a RunError, and the next call starts another.

        Raises:
            UserError: the model cannot be loaded.
            RunError: the worker died, fell silent or refused the rows.
        """
        scores: list[float] = []
        with self._lock:
            for first in range(0, len(rows), ROWS_AT_ONCE):
                self._start()
                scores += self._ask(rows[first : first + ROWS_AT_ONCE])
        return scores

    def close(self) -> None:
        """End the process; a later call starts it again."""
        with self._lock:
            process, self._process = self._process, None
            if process is None:
                return
            if process.stdin is not None:
                with suppress(OSError):
                    process.stdin.close()
            try:
                process.wait(timeout=5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _start(self) -> None:
        if self._process is not None and self._process.poll() is None:
            return
        if self._deaths >= MOST_DEATHS:
            raise RunError(f"the {self._source.backend} worker died {self._deaths} times: {self._last_words()}")
        self._process = None
        self._answers = queue.Queue()
        self._noise.clear()
        try:
            process = subprocess.Popen(
                [str(self._python), "-I", "-X", "utf8", str(SCRIPT)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=_environment(),
                encoding="utf-8",
                errors="replace",
                start_new_session=True,  # Ctrl-C is ours to handle; the worker ends with its input
            )
        except OSError as error:
            message = f"The {self._source.backend} environment's Python cannot be run: {error}."
            raise UserError(message, f"Run `sandglass env {self._source.backend}`.") from error
        self._process = process
        streams = ((process.stdout, self._answers.put), (process.stderr, _short(self._noise)))
        self._readers = [threading.Thread(target=_drain, args=stream, daemon=True) for stream in streams]
        for reader in self._readers:
            reader.start()
        self._send(self._source.options())
        answer = self._receive(self._limits.load_s)
        if not answer["ready"]:
            self.close()
            raise explain(answer["kind"], answer["message"], self._source, self._model)
        self._facts = answer["facts"]

    def _ask(self, rows: list[dict[str, Any]]) -> list[float]:
        self._asked += 1
        self._send({"id": self._asked, "rows": rows})
        while True:
            answer = self._receive(self._limits.silence_s)
            if "error" in answer:
                raise RunError(f"the {self._source.backend} worker: {answer['error']}")
            if "scores" in answer:
                self._deaths = 0
                scores: list[float] = answer["scores"]
                return scores

    def _send(self, data: dict[str, Any]) -> None:
        process = self._process
        assert process is not None
        assert process.stdin is not None
        try:
            process.stdin.write(json.dumps(data) + "\n")
            process.stdin.flush()
        except OSError as error:
            raise self._dead() from error

    def _receive(self, patience: float) -> dict[str, Any]:
        try:
            line = self._answers.get(timeout=patience)
            answer: dict[str, Any] | None = None if line is None else json.loads(line)
        except queue.Empty:
            self._kill()
            raise RunError(f"the {self._source.backend} worker said nothing for {patience:.0f} s") from None
        except ValueError as error:
            self._kill()
            raise RunError(f"the {self._source.backend} worker's answer is no JSON ({error})") from error
        if answer is None:
            raise self._dead()
        return answer

    def _dead(self) -> RunError:
        code = self._kill()
        for reader in self._readers:
            reader.join(timeout=2)  # what it said last may still be on its way; a child of its own may hold the pipe
        return RunError(f"the {self._source.backend} worker died (exit code {code}): {self._last_words()}")

    def _kill(self) -> int | None:
        process, self._process = self._process, None
        self._deaths += 1
        if process is None:
            return None
        try:
            return process.wait(timeout=2)
        except subprocess.TimeoutExpired:
            process.kill()
            return process.wait()

    def _last_words(self) -> str:
        return " / ".join([line for line in self._noise if line.strip()][-2:]) or "it said nothing"


def _environment() -> dict[str, str]:
    """Return what the worker may see of our environment: no keys but the Hub's."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if name.upper() in PASSED_ON_EXACTLY or name.upper().startswith(PASSED_ON)
    }
    return kept | QUIET


def _short(lines: "deque[str]") -> Any:
    return lambda line: None if line is None else lines.append(line.strip()[:300])


def _drain(stream: Any, keep: Any) -> None:
    with stream:
        for line in stream:
            keep(line)
    keep(None)


_WARM: dict[tuple[int, Path, Source], Worker] = {}
_WARM_LOCK = threading.Lock()


def warm(python: Path, source: Source, model: Model | None = None, limits: Limits | None = None) -> Worker:
    """Return this process's worker for a model, the same one every time."""
    with _WARM_LOCK:
        key = (os.getpid(), python, source)
        if key not in _WARM:
            _WARM[key] = Worker(python, source, model, limits)
        return _WARM[key]


@atexit.register
def _close_all() -> None:
    for (pid, _, _), worker in list(_WARM.items()):
        if pid == os.getpid():
            worker.close()
