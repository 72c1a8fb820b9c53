"""Any sentence-transformers model, by its repository name or local path."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.errors import UserError


def load(model: str) -> tuple[str, int, Callable[[str], NDArray[np.float32]]]:
    """Return the embedder's name with its version, its dimension and the function for one text.

    Only safetensors weights are read and no code of the model's repository is run. The
    device is the CPU, the only one whose results are the same everywhere enough to cache.
    """
    try:
        import sentence_transformers
    except ImportError as error:
        raise UserError(
            f"The embedder 'sentence-transformers/{model}' needs a package that is not installed.",
            "pip install 'sandglass-bench[stanza]'",
        ) from error
    try:
        encoder: Any = sentence_transformers.SentenceTransformer(
            model, device="cpu", trust_remote_code=False, model_kwargs={"use_safetensors": True}
        )
    except Exception as error:
        raise UserError(
            f"The weights of {model!r} could not be read ({type(error).__name__}).",
            f"Get them with: hf download {model} (safetensors are needed), or give a local path.",
        ) from error

    def one(text: str) -> NDArray[np.float32]:
        return np.asarray(
            encoder.encode([text], batch_size=1, normalize_embeddings=True, show_progress_bar=False)[0],
            dtype=np.float32,
        )

    version = sentence_transformers.__version__
    return f"sentence-transformers/{model}@{version}", int(encoder.get_sentence_embedding_dimension()), one
