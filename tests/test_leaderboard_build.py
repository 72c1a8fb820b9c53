"""The board from result files: who is ranked and why not, and what is refused."""

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from harness.errors import UserError
from harness.metrics.base import ratio
from harness.stats.clusters import cluster_sums
from harness.stats.paired import sign_flip
from harness.stats.ranks import rank_intervals
from leaderboard.board import boards
from leaderboard.build import build
from leaderboard.pages import resolution
from leaderboard.pairs import all_pairs, ranks
from leaderboard.runs import find, read
from tests.board_built import alter, built, made, only_board, page
from tests.board_runs import Spec, systems, write

PUBLISHED = Path(__file__).parents[1] / "baselines" / "published"

# Ranks


def test_pairs_and_ranks_are_those_of_the_harness():
    rng = np.random.default_rng(3)
    clusters = [f"v{n % 40}" for n in range(200)]
    rows = {f"s{k}": np.column_stack([rng.random(200) < 0.3 + 0.08 * k, np.ones(200)]).astype(float) for k in range(5)}
    rows["holes"] = np.column_stack([rng.random(200) < 0.5, rng.random(200) < 0.9]).astype(float)
    rows["holes"][:, 0] *= rows["holes"][:, 1]
    sums = {name: cluster_sums(values, clusters) for name, values in rows.items()}
    found = all_pairs(sums, 10_000)
    for a, first in enumerate(rows):
        for b, second in enumerate(rows):
            if a != b:
                assert found.p[a, b] == sign_flip(ratio, sums[first], sums[second]).p
    assert list(ranks(found).values()) == list(rank_intervals(rows, clusters, aggregate=ratio))
    lower = rank_intervals(rows, clusters, aggregate=ratio, higher_is_better=False)
    assert list(ranks(found, higher_is_better=False).values()) == list(lower)


def test_few_clusters_are_exchanged_in_all_ways():
    sums = {name: cluster_sums([[x, 1], [x + 1, 1], [x, 1]], "uvw") for name, x in (("a", 4.0), ("b", 1.0), ("c", 0.0))}
    found = all_pairs(sums, 10_000)
    assert found.exact and found.flips == 8 and found.p[0, 1] == 0.25
    assert "no p-value can be below 0.25" in resolution(found)
    assert resolution(None) == ""


def test_rows_that_may_not_rank_are_shown_with_the_reason(tmp_path):
    good = Spec("a/one", "prompted", segments=24, skill=0.9)
    odd = [
        replace(good, model="b/partial", complete=False),
        replace(good, model="c/demo", notes=("weak demonstration model, not a leaderboard claim",), publishable=False),
        replace(good, model="d/chosen", marked=("usable",)),
        replace(good, model="e/other", segments=20),
        replace(good, model="f/limit", publishable=False),
    ]
    folder = made(tmp_path / "runs", good, replace(good, model="a/two", seed=9), *odd)
    board = only_board(folder)
    why = {row.run.result.model: row.why_not for row in board.rows}
    assert {row.run.result.model for row in board.rows if row.rank} == {"a/one", "a/two"}
    assert [row.rank is None for row in board.rows] == [False] * 2 + [True] * 5
    assert why["b/partial"] == ("incomplete",) and why["e/other"] == ("other segments than the rest of the board",)
    assert why["c/demo"][0].startswith("weak demonstration") and why["f/limit"] == (
        "not fit for publication until repaired",
    )
    assert why["d/chosen"] == ("chosen by what usable measures with",)
    text = page(built(folder, tmp_path / "site") / "index.html")
    assert "not ranked: chosen by what usable measures with" in text and "weak demonstration model" in text
    assert "Some rows are shown and not ranked." in text and "Not a ranking." not in text


def test_a_board_of_nothing_that_ranks(tmp_path):
    folder = write(tmp_path / "runs", Spec())
    result = json.loads((folder / "result.json").read_bytes())
    alter(folder, "result.json", metrics={"cost": result["metrics"]["cost"]}, notes=["synthetic data"], measures=[])
    board = built(tmp_path / "runs", tmp_path / "site")
    text = page(board / "index.html")
    assert re.search(r"Not a ranking\.</strong>\s*<span>synthetic data<", text)
    assert "nothing that was measured here ranks" in text and "other segments" not in text
    assert "no two systems on the same segments" in page(board / "pairs.html")


def test_length_alone_ranks_nothing(tmp_path):
    for spec in systems(2):
        folder = write(tmp_path, spec)
        result = json.loads((folder / "result.json").read_bytes())
        keep = {name: result["metrics"][name] for name in ("ib", "ok", "rho_fwd", "bleu_rho", "cost")}
        alter(folder, "result.json", metrics=keep, measures=[])
    board = only_board(tmp_path)
    assert board.headline == "ib" and board.ranked == 0 and board.first[0] == "ib"
    assert all(row.why_not == ("length alone ranks nothing",) for row in board.rows)


def test_boards_are_one_a_task_and_protocol(tmp_path):
    specs = systems(2, ("sandglass_zh_en", "sandglass_zh_de"))
    folder = made(tmp_path, *specs)
    other = next(folder.rglob("result.json")).parent
    for name in ("result.json", "manifest.json"):
        alter(other, name, protocol="task=x|counter=phonetic")
    found = boards([read(path) for path in find([folder])])
    assert sorted(len(board.rows) for board in found) == [1, 1, 2]
    assert len({board.slug for board in found}) == 3


# What is read


def test_a_run_that_is_there_twice_counts_once(tmp_path):
    one, two = made(tmp_path / "one", Spec()), made(tmp_path / "two", Spec(), Spec("b/other"))
    assert len(find([one, two])) == 2


def test_rows_of_scores_and_hashes_alone_have_no_samples(tmp_path):
    spec = Spec("a/hashes", texts=False)
    board = built(made(tmp_path / "runs", spec), tmp_path / "site")
    assert not (board / "samples").exists()
    (run,) = (board / "runs").iterdir()
    assert "this row is scores and hashes only" in page(run) and "Samples</a>" not in page(board / "index.html")
    mixed = built(made(tmp_path / "runs", Spec("b/texts")), tmp_path / "site")
    assert "b/texts" in page(mixed / "samples" / "1.html") and "a/hashes" not in page(mixed / "samples" / "1.html")


def test_trust_levels(tmp_path):
    folder = write(tmp_path / "runs", Spec())
    trust = folder / "trust.json"
    trust.write_text('{"level": "recomputed", "command": "sandglass submission check x", "sha256": "0"}')
    board = built(tmp_path / "runs", tmp_path / "site")
    (run,) = (board / "runs").iterdir()
    assert "recomputed: every deterministic score follows" in page(run) and "submission check x" in page(run)
    for wrong in ('{"level": "golden"}', "[]", "{"):
        trust.write_text(wrong)
        with pytest.raises(UserError, match=r"trust\.json is damaged"):
            read(folder)


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("scores.jsonl", ""),
        ("scores.jsonl", "{}\n"),
        ("scores.jsonl", "[1]\n"),
        ("scores.jsonl", '{"id": "x", "seed": 1, "cluster": "v", "state": "ok", "statistics": {"ib": [NaN, 1]}}\n'),
        ("scores.jsonl", '{"id": "x", "seed": 1, "cluster": "v", "state": "ok", "statistics": {"ib": [1e999, 1]}}\n'),
        ("scores.jsonl", '{"id": "x", "seed": 1, "cluster": "v", "state": "ok", "statistics": {"usable": []}}\n'),
        (
            "scores.jsonl",
            f'{{"id": "x", "seed": 1, "cluster": "v", "state": "ok", "statistics": {{"ib": [1{"0" * 400}, 1]}}}}\n',
        ),
        ("scores.jsonl", "[" * 100_000 + "\n"),
        ("scores.jsonl", '"' + "x" * (5 << 20) + '"\n'),
        ("result.json", "{}"),
        ("result.json", "{"),
        ("result.json", "[" * 100_000),
        ("manifest.json", '{"schema": 99}'),
    ],
)
def test_damaged_runs_are_refused_by_name(tmp_path, file, content):
    folder = write(tmp_path / "runs", Spec())
    (folder / file).write_text(content)
    with pytest.raises(UserError, match=re.escape(str(folder / file))):
        build([tmp_path / "runs"], tmp_path / "site", workers=1)
    assert not (tmp_path / "site").exists() and [path.name for path in tmp_path.iterdir()] == ["runs"]


def test_estimates_that_are_not_finite_are_refused(tmp_path):
    folder = write(tmp_path, Spec())
    text = (folder / "result.json").read_text()
    (folder / "result.json").write_text(re.sub(r'"value": [\d.]+', '"value": 1e999', text, count=1))
    with pytest.raises(UserError, match="not finite"):
        read(folder)


def test_only_a_site_is_built_over(tmp_path):
    folder, out = made(tmp_path / "runs", Spec()), tmp_path / "out"
    out.mkdir()
    build([folder], out, workers=1)
    (out / "stale.html").write_text("x")
    build([folder], out, workers=1)
    assert not (out / "stale.html").exists() and (out / "index.html").is_file()
    for name in ("thesis", "file"):
        other = tmp_path / name
        if name == "file":
            other.write_text("mine")
        else:
            other.mkdir()
            (other / "chapter.txt").write_text("mine")
        with pytest.raises(UserError, match="is no site"):
            build([folder], other, workers=1)
    (tmp_path / "link").symlink_to(out)
    with pytest.raises(UserError, match="is no site"):
        build([folder], tmp_path / "link", workers=1)
    with pytest.raises(UserError, match="Not a directory"):
        build([folder], tmp_path / "file" / "site", workers=1)
    assert (tmp_path / "thesis" / "chapter.txt").read_text() == "mine" and (tmp_path / "file").read_text() == "mine"


def test_same_files_same_bytes(tmp_path):
    folder = made(tmp_path / "runs", *systems(3, ("sandglass_zh_en", "sandglass_zh_de")))
    for name, workers in (("a", 1), ("b", 2)):
        build([folder], tmp_path / name, workers=workers)
    files = sorted(path.relative_to(tmp_path / "a") for path in (tmp_path / "a").rglob("*") if path.is_file())
    assert len(files) > 40
    assert files == sorted(path.relative_to(tmp_path / "b") for path in (tmp_path / "b").rglob("*") if path.is_file())
    assert all((tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes() for name in files)
