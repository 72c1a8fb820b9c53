"""Tracks and tasks beside the ratio budget: held against published tables, sacreBLEU and hand-worked values."""

import csv
import os
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import sacrebleu
from hypothesis import given
from hypothesis import strategies as st

from harness import registry
from harness.budget import Budget
from harness.cli import main
from harness.errors import UserError
from harness.gold import scores
from harness.metrics.base import Frame
from harness.metrics.count import hit, slope
from harness.records import Segment, Translation
from harness.run.plan import Plan
from harness.run.store import read_result
from harness.score import Records, score
from harness.stats.clusters import cluster_sums
from harness.task import load_task

CORPORA = Path(os.environ.get("SANDGLASS_CORPORA") or Path(__file__).parents[2] / "shared" / "data")
ISOMETRIC, WMT = CORPORA / "isometric", CORPORA / "wmt" / "wmt22_outputs"
needs_isometric = pytest.mark.skipif(
    not ISOMETRIC.is_dir(), reason="the isometric test set is not here (set SANDGLASS_CORPORA)"
)
needs_wmt = pytest.mark.skipif(not WMT.is_dir(), reason="the WMT22 test sets are not here (set SANDGLASS_CORPORA)")


def published():
    path = Path(__file__).parents[1] / "baselines" / "published" / "iwslt2022_isometric_recomputed.csv"
    return list(csv.DictReader(path.read_text(encoding="utf-8").splitlines()))


def lines(path):
    return path.read_text(encoding="utf-8").removesuffix("\n").split("\n")


def values(task, hypotheses):
    """Score model-free and return the values by column."""
    from harness.llm.types import Decode
    from harness.protocol import PAPER

    plan = Plan(task, PAPER.without_models(), "m", "submitted", Decode(), (1,), submitted="x")
    given_ = {(s.id, 1): Translation(s.id, 1, text, "ok") for s, text in zip(task.segments, hypotheses, strict=True)}
    scores = score(task.segments, Records(given_, {}, {}), plan.metrics, plan.frame, task.source, "pyphen")
    found = {}
    for metric in plan.metrics:
        sums = cluster_sums(scores.rows[:, scores.columns[metric.name]], scores.clusters)
        with np.errstate(divide="ignore", invalid="ignore"):
            found[metric.name] = float(metric.aggregate(*sums.total())[0])
    return found


@needs_isometric
@pytest.mark.parametrize("row", published(), ids=lambda row: "-".join(row.values())[:40])
def test_isometric_compliance_is_the_published_one(row):
    pair, target = row["pair"], row["pair"][-2:]
    task = load_task(f"isometric_en_{target}", ISOMETRIC / "dataset" / "isometric-mt-test" / pair)
    if row["submission"]:
        hypotheses = lines(ISOMETRIC / "submissions" / row["system"] / pair / row["submission"])
    else:
        hypotheses = [segment.reference for segment in task.segments]
    found = values(task, hypotheses)
    assert round(100 * found["length_compliance"], 1) == float(row["length_compliance_pct_10"])
    assert round(found["char_ratio"], 3) == pytest.approx(float(row["mean_char_ratio"]), abs=0.0011)
    if row["bleu"]:
        assert round(100 * found["bleu_ref"], 2) == pytest.approx(float(row["bleu"]), abs=0.011)
        assert round(100 * found["chrf_ref"], 2) == pytest.approx(float(row["chrf"]), abs=0.011)


@needs_wmt
@pytest.mark.parametrize("name,folder,file", [("zh_en", "zhen", "test.zh-en.en"), ("en_de", "ende", "test.en-de.de")])
def test_reference_metrics_are_those_of_sacrebleu(name, folder, file):
    task = load_task(f"wmt22_{name}", WMT / "wmt-testset" / folder)
    hypotheses = lines(WMT / "ALMA-13B-R" / folder / file)
    found = values(task, hypotheses)
    references = [[segment.reference for segment in task.segments]]
    bleu = sacrebleu.corpus_bleu(hypotheses, references)
    chrf = sacrebleu.corpus_chrf(hypotheses, references)
    assert 100 * found["bleu_ref"] == pytest.approx(bleu.score, abs=1e-9)
    assert 100 * found["chrf_ref"] == pytest.approx(chrf.score, abs=1e-9)
    assert "ib" not in found and "usable" not in found and "bleu" not in found


@needs_wmt
def test_better_than_gold_counts_segments(tmp_path, capsys):
    data = ["--data", str(WMT / "wmt-testset" / "zhen"), "--limit", "60", "--qe", "embed_qe", "--out", str(tmp_path)]
    system = str(WMT / "ALMA-13B-R" / "zhen" / "test.zh-en.en")
    assert main(["score", "wmt22_zh_en", "--reference", *data]) == 0
    assert main(["score", "wmt22_zh_en", "--translations", system, "--name", "ALMA-13B-R", *data]) == 0
    runs = {path.parent.name.split("-")[0]: path for path in (tmp_path / "wmt22_zh_en").glob("*/*")}
    gold, ours = str(runs["reference"]), str(runs["alma"])
    capsys.readouterr()
    assert main(["gold", gold, ours, "--metric", "embed_qe"]) == 0
    shown = capsys.readouterr().out
    import json

    def column(folder):
        rows = [json.loads(line) for line in lines(Path(folder) / "scores.jsonl")]
        return [row["statistics"]["embed_qe"][0] for row in rows]

    better = sum(a > b for a, b in zip(column(ours), column(gold), strict=True)) / 60
    assert f"ALMA-13B-R  {100 * better:.1f}% [" in shown and shown.rstrip().endswith("60")
    assert main(["compare", gold, ours]) == 0
    assert "\nembed_qe  " in capsys.readouterr().out  # what a model measured is in the first view
    assert main(["gold", ours, gold, "--metric", "embed_qe"]) == 2
    assert main(["gold", gold, ours, "--metric", "cometkiwi"]) == 2


def test_an_estimator_of_errors_is_turned_round():
    columns = {name: np.array([[0.2, 1.0], [0.6, 2.0], [0.0, 0.0]]) for name in ("kiwi", "metricx", "other")}
    directions = {name: SimpleNamespace(higher_is_better=name == "kiwi") for name in columns}
    run = SimpleNamespace(label="A", metrics=directions, statistics=columns)
    np.testing.assert_allclose(scores(run, ["kiwi"]), [0.2, 0.3, np.nan])
    np.testing.assert_allclose(scores(run, ["metricx", "other"]), [-0.2, -0.3, np.nan])
    with pytest.raises(UserError, match="kiwi, metricx have no common direction"):
        scores(run, ["kiwi", "metricx"])


@pytest.mark.parametrize("stated,amount,expected", [
    (10, 10, 1), (10, 11, 1), (10, 9, 1), (100, 105, 1), (10, 15, 0), (10, 20, 0), (20, 22, (0.5 - 0.1) / 0.45),
])  # fmt: skip
def test_hitting_a_stated_count(stated, amount, expected):
    assert hit(amount, stated) == pytest.approx(expected)


@given(st.lists(st.tuples(st.integers(1, 60), st.integers(0, 90)), min_size=3, max_size=40))
def test_the_slope_is_that_of_least_squares(pairs):
    stated, given_ = np.array(pairs, dtype=float).T
    rows = np.column_stack([stated, given_, stated**2, stated * given_, np.ones(len(pairs))])
    found = slope(rows.sum(axis=0)[None], np.array([1.0]))[0]
    if len(set(stated)) == 1:
        assert np.isnan(found)
    else:
        assert found == pytest.approx(np.polyfit(stated, given_, 1)[0], rel=1e-6, abs=1e-6)


def test_every_segment_comes_once_with_each_pace():
    plain, paced = load_task("sandglass_mini_zh_en"), load_task("sandglass_mini_count_zh_en")
    assert len(paced.segments) == 3 * len(plain.segments)
    budget = Budget("zh", "en", "pyphen", (), "count", 6.19)
    slow, normal, fast = (budget.basis(segment) for segment in paced.segments[:3])
    seconds = paced.segments[0].end - paced.segments[0].start
    assert (slow, normal, fast) == tuple(round(seconds * 6.19 * pace) for pace in (0.75, 1, 1.25))


def test_a_budget_of_time_is_left_out_where_times_cannot_be_the_texts(tmp_path):
    folder = tmp_path / "task"
    folder.mkdir()
    mini = Path(registry.get("tasks", "sandglass_mini_duration_zh_en".replace("_duration", "")).__file__).parent
    (folder / "duration.toml").write_text((mini / "duration.toml").read_text())
    (folder / "card.toml").write_text((mini / "card.toml").read_text())
    times = [("a", 0.0, 2.0), ("b", 2.0, 2.5)]
    text = "{}".join(['{{"id": "{}", "video": "v", "text": "少年陆川的魔力测试", "start": {}, "end": {}}}', ""])
    data = "\n".join(text.format(*row, "") for row in times) + "\n"
    (folder / "segments.jsonl").write_text(data, encoding="utf-8")
    task = load_task(f"{folder / 'duration.toml'}:en")
    assert [segment.id for segment in task.segments] == ["a"]
    (folder / "segments.jsonl").write_text('{"id": "a", "video": "v", "text": "少年"}\n', encoding="utf-8")
    assert main(["run", f"{folder / 'duration.toml'}:en", "--model", "local/gemma-3-270m", "--strategy", "prompted",
                 "--protocol", "offline", "--out", str(tmp_path / "out")]) == 2  # fmt: skip


SRT = """1
00:00:01,000 --> 00:00:02,000
Das hier ist viel zu lang, um es in einer Sekunde zu lesen.

2
00:00:03,000 --> 00:00:06,000
Das passt.
"""


def test_only_cues_too_fast_are_compressed(tmp_path):
    path = tmp_path / "film.srt"
    path.write_text(SRT, encoding="utf-8")
    task = load_task("iwslt_compression_de", path)
    assert [(s.id, s.after) for s in task.segments] == [("1", ("Das passt.",))]
    budget = Budget("de", "de", "pyphen", task.bounds, task.track, task.rate, task.most)
    assert budget.wanted(task.segments[0]) == range(1, 22)
    long = Segment("2", "x", "v", start=0.0, end=60.0)
    assert budget.wanted(long)[-1] == 84
    path.write_text(SRT.partition("\n\n")[2], encoding="utf-8")
    assert main(["score", "iwslt_compression_de", "--data", str(path), "--reference", "--out", str(tmp_path)]) == 2


@pytest.mark.slow
@pytest.mark.parametrize("name", ["sandglass_mini_count_zh_en", "sandglass_mini_duration_zh_de"])
def test_strategies_state_the_tracks_budget_and_scores_hold_it(name, tmp_path):
    """Offline, with the embedded model."""
    command = ["run", name, "--model", "local/gemma-3-270m", "--protocol", "offline", "--limit", "2", "--seeds", "1"]
    assert main([*command, "--strategy", "prompted", "--out", str(tmp_path)]) == 0
    result = read_result(next(tmp_path.glob("*/*/*")))
    assert result.metrics["ib"].n == 2 and "usable" in result.metrics and "ib_dynamic" not in result.metrics
    assert ("hit" in result.metrics) == ("count" in name)
    assert f"|track={'count' if 'count' in name else 'duration'}@" in result.protocol


def test_strategies_that_state_a_length_refuse_tasks_without(tmp_path, capsys):
    folder = tmp_path / "task"
    folder.mkdir()
    mini = load_task("sandglass_mini_zh_en")
    source = Path(registry.get("tasks", "sandglass_mini_zh_en").__file__).parent
    definition = (source / "task.toml").read_text(encoding="utf-8")
    head, targets = definition.split("[targets.en]")[0], "[targets.en]\n"
    (folder / "task.toml").write_text(head.replace("[data]", 'track = "none"\n[data]', 1) + targets, encoding="utf-8")
    for file in ("card.toml", "segments.jsonl"):
        (folder / file).write_bytes((source / file).read_bytes())
    for strategy in ("prompted", "best_of_n", "translate_modify"):
        assert main(["run", str(folder), "--model", "local/gemma-3-270m", "--strategy", strategy, "--protocol",
                     "offline", "--out", str(tmp_path / "out")]) == 2  # fmt: skip
        assert "this task sets none" in capsys.readouterr().err
    assert len(mini.segments) == len(load_task(str(folder)).segments)


def test_columns_follow_the_track():
    def names(**parts):
        frame = Frame("en", parts.pop("bounds", (0.8, 0.9)), 13.1, (6.19,), tau=0.5, **parts)
        return {m.name for name in registry.names("metrics") for m in registry.get("metrics", name)(frame)}

    assert {"ib_dynamic", "counter_flips", "bleu_rho_capped"} <= names()
    assert not {"ib_dynamic", "bleu_rho_capped"} & names(track="duration", rate=6.19)
    assert {"hit", "count_slope"} <= names(track="count", rate=6.19, bounds=())
    assert {"length_compliance", "character_error"} <= names(track="isometric")
    without = names(track="none", bounds=(), counted=False)
    assert not {"ib", "usable", "rho_fwd", "bleu_rho", "fill<=1@6.19"} & without
    assert {"ok", "bleu", "bt_cerr"} <= without
