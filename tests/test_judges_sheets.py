"""Rating sheets: blind, safe in a spreadsheet, and read back to what was meant."""

import argparse
import csv
import io
import json

import pytest

from harness.commands import judge_command
from harness.errors import UserError
from harness.judges.validation.filled import read_key, read_sheet
from harness.judges.validation.items import Unrated, read_items
from harness.judges.validation.raters import agreement_text, alpha, span_f1, wins
from harness.judges.validation.ratings import read_ratings
from harness.judges.validation.sheets import make_key, safe, sheet, write_sheets
from harness.records import dump

HOSTILE = ['=HYPERLINK("http://x","y")', "+1", "-Hello.", "@SUM(A1)", "\t=1+1", "  =1+1", "|cmd", "＝1＋1", "%0A=1"]


def items(lines=6, systems=("alpha-secret", "beta-secret", "gamma-secret")):
    return [
        Unrated(
            f"l{line}", system, f"第{line}行", f"{system[:2]} says {line}", ("前",), ("后",), f"openai/{system}", "v"
        )
        for line in range(lines)
        for system in systems
    ]


def sandglass(*words):
    parser = argparse.ArgumentParser()
    judge_command.add_arguments(parser)
    return judge_command.main(parser.parse_args([*map(str, words)]))


def write(path, rows):
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
    return path


def exported(tmp_path, mode, raters="ann,ben", chosen=None):
    chosen = items() if chosen is None else chosen
    file = write(tmp_path / "items.jsonl", [dump(item) for item in chosen])
    key = tmp_path / "key.json"
    words = ["export", file, "--mode", mode, "--raters", raters, "--out", tmp_path / "sheets", "--key", key]
    assert sandglass(*words, "--seed", "1") == 0
    return tmp_path / "sheets", key


def fill(path, answer, separator=","):
    """Fill a sheet as a spreadsheet would save it; ``answer`` maps a row to the cells it changes."""
    rows = list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8-sig"), newline="")))
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), delimiter=separator)
    writer.writeheader()
    writer.writerows({**row, **answer(row)} for row in rows)
    path.write_text(text.getvalue(), encoding="utf-8-sig")


def test_sheets_are_blind_and_in_orders_of_their_own(tmp_path):
    sheets, key = exported(tmp_path, "score")
    orders = []
    for rater in ("ann", "ben"):
        text = (sheets / f"sheet_{rater}.csv").read_bytes()
        assert text.startswith(b"\xef\xbb\xbf") and b"secret" not in text and b"openai" not in text
        orders.append([row["item"] for row in csv.DictReader(io.StringIO(text.decode("utf-8-sig")))])
    assert sorted(orders[0]) == sorted(orders[1]) and orders[0] != orders[1] and len(orders[0]) == 18
    assert "secret" in key.read_text() and not list(sheets.glob("*.json"))


@pytest.mark.parametrize("cell", HOSTILE)
def test_no_cell_is_a_formula(cell):
    key = make_key([Unrated("=1", "s", cell, cell, (cell,))], "score", ["ann"], "salt")
    (row,) = list(csv.reader(io.StringIO(sheet(key, "ann"), newline="")))[1:]
    assert not any(part.lstrip(" ").startswith(tuple("=+-@\t\r＝＋－＠")) for part in row)
    assert safe(cell) in row


def test_neither_the_key_among_the_sheets_nor_work_overwritten(tmp_path):
    key = make_key(items(), "score", ["ann"], "salt")
    with pytest.raises(UserError, match="among"):
        write_sheets(key, tmp_path / "s", tmp_path / "s" / "key.json")
    write_sheets(key, tmp_path / "s", tmp_path / "key.json")
    with pytest.raises(UserError, match="already"):
        write_sheets(key, tmp_path / "s", tmp_path / "key.json")
    for raters in ([], ["ann", "ann"], ["../ann"], ["a b"]):
        with pytest.raises(UserError):
            make_key(items(), "score", raters, "salt")


def test_scores_come_back_as_ratings(tmp_path, capsys):
    sheets, key = exported(tmp_path, "score")
    fill(sheets / "sheet_ann.csv", lambda row: {"score (0-100)": str(10 * int(row["translation"][-1]))})
    fill(
        sheets / "sheet_ben.csv", lambda row: {"score (0-100)": f"{10 * int(row['translation'][-1])},5"}, separator=";"
    )
    out = tmp_path / "ratings.jsonl"
    assert sandglass("import", sheets / "sheet_ann.csv", sheets / "sheet_ben.csv", "--key", key, "--out", out) == 0
    found = read_ratings(out)
    assert len(found) == 18 and {item.model for item in found} == {i.model for i in items()}
    assert all(item.mean == 10 * int(item.hypothesis[-1]) + 0.25 for item in found)
    assert {item.before for item in found} == {("前",)}
    assert 0.99 < float(capsys.readouterr().out.partition("alpha: ")[2].split()[0]) <= 1


def test_rows_left_blank_are_left_out_and_wrong_cells_are_named(tmp_path):
    sheets, key_path = exported(tmp_path, "score")
    key = read_key(key_path)
    path = sheets / "sheet_ann.csv"
    assert read_sheet(path, key) == ()
    for wrong in ("good", "101", "-1", "nan"):
        fill(path, lambda row, wrong=wrong: {"score (0-100)": wrong})
        with pytest.raises(UserError, match="row 2"):
            read_sheet(path, key)
    fill(path, lambda row: {"item": "i0", "score (0-100)": "1"})
    with pytest.raises(UserError, match="unknown"):
        read_sheet(path, key)
    path.write_text("item,score\n")
    with pytest.raises(UserError, match="column"):
        read_sheet(path, key)


def test_comparisons_come_back_in_the_order_of_the_systems(tmp_path):
    sheets, key_path = exported(tmp_path, "pairwise", "ann,ben,cem")
    key = read_key(key_path)
    assert len(key.entries) == 18 and len({entry.items[0].system for entry in key.entries}) > 1

    def alpha_wins(row):
        return {"better (1/2/tie)": "1" if row["translation_1"] < row["translation_2"] else "2"}

    for rater in ("ann", "ben"):
        fill(sheets / f"sheet_{rater}.csv", alpha_wins)
    fill(sheets / "sheet_cem.csv", lambda row: {"better (1/2/tie)": "Tie"})
    filled = [given for path in sheets.glob("*.csv") for given in read_sheet(path, key)]
    counts = wins(filled, key)
    assert counts["alpha-secret", "beta-secret"] == (12, 6, 0) == counts["beta-secret", "gamma-secret"]
    assert "12 : 6 : 0" in agreement_text(filled, key)
    out = tmp_path / "comparisons.jsonl"
    assert sandglass("import", *sorted(sheets.glob("*.csv")), "--key", key_path, "--out", out) == 0
    rows = [json.loads(line) for line in out.read_text().splitlines()]
    for row in rows:
        first = "tie" if row["rater"] == "cem" else "first" if row["first"] < row["second"] else "second"
        assert row["better"] == first


def test_marked_errors_come_back_verbatim(tmp_path):
    chosen = [
        Unrated("1", "s", "他没来", "- He did come."),
        Unrated("2", "s", "好", "Good."),
        Unrated("3", "s", "", "x"),
    ]
    sheets, key_path = exported(tmp_path, "spans", chosen=chosen)
    key = read_key(key_path)

    def mark(row):
        if "He" in row["marked"]:
            return {"marked": row["marked"].replace("did come", "<major mistranslation>did</major> come")}
        return {"omitted": "none"} if "Good" in row["marked"] else {}

    for rater in ("ann", "ben"):
        fill(sheets / f"sheet_{rater}.csv", mark)
    filled = [given for rater in ("ann", "ben") for given in read_sheet(sheets / f"sheet_{rater}.csv", key)]
    by_score = {given.score: given for given in filled}
    assert len(filled) == 4 and set(by_score) == {80, 100}  # 5 of 25 points; the third row was left alone
    (span,) = by_score[80].spans
    assert (span.text, span.severity, span.category) == ("did", "major", "mistranslation")
    assert by_score[80].starts == (5,) and span_f1(filled, key).value == 1
    fill(sheets / "sheet_ann.csv", lambda row: {"marked": row["marked"].replace("come", "came")})
    with pytest.raises(UserError, match="not the translation"):
        read_sheet(sheets / "sheet_ann.csv", key)


def test_an_omission_counts_and_unequal_marks_lower_the_agreement(tmp_path):
    chosen = [Unrated(f"{n}", "s", "他没来", "He did come") for n in range(3)]
    sheets, key_path = exported(tmp_path, "spans", chosen=chosen)
    fill(sheets / "sheet_ann.csv", lambda row: {"omitted": "critical"})
    fill(sheets / "sheet_ben.csv", lambda row: {"marked": "<minor>He</minor> did come"})
    key = read_key(key_path)
    filled = [given for rater in ("ann", "ben") for given in read_sheet(sheets / f"sheet_{rater}.csv", key)]
    assert {given.score for given in filled} == {0, 96} and span_f1(filled, key).value == 0
    assert alpha(filled, key).value < 0


def test_items_of_a_run_folder(tmp_path):
    run = tmp_path / "task" / "system-1" / "run-1"
    run.mkdir(parents=True)
    manifest = {"schema": 1, "system": "model=openai/m|strategy=prompted"}
    (run / "manifest.json").write_text(json.dumps(manifest))
    write(run / "segments.jsonl", [{"id": n, "text": f"行{n}", "cluster": "v", "before": ["前"]} for n in "ab"])
    states = [("a", 1, "ok", "A"), ("a", 2, "ok", "A2"), ("b", 1, "empty", "")]
    write(
        run / "translations.jsonl",
        [{"id": i, "seed": seed, "state": state, "text": text} for i, seed, state, text in states],
    )
    (found,) = read_items(run)
    assert found == Unrated("a", "system-1", "行a", "A", ("前",), (), "openai/m", "v")


def test_wrong_items_are_said_at_once(tmp_path):
    base = {"line": "1", "system": "s", "source": "", "hypothesis": ""}
    for rows in ([base, base], [{**base, "colour": 1}], [{"line": "1"}], []):
        with pytest.raises(UserError):
            read_items(write(tmp_path / "items.jsonl", rows))
    with pytest.raises(UserError, match="two systems"):
        make_key([Unrated("1", "s", "", "")], "pairwise", ["ann"], "salt")
    with pytest.raises(UserError):
        read_key(write(tmp_path / "key.json", [base]))
