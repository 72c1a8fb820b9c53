"""The published Sand-Glass data and numbers, reproduced."""

import csv
import json
import re
from pathlib import Path

import pytest

from harness.budget import amounts_within
from harness.cli import main
from harness.metrics.fill import fill_ratio
from harness.syllables import count
from harness.syllables.literal import HAN, contracted_counter_for
from harness.task import load_task

PUBLISHED = Path(__file__).parents[1] / "baselines" / "published"


def rows(name):
    with (PUBLISHED / name).open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def task(sandglass_json):
    return load_task("sandglass_zh_en", sandglass_json)


def test_dataset_statistics(sandglass_json, task):
    raw = {record["uuid"]: record for record in json.loads(sandglass_json.read_bytes())}
    for row in rows("sandglass_v1_dataset_stats.csv"):
        chosen = [s for s in task.segments if row["fenqu"] in ("", raw[s.id]["fenqu"])]
        seconds = [s.end - s.start for s in chosen]
        speech = [len(HAN.findall(raw[s.id]["text"])) for s in chosen]
        han = [len(HAN.findall(s.text)) for s in chosen]
        assert len(chosen) == int(row["n"])
        assert f"{sum(speech) / len(chosen):.2f}" == f"{float(row['recomputed_han_in_text']):.2f}"
        assert f"{float(row['readme_avg_chars_zh']):.2f}" == f"{sum(speech) / len(chosen):.2f}"
        assert (
            f"{sum(map(len, (s.text for s in chosen))) / len(chosen):.2f}"
            == f"{float(row['recomputed_len_text_ocr_modify']):.2f}"
        )
        assert sum(han) / len(chosen) == pytest.approx(float(row["recomputed_han_in_text_ocr_modify"]), abs=0.0051)
        assert sum(seconds) / len(chosen) == pytest.approx(float(row["avg_dur_s"]), abs=0.0051)
        assert min(seconds) == pytest.approx(float(row["min_dur_s"]), abs=0.0051)
        assert max(seconds) == pytest.approx(float(row["max_dur_s"]), abs=0.0051)


def test_task_definition_holds_for_the_data(task):
    assert len(task.segments) == 1000
    assert len({s.cluster for s in task.segments}) == 96
    for counter, mu in task.mu.items():
        counts = [count(s.text, "zh", counter) for s in task.segments]
        assert sum(counts) / len(counts) == pytest.approx(mu, abs=1e-9)


def test_reference_scored_as_a_submission(sandglass_json, task, tmp_path, capsys):
    lines = [json.dumps({"id": s.id, "text": s.reference}, ensure_ascii=False) for s in task.segments]
    file = tmp_path / "reference.jsonl"
    file.write_text("\n".join(lines), encoding="utf-8")
    arguments = ["score", "sandglass_zh_en", "--data", str(sandglass_json), "--translations", str(file)]
    assert main([*arguments, "--no-model", "--out", str(tmp_path / "out")]) == 0
    (result,) = [json.loads(p.read_bytes()) for p in (tmp_path / "out").rglob("result.json")]
    metrics = result["metrics"]
    assert round(metrics["rho_fwd"]["value"], 3) == 1.072
    assert metrics["ib"]["value"] == 0.144
    assert metrics["ib"]["low"] < 0.144 < metrics["ib"]["high"]
    assert metrics["ib"]["clusters"] == 96
    assert metrics["fill_left_out"]["value"] == 0.04
    assert metrics["fill<=1.2@6.19"]["value"] == pytest.approx(0.821, abs=0.01)
    assert metrics["fill<=1.2@4.44"]["value"] == pytest.approx(0.483, abs=0.01)
    assert metrics["no_admissible_count"]["value"] == 0.001
    assert result["publishable"] and result["complete"]


def test_sources_that_admit_exactly_one_count(task):
    literal = [len(amounts_within(max(1, count(s.text, "zh")), 0.8, 0.9)) for s in task.segments]
    han_only = [len(amounts_within(max(1, len(HAN.findall(s.text))), 0.8, 0.9)) for s in task.segments]
    assert (literal.count(1), literal.count(0)) == (565, 1)
    assert (han_only.count(1), han_only.count(0)) == (566, 1)


def test_fill_of_the_reference_by_words_without_digits(task):
    """The figures of the specification leave words with digits out; the literal counter counts them."""
    spoken = contracted_counter_for("en")
    slots = [(s, s.end - s.start) for s in task.segments if len(HAN.findall(s.text)) <= 9 * (s.end - s.start)]
    assert len(slots) == 960
    words = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
    without_digits = [" ".join(words.findall(s.reference)) for s, _ in slots]
    for rate, published in ((6.19, 0.821), (4.44, 0.483)):
        fits = [fill_ratio(spoken(t), slot, rate) <= 1.2 for t, (_, slot) in zip(without_digits, slots, strict=True)]
        assert sum(fits) / 960 == pytest.approx(published, abs=0.0015)  # within one item


def test_counts_of_table_10():
    wrong = []
    for row in rows("homura_table10_case_study.csv"):
        counted = count(row["text"], "en")
        assert counted == int(row["syllables_pyphen_en_US_0.18.1"])
        if counted != int(row["syllables_reported"]):
            wrong.append((row["text"], counted, row["syllables_reported"]))
    assert wrong == [("Their bond grows closer.", 5, "6")]
