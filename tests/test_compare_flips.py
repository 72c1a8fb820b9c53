"""Which segments changed their verdict, and which of several repeats shows it."""

from dataclasses import replace

import numpy as np
import pytest

from benchmarks.gate import RESULT
from harness.compare_flips import MOST_TEXT, flips
from harness.compare_runs import Run, check_comparable
from harness.errors import UserError
from harness.jsonl import to_line, write_atomic
from harness.metrics.base import Metric, ratio
from harness.records import Segment, Translation, dump

VERDICT = Metric("ib", "", lambda _: (), ratio, higher_is_better=True, proportion=True)


def stored(folder, verdicts, text="{id} {seed}", higher=True):
    """A run of repeats: by segment one verdict a repeat, None where it carries none."""
    lines, made = [], []
    for id_, values in verdicts.items():
        for seed, value in enumerate(values, 1):
            statistics = [0.0, 0.0] if value is None else [float(value), 1.0]
            lines.append({"id": id_, "seed": seed, "statistics": {"ib": statistics}})
            made.append(Translation(id_, seed, text.format(id=id_, seed=seed), "ok"))
    write_atomic(folder / "scores.jsonl", b"".join(map(to_line, lines)))
    write_atomic(folder / "translations.jsonl", b"".join(to_line(dump(one)) for one in made))
    sources = (Segment(id_, f"source of {id_}", "v") for id_ in verdicts)
    write_atomic(folder / "segments.jsonl", b"".join(to_line(dump(one)) for one in sources))
    rows = [[line["statistics"]["ib"] for line in lines if line["id"] == id_] for id_ in verdicts]
    metrics = {"ib": replace(VERDICT, higher_is_better=higher)}
    names = tuple(verdicts)
    statistics = {"ib": np.array([np.mean(row, axis=0) for row in rows])}
    return Run(folder.name, folder, RESULT, metrics, names, ("v",) * len(names), statistics)


def test_the_text_is_of_the_first_repeat_with_the_verdict_of_the_majority(tmp_path):
    first = stored(tmp_path / "a", {"s1": (0, 1, 1), "s2": (0, 0, 1), "s3": (1, 1, 1), "s4": (None, None, 1)})
    second = stored(tmp_path / "b", {"s1": (1, 0, 0), "s2": (0, 1, 1), "s3": (1, 1, 0), "s4": (None, 0, None)})
    found = {flip.segment: flip for flip in flips(first, second, ["ib"])}
    assert list(found) == ["s1", "s2", "s4"]
    assert (found["s1"].first_text, found["s1"].text, found["s1"].better) == ("s1 2", "s1 2", False)
    assert (found["s2"].first_text, found["s2"].text, found["s2"].better) == ("s2 1", "s2 2", True)
    assert (found["s4"].first_text, found["s4"].text) == ("s4 3", "s4 2")
    assert found["s1"].source == "source of s1" and found["s1"].first == pytest.approx(2 / 3)


def test_where_lower_is_better_less_is_gained(tmp_path):
    first, second = (stored(tmp_path / name, {"s": (value,)}, higher=False) for name, value in (("a", 1), ("b", 0)))
    (flip,) = flips(first, second, ["ib"])
    assert flip.better and (flip.first, flip.value) == (1.0, 0.0)


def test_a_description_has_no_flips(tmp_path):
    runs = [stored(tmp_path / name, {"s": (value,)}, higher=None) for name, value in (("a", 1), ("b", 0))]
    assert flips(*runs, ["ib"]) == ()


def test_a_text_of_any_length_is_cut(tmp_path):
    runs = [stored(tmp_path / name, {"s": (value,)}, text="字" * 10**6) for name, value in (("a", 1), ("b", 0))]
    (flip,) = flips(*runs, ["ib"])
    assert len(flip.text) == MOST_TEXT and flip.text.endswith("字…")


def test_a_half_of_a_character_is_replaced(tmp_path):
    runs = [stored(tmp_path / name, {"s": (value,)}) for name, value in (("a", 1), ("b", 0))]
    file = runs[1].folder / "translations.jsonl"
    file.write_bytes(file.read_bytes().replace(b'"s 1"', b'"\\ud800"'))
    assert flips(*runs, ["ib"])[0].text == "?"


@pytest.mark.parametrize("name", ["translations.jsonl", "segments.jsonl", "scores.jsonl"])
def test_a_run_without_its_texts_is_damaged(tmp_path, name):
    runs = [stored(tmp_path / place, {"s": (value,)}) for place, value in (("a", 1), ("b", 0))]
    (runs[0].folder / name).unlink()
    with pytest.raises(UserError, match="damaged"):
        flips(*runs, ["ib"])


def test_one_folder_twice_is_refused_also_by_another_path(tmp_path):
    run = stored(tmp_path / "a", {"s": (1,)})
    with pytest.raises(UserError, match="given twice"):
        check_comparable([run, replace(run, folder=tmp_path / "b" / ".." / "a")])
