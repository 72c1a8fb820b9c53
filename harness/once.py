"""Loading a model once, however many threads ask for it at the same time."""

from collections.abc import Callable, Hashable
from functools import cache, update_wrapper
from threading import Lock
from typing import Generic, TypeVar

T = TypeVar("T")


class Once(Generic[T]):
    """Remember what a function returns, as ``functools.cache`` does; calls at the same time wait for the first.

    ``functools.cache`` alone lets every thread that comes before the first result load a model of its own.

    Args:
        load: a function of hashable arguments. What it raises is not remembered.

    Examples:
        >>> @Once
        ... def load(name: str) -> str:
        ...     print("loading", name)
        ...     return name.upper()
        >>> load("a"), load("a")
        loading a
        ('A', 'A')
    """

    def __init__(self, load: Callable[..., T]) -> None:
        self._cached = cache(load)
        self._lock = Lock()
        update_wrapper(self, load)

    def __call__(self, *args: Hashable) -> T:
        """Return what the function returned for these arguments, or ask it."""
        with self._lock:
            return self._cached(*args)

    def cache_clear(self) -> None:
        """Forget everything."""
        self._cached.cache_clear()
