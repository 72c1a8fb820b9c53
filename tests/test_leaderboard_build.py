"""The board from result files: who is ranked and why not, what stands on its pages, and how heavy they are."""

import csv
import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from harness.cli import main
from harness.definition import Card
from harness.errors import UserError
from harness.metrics.base import ratio
from harness.records import dump
from harness.run.store import read_result
from harness.stats.clusters import cluster_sums
from harness.stats.paired import sign_flip
from harness.stats.ranks import rank_intervals
from leaderboard.board import boards
from leaderboard.build import build
from leaderboard.cards import Facts
from leaderboard.pages import forest, resolution, write_board
from leaderboard.pairs import all_pairs, ranks
from leaderboard.published import tables
from leaderboard.runs import find, read
from leaderboard.samples import records, shards, sources
from leaderboard.site import Site
from tests.board_runs import Spec, systems, write

PUBLISHED = Path(__file__).parents[1] / "baselines" / "published"


def made(folder, *specs, edit=None):
    for spec in specs:
        write(folder, spec, edit)
    return folder


def only_board(folder):
    (found,) = boards([read(path) for path in find([folder])])
    return found


def built(folder, out, **more):
    build([folder], out, workers=1, **more)
    (board,) = [path.parent for path in out.glob("*/plots.html")]
    return board


def page(path):
    return path.read_text(encoding="utf-8")


def alter(folder, name, **changes):
    path = folder / name
    path.write_text(json.dumps(json.loads(path.read_bytes()) | changes))


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


# Pages


def test_cards_are_only_text(tmp_path):
    """A task's card comes with its package, and a task may be anybody's."""
    planted = "<script>pwned=1</script>\u202e"
    card = Card(planted, planted, planted, planted, planted, planted, planted, (planted,), planted)
    write_board(Site(tmp_path / "site"), only_board(made(tmp_path / "runs", Spec())), Facts(planted, card), [])
    for path in (tmp_path / "site").rglob("*.html"):
        assert "<script>pwned" not in page(path) and "\u202e" not in page(path)
        assert "&lt;script&gt;pwned=1&lt;/script&gt;⟨U+202E⟩" in page(path)


def test_the_table_shows_what_the_results_say(tmp_path):
    folder = made(tmp_path / "runs", *systems(4, segments=40, videos=10))
    board = built(folder, tmp_path / "site")
    text = page(board / "index.html")
    for path in folder.rglob("result.json"):
        result = read_result(path.parent)
        for name in ("usable", "ib", "bt_cerr"):
            estimate = result.metrics[name]
            interval = f"{100 * estimate.low:.1f}–{100 * estimate.high:.1f}"
            assert re.search(rf">{100 * estimate.value:.1f}\s*<small>{re.escape(interval)}</small>", text)
    extra = json.loads(page(board / "data" / "columns.js").removeprefix('sandglass.register("columns",')[:-3])
    names = [column[0] for column in extra["columns"]]
    assert set(names) == set(result.metrics)
    (cell,) = [row[names.index("latency")] for key, row in extra["rows"].items() if "gpt-1-unconstrained" in key]
    assert cell[0] == "0.9"


def test_downloads(tmp_path):
    folder = made(tmp_path / "runs", *systems(3))
    board = built(folder, tmp_path / "site")
    data = json.loads(page(board / "table.json"))
    stored = {read_result(path.parent).run_id: dump(read_result(path.parent)) for path in folder.rglob("result.json")}
    assert {row["result"]["run_id"]: row["result"] for row in data["rows"]} == stored
    assert [row["rank"]["low"] for row in data["rows"]] == [1, 1, 1] and data["headline"] == "usable"
    with (board / "table.csv").open(encoding="utf-8") as file:
        lines = list(csv.DictReader(file))
    assert len(lines) == sum(len(result["metrics"]) for result in stored.values())
    assert page(board / "table.tex").count(r"\\") == 4 and page(board / "table.md").count("\n| ") == 4
    assert page(board / "citation.bib").startswith("@article{cui2026homura,")


def test_rows_from_papers_stand_apart(tmp_path):
    board = built(made(tmp_path / "runs", Spec()), tmp_path / "site", published=PUBLISHED)
    measured, papers = page(board / "index.html").split("From papers</h2>")
    assert "HOMURA-Rubric" in papers and "0.943" in papers and "Not measured here." in papers
    assert "HOMURA-Rubric" not in measured and "HOMURA-Rubric" in page(tmp_path / "site" / "published.html")
    found = {(table.title, table.board) for table in tables(PUBLISHED)}
    assert ("Main results, de", "sandglass_zh_de") in found
    with (PUBLISHED / "homura_table03_main.csv").open() as file:
        english = [row for row in csv.DictReader(file) if row["target"] == "en"]
    (table,) = [table for table in tables() if table.title == "Main results, en"]
    assert [row[table.header.index("bt_cerr")] for row in table.rows] == [row["bt_cerr"] for row in english]
    with pytest.raises(UserError, match="no folder"):
        tables(tmp_path / "none")


def test_other_tracks_have_the_columns_their_results_have(tmp_path):
    """A task without a budget: a judge's column ranks, and nothing of syllables is shown."""
    for spec in systems(2, ("musc_en_zh",)):
        folder = write(tmp_path / "runs", spec)
        result = json.loads((folder / "result.json").read_bytes())
        keep = ("accuracy", "cometkiwi", "tokens_total", "ok")
        metrics = {name: result["metrics"][name] for name in keep}
        alter(folder, "result.json", metrics=metrics | {"new_thing": metrics["ok"]}, bounds=[])
        manifest = json.loads((folder / "manifest.json").read_bytes())
        alter(folder, "manifest.json", frame=manifest["frame"] | {"bounds": [], "track": "none", "tau": None})
        lines = [json.loads(line) for line in (folder / "scores.jsonl").read_text().splitlines()]
        for line in lines:
            line["statistics"] = {name: line["statistics"][name] for name in keep}
            line |= {"rho": None, "syllables": {}}
        (folder / "scores.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    board = only_board(tmp_path / "runs")
    assert board.headline == "cometkiwi" and board.bounds is None and board.ranked == 2
    assert board.columns["accuracy"].group == "Judges" and board.columns["new_thing"].group == "Other"
    folder = built(tmp_path / "runs", tmp_path / "site")
    assert "BT-CERR" not in page(folder / "index.html") and "budget" not in page(folder / "samples" / "1.html")


def test_forest_places_are_on_the_line():
    from harness.records import Estimate

    assert forest(Estimate(0.2, None, None, "one cluster", 3, 1, 1.0), 0.0, 0.4) == (50.0, 50.0, 50.0)
    assert forest(None, 0.0, 1.0) is None


def test_samples_are_what_the_run_stored(tmp_path):
    folder = write(tmp_path, Spec(strategy="best_of_n:n=8", segments=30))
    run, board = read(folder), only_board(tmp_path)
    found, known = records(run, board.budget), sources(board)
    stored = {line["id"]: line for line in map(json.loads, (folder / "translations.jsonl").read_text().splitlines())}
    scored = {line["id"]: line for line in map(json.loads, (folder / "scores.jsonl").read_text().splitlines())}
    for id_, (record,) in found.items():
        assert record["t"] == stored[id_]["text"] and record["x"] == stored[id_]["state"]
        source, hypothesis, _ = scored[id_]["syllables"]["pyphen"]
        assert record["n"] == hypothesis and known[id_]["n"] == source
        low, high = known[id_].get("k", (1, 0))
        assert (low <= hypothesis <= high) == (0.8 <= hypothesis / source <= 0.9)
        assert record["v"][0] == scored[id_]["statistics"]["usable"][0]
        for event in record.get("e", []):
            assert event[1] == (event[3] >= 0.56 and not event[4])
    order = run.scores.segments
    parts = list(shards(order, found, 5_000))
    assert len(parts) > 2 and all(len(text.encode()) <= 5_002 for _, text in parts)
    assert [record for _, text in parts for record in json.loads(text)] == [found.get(id_) for id_ in order]
    starts = [start for start, _ in parts]
    assert starts == sorted(set(starts)) and starts[0] == 0


def test_no_shard_is_large_whatever_is_stored():
    text = "<" * 2_000
    big = [
        {"i": "1", "x": "ok", "t": text, "b": text, "m": {str(n): [1.0, "ok", text, [text] * 6] for n in range(40)}},
        *({"i": str(n), "x": "ok", "t": text, "b": text} for n in range(50)),
    ]
    parts = list(shards(["a", "b"], {"a": big, "b": [{"i": "1", "x": "ok", "t": "short"}]}))
    assert len(parts) == 2 and all(len(part.encode()) < 199_000 for _, part in parts)
    assert "too large to be shown" in parts[0][1] and "short" in parts[1][1]


def test_pages_of_sixty_systems_are_light(tmp_path):
    """The first load of every page without its data: HTML, styles and scripts in 150 KB."""
    folder = made(tmp_path / "runs", *systems(60, segments=10, videos=5))
    built(folder, tmp_path / "site")
    pages = list((tmp_path / "site").rglob("*.html"))
    assert len(pages) > 80
    for path in pages:
        text = page(path)
        named = re.findall(r'<(?:script src|link rel="(?:stylesheet|icon)" href)="([^"]+)"', text)
        assert len(named) >= 3
        weight = len(text.encode()) + sum((path.parent / name).stat().st_size for name in named)
        assert weight <= 150_000, path
    for path in (tmp_path / "site").rglob("*.js"):
        assert path.stat().st_size <= 200_000, path


def test_every_link_leads_somewhere(tmp_path):
    build([made(tmp_path / "runs", *systems(3))], tmp_path / "site", workers=1)
    for path in (tmp_path / "site").rglob("*.html"):
        for link in re.findall(r'(?:href|src|data-columns|data-samples)="([^"#]+)', page(path)):
            assert (path.parent / link).resolve().is_file(), (path, link)
        assert re.search(r"<h1\b", page(path)) and "<script>" not in page(path) and " style=" not in page(path)


def test_on_the_command_line(tmp_path, capsys):
    folder = made(tmp_path / "runs", Spec())
    assert main(["leaderboard", "build", "--results", str(folder), "--out", str(tmp_path / "site")]) == 0
    assert f"1 runs on 1 boards. Open {tmp_path / 'site' / 'index.html'}" in capsys.readouterr().out
    assert main(["leaderboard", "build", "--results", str(tmp_path / "no"), "--out", str(tmp_path / "s")]) == 2
    assert "There is no folder" in capsys.readouterr().err
    (tmp_path / "empty").mkdir()
    assert main(["leaderboard", "build", "--results", str(tmp_path / "empty"), "--out", str(tmp_path / "s")]) == 2
    assert main(["leaderboard", "build", "--out", str(tmp_path / "s")]) == 2
    assert "Give --results DIR" in capsys.readouterr().err
