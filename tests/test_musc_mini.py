"""The MuSC mini sets are what their cards say: six scenes of 25 lines, two readable references a language."""

import json
import re
import statistics
from itertools import pairwise

import pytest
from sacrebleu.metrics import CHRF

from harness.language import wrong_language
from harness.task import load_task, task_folder
from tasks.musc.terms import Terms
from tests.conftest import CORPORA

SETS = {"zh": ("en",), "en": ("zh", "de", "fr")}
NAMES = [f"musc_mini_{source}_{target}" for source, targets in SETS.items() for target in targets]
CHARACTERS_A_SECOND = {"zh": 9, "en": 20, "de": 17, "fr": 17}  # for adults; 17 where there is no value of its own
TWO_FRAMES = 2 / 25


@pytest.fixture(params=list(SETS))
def source(request):
    return request.param


@pytest.fixture
def path(source):
    return task_folder(f"musc_mini_{source}_{SETS[source][0]}") / "segments.jsonl"


@pytest.fixture
def lines(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def language(key):
    return key.partition(":")[0]


def plain(text):
    return re.sub(r"\W", "", text).casefold()


def says(text, term, lang):
    """Whether a text holds a term as a word; French text has no-break spaces."""
    if lang == "zh":
        return term in text
    return re.search(rf"(?<!\w){re.escape(term)}(?!\w)", text, re.IGNORECASE) is not None


def scenes(lines):
    found = {}
    for line in lines:
        found.setdefault(line["video"], []).append(line)
    return found


def test_six_scenes_of_25_in_six_genres(lines):
    assert [len(scene) for scene in scenes(lines).values()] == [25] * 6
    assert [line["id"] for line in lines] == [f"{name}-{n:02d}" for name in scenes(lines) for n in range(1, 26)]
    assert len({line["domain"] for line in lines}) == 6
    assert all(len({line["domain"] for line in scene}) == 1 for scene in scenes(lines).values())


@pytest.mark.parametrize("name", NAMES)
def test_a_scene_is_one_prompt(name):
    task = load_task(name)
    assert task.name == name and task.synthetic and task.track == "none"
    assert [len(item.segments) for item in task.items(task.window)] == [25] * 6
    assert all(segment.reference for segment in task.segments)
    assert len(task.segments[10].before) == len(task.segments[10].after) == 5
    assert task.segments[24].after == task.segments[25].before == ()


def test_every_line_has_two_references_a_language(lines, source):
    keys = [key for target in SETS[source] for key in (target, f"{target}:expressive")]
    for line in lines:
        assert list(line["references"]) == keys
        for text in (line["text"], *line["references"].values()):
            assert text == text.strip() and len(text.splitlines()) == 1 and not text.startswith("-")


def test_every_text_is_in_its_language(lines, source):
    texts = [(source, line["text"]) for line in lines]
    texts += [(language(key), text) for line in lines for key, text in line["references"].items()]
    assert [text for lang, text in texts if wrong_language(text, lang)] == []
    assert [text for lang, text in texts if lang == "zh" and re.search("[A-Za-z]", text)] == []


def test_an_expressive_reference_is_another_translation(lines, source):
    for target in SETS[source]:
        pairs = [(line["references"][target], line["references"][f"{target}:expressive"]) for line in lines]
        assert all(plain(natural) != plain(expressive) for natural, expressive in pairs)
        near = [CHRF().sentence_score(expressive, [natural]).score >= 80 for natural, expressive in pairs]
        assert sum(near) <= 0.05 * len(near)


def test_lines_hold_their_terms_and_references_follow_them(lines, source):
    for scene in scenes(lines).values():
        given = {term: into for line in scene for term, into in line["terms"].items()}
        assert 2 <= len(given) <= 6
        assert all(set(into) == set(SETS[source]) for into in given.values())
        of = Terms([(term, term) for term in given], source).of
        for line in scene:
            assert line["terms"] == {term: given[term] for term in given if (term, term) in of(line["text"])}
            for into in line["terms"].values():
                for key, text in line["references"].items():
                    assert says(text, into[language(key)], language(key)), (line["id"], key)


def test_times_run_forward_and_are_plausible(lines):
    for scene in scenes(lines).values():
        assert all(1 <= line["end"] - line["start"] <= 6 for line in scene)
        gaps = [after["start"] - before["end"] for before, after in pairwise(scene)]
        assert all(TWO_FRAMES - 1e-6 <= gap < 3 for gap in gaps)


def test_natural_references_can_be_read_in_time(lines, source):
    for target in SETS[source]:
        assert readable(lines, target) >= 0.9


def readable(lines, key):
    limit = CHARACTERS_A_SECOND[language(key)]
    return statistics.mean(len(line["references"][key]) / (line["end"] - line["start"]) <= limit for line in lines)


def test_the_card_states_what_is_measured(lines, source):
    measured = {
        "lines": len(lines),
        "scenes": len(scenes(lines)),
        "lines_with_terms": sum(bool(line["terms"]) for line in lines),
    }
    for target in SETS[source]:
        natural, expressive = target, f"{target}:expressive"
        pairs = [(line["references"][expressive], [line["references"][natural]]) for line in lines]
        measured[f"readable_{target}"] = round(readable(lines, natural), 3)
        measured[f"readable_{target}_expressive"] = round(readable(lines, expressive), 3)
        measured[f"chrf_{target}"] = round(statistics.mean(CHRF().sentence_score(*pair).score for pair in pairs), 1)
    assert load_task(f"musc_mini_{source}_{SETS[source][0]}").card.statistics == measured


@pytest.mark.parametrize(("id_", "length"), [("harrow-gap-16", 8), ("harrow-gap-25", 5)])
def test_telegrams_have_as_many_words_as_is_said_of_them(id_, length):
    """The dialogue counts them: eight words at ten cents each, and five more."""
    path = task_folder("musc_mini_en_zh") / "segments.jsonl"
    line = next(line for line in map(json.loads, path.read_text(encoding="utf-8").splitlines()) if line["id"] == id_)
    assert len(re.findall(r"[\w']+", line["text"])) == length
    for key, text in line["references"].items():
        words = re.findall(r"\w" if language(key) == "zh" else r"[\w']+", text)
        assert len(words) == length, key


def test_no_line_stands_in_a_public_corpus(lines):
    if not CORPORA.is_dir():
        pytest.skip("no corpora are here (set SANDGLASS_CORPORA to the folder of the corpora)")
    own = {line["text"]: line["id"] for line in lines}
    own |= {text: line["id"] for line in lines for text in line["references"].values()}
    own = {plain(text): id_ for text, id_ in own.items() if len(plain(text)) >= 8}
    found = set()
    for path in sorted(CORPORA.rglob("*.*")):
        if path.suffix in {".json", ".csv", ".en", ".zh", ".de", ".fr", ".es"}:
            corpus = plain(path.read_text(encoding="utf-8"))
            found |= {own[text] for text in own if text in corpus}
    assert found == set()


def test_the_file_is_what_python_writes(path, lines):
    written = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
    assert path.read_bytes() == written.encode()
