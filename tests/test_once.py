"""A model is loaded once, however many ask for it."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from time import sleep

import pytest

from harness.once import Once


def test_threads_wait_for_the_first():
    together, calls = Barrier(8), []

    @Once
    def load(name):
        calls.append(name)
        sleep(0.05)  # so that a second call would come before the first has ended
        return object()

    def ask(_):
        together.wait()
        return load("model")

    with ThreadPoolExecutor(8) as pool:
        found = set(pool.map(ask, range(8)))
    assert len(found) == 1 and calls == ["model"]


def test_failures_are_not_remembered():
    tries = iter([OSError("not there"), "loaded"])

    @Once
    def load():
        result = next(tries)
        if isinstance(result, OSError):
            raise result
        return result

    with pytest.raises(OSError, match="not there"):
        load()
    assert load() == "loaded"
