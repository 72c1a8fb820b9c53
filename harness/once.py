"""Loading a model once, however many threads ask for it at the same time."""

from collections.abc import Callable
from functools import cache, wraps
from threading import Lock
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


def once(load: Callable[P, T]) -> Callable[P, T]:
    """Remember what a function returns, as ``functools.cache`` does; calls at the same time wait for the first.

    ``functools.cache`` alone lets every thread that comes before the first result load a model of its own.

    Args:
        load: a function of hashable arguments. What it raises is not remembered.

    Returns:
        The function, with a ``cache_clear`` like that of ``functools.cache``.

    Examples:
        >>> @once
        ... def load(name: str) -> str:
        ...     print("loading", name)
        ...     return name.upper()
        >>> load("a"), load("a")
        loading a
        ('A', 'A')
    """
    lock, cached = Lock(), cache(load)

    @wraps(load)
    def waiting(*args: P.args, **kwargs: P.kwargs) -> T:
        with lock:
            return cached(*args, **kwargs)  # type: ignore[arg-type]

    waiting.cache_clear = cached.cache_clear  # type: ignore[attr-defined]
    return waiting
