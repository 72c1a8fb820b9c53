"""Terms, budgets, units and the synopsis, each alone."""

from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import UserError
from harness.subtitles.entry import Entry
from harness.subtitles.limits import limits_for
from harness.translating.answers import read
from harness.translating.budgets import Pace, pace_of
from harness.translating.glossary import Learned, Term, occurring, read_glossary, stands, uses, write_terms
from harness.translating.second_pass import Guard, numbers_lost
from harness.translating.synopsis import read_synopsis
from harness.translating.units import Unit, joined, scenes_of, split_turns

EN = limits_for("en")


def entry(seconds):
    return Entry(1, Fraction(0), Fraction(seconds), "", 0)


def test_a_speed_that_equals_its_limit_passes():
    pace = Pace(EN)
    assert pace.violations(entry("1.5"), "x" * 30) == {}
    assert list(pace.violations(entry("1.499"), "x" * 30)) == ["reading_speed"]
    assert list(pace.violations(entry(60), "x" * 43)) == ["line_length"]
    assert pace.violations(entry(60), " ".join(["word"] * 16)) == {}  # 79 characters on two lines
    assert pace.violations(entry("2.95"), " ".join(["word"] * 12)) == {}  # the blank at the break counts nothing: 58
    assert list(pace.violations(entry(60), " ".join(["word"] * 30))) == ["lines"]


def test_budgets_for_children_chinese_and_speech():
    assert Pace(limits_for("en", children=True)).allowed(entry(2)) == 34
    assert Pace(limits_for("zh")).allowed(entry(2)) == 18
    spoken = pace_of("syllables:4.44", EN)
    assert spoken.allowed(entry(2)) == 8 and spoken.violations(entry(2), "one two three four five six") == {}
    assert list(spoken.violations(entry(2), "one two three four five six seven eight")) == ["speech_rate"]
    assert spoken.budget("zh", "en").track == "duration" and pace_of("none", EN).budget("zh", "en").track == "none"
    with pytest.raises(UserError, match="cannot be counted"):
        pace_of("syllables:5", limits_for("fr"))


TERMS = (Term("王", "Wang"), Term("王国", "kingdom"), Term("Ann", "Anna"), Term("New York", "Neu-York"))


def test_terms_stand_as_words_of_their_own():
    assert [t.target for t in occurring(TERMS, "王国很大，王也在")] == ["Wang", "kingdom"]
    assert [t.target for t in occurring(TERMS, "Anna in new york")] == ["Neu-York"]
    assert stands("AI", "用AI翻译") and not stands("AI", "rain") and stands("C++", "in C++.")
    found = uses(TERMS, [(1, "王国", "A kingdom."), (2, "王国", "The kingdoms"), (3, "Ann", "anna!")])
    assert [(use.term.target, use.cues, use.right, use.missed) for use in found] == [
        ("kingdom", 2, 1, (2,)),
        ("Anna", 1, 1, ()),
    ]


def test_learned_terms_are_those_that_really_stand_there():
    learned = Learned([Term("李四", "Li Si")])
    told = [("李四", "Lee"), ("王小明", "Wang"), ("王小明", "Wong"), ("张三", "Zhang"), ("他", "He"), ("x" * 61, "x")]
    pairs = {"他是王小明" + "x" * 61: "He is Wang, not Wong x.", "李四": "Lee"}
    learned.add([Term(*each) for each in told], pairs)
    assert learned.terms == (Term("王小明", "Wang"),)


WORDS = st.text("王国abcé", min_size=1, max_size=5)


@given(st.dictionaries(WORDS.map(str.casefold), st.tuples(WORDS, st.text("no", max_size=3)), max_size=5))
def test_terms_are_read_as_they_were_written(tmp_path_factory, rows):
    path = tmp_path_factory.mktemp("terms") / "t.tsv"
    terms = tuple(Term(source, target, note) for source, (target, note) in rows.items())
    path.write_bytes(write_terms(terms))
    assert read_glossary(path) == terms


@pytest.mark.parametrize("line", ["one", "a\tb\tc\td", "\tb", "a\t", "a\t" + "b" * 201, "王\tWang\n王\tWong"])
def test_a_bad_glossary_is_refused_with_its_line(tmp_path, line):
    path = tmp_path / "g.tsv"
    path.write_text(f"好\tgood\n{line}\n", encoding="utf-8")
    with pytest.raises(UserError, match=r"line [23]"):
        read_glossary(path)
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(UserError, match="not UTF-8"):
        read_glossary(path)


@given(st.lists(st.tuples(st.sampled_from(["Hi.", "a b", "行吗"]), st.booleans()), min_size=1, max_size=4))
def test_turns_are_put_together_as_they_were_split(turns):
    turns = [(text, dashed or number > 0) for number, (text, dashed) in enumerate(turns)]
    text = "\n".join(("- " if dashed else "") + words for words, dashed in turns)
    assert split_turns(text) == turns
    units = [Unit(0, number, words, 0, 1, dashed) for number, (words, dashed) in enumerate(turns)]
    assert joined(units, {unit.id: unit.text for unit in units}) == text


@given(st.lists(st.floats(0, 20), max_size=300))
def test_scenes_hold_every_unit_once_and_are_never_small(gaps):
    units, time = [], 0.0
    for number, gap in enumerate(gaps):
        units.append(Unit(number, 0, "x", time, time + 1))
        time += 1 + gap
    scenes = scenes_of(units)
    assert [unit for scene in scenes for unit in scene] == units
    assert all(len(scene) >= 60 for scene in scenes[:-1])


@given(st.text(max_size=200), st.integers(1, 5))
def test_any_answer_is_read_without_an_error(answer, lines):
    reading = read(answer, ["一句话"] * lines, "en")
    assert set(reading.texts) <= set(range(1, lines + 1))


def test_numbers_and_length_of_a_rewrite():
    guard = Guard(Pace(EN), None)
    assert (
        guard.verdict("他", "a longer text", "a text") == ""
        and guard.verdict("他", "a text", "b text") == "not shorter"
    )
    assert numbers_lost("一千两百块", "1300块") and not numbers_lost("一千两百块", "1200块")
    pace = replace(guard.pace, rate=Fraction(5))
    assert Guard(pace, None).verdict("他", "strengths", "he is") == "not shorter"  # more syllables, fewer characters


def test_a_synopsis_is_a_text_or_a_file(tmp_path):
    path = tmp_path / "plot.txt"
    path.write_text("Two sisters.\nA noodle shop.", encoding="utf-8")
    assert read_synopsis(str(path)) == "Two sisters. A noodle shop." and read_synopsis("") == ""
    for bad in (str(tmp_path / "none.txt"), str(tmp_path), "long words " * 500):
        with pytest.raises(UserError):
            read_synopsis(bad)
