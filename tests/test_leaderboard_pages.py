"""What stands on the pages of the board, and how heavy they are."""

import csv
import json
import re
from pathlib import Path

import pytest

from harness.cli import main
from harness.definition import Card
from harness.errors import UserError
from harness.records import dump
from harness.run.store import read_result
from leaderboard.build import build
from leaderboard.cards import Facts
from leaderboard.pages import forest, write_board
from leaderboard.published import tables
from leaderboard.runs import read
from leaderboard.samples import records, shards, sources
from leaderboard.site import Site
from tests.board_built import alter, built, made, only_board, page
from tests.board_runs import Spec, systems, write

PUBLISHED = Path(__file__).parents[1] / "baselines" / "published"


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


@pytest.mark.slow
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
