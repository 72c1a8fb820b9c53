"""The small pieces of a build: seeded choices, checks, stages, probe, TOML, and the reader of built tasks."""

import json
import math
import tomllib
from collections import Counter
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.corpus import draw
from harness.corpus.filters import Filter, repeated, robust_z
from harness.corpus.folder import toml, write_folder
from harness.corpus.funnel import Step, markdown, svg
from harness.corpus.languages import language
from harness.corpus.probe import probe, public_texts
from harness.corpus.reader import read
from harness.corpus.stages import Stages, Ticker
from harness.definition import TASK_SCHEMA, Card, Data, Definition, Target, read_definition, read_toml
from harness.errors import UserError

ZH = Filter(language("zh"))
NAMES = st.text(min_size=1, max_size=6)


@settings(deadline=None)
@given(st.integers(), st.lists(NAMES, min_size=1, max_size=30, unique=True), st.integers(1, 6))
def test_folds_are_of_equal_size_and_do_not_depend_on_order(seed, names, number):
    found = draw.folds(seed, names, number)
    assert found == draw.folds(seed, names[::-1], number)
    sizes = Counter(found.values())
    assert max(sizes.values()) - min(sizes[k] for k in range(number)) <= 1


@settings(deadline=None)
@given(st.integers(), st.dictionaries(NAMES, st.sampled_from("abc"), min_size=1, max_size=30), st.floats(0, 0.999))
def test_a_split_takes_of_each_domain_the_most_below_the_share(seed, domains, share):
    train = draw.split(seed, domains, share)
    for domain, number in Counter(domains.values()).items():
        taken = sum(domains[name] == domain for name in train)
        assert taken == math.floor(share * number + 1e-9) < number


@settings(deadline=None)
@given(
    st.sets(st.sampled_from("abcdef"), min_size=1),
    st.integers(0, 1000),
    st.dictionaries(st.sampled_from("abcdef"), st.integers(0, 300), max_size=3),
)
def test_quotas_sum_to_the_total_or_are_refused(domains, total, given_):
    left = total - sum(given_.values())
    if given_.keys() - domains or left < 0 or (left and given_.keys() >= domains):
        with pytest.raises(UserError):
            draw.quotas(total, domains, given_)
        return
    found = draw.quotas(total, domains, given_)
    assert sum(found.values()) == total
    assert found.keys() == domains
    assert all(found[name] == number for name, number in given_.items())
    free = [found[name] for name in domains - given_.keys()]
    assert not free or max(free) - min(free) <= 1


def test_the_doubtful_are_drawn_in_proportion_to_their_weight():
    """The first of a weighted order is each item with its share of the weights (four standard errors)."""
    weights = {"sound": 1.0, "doubtful": 0.5, "two doubts": 0.25}
    first = Counter(
        min(weights, key=lambda name: draw.weighted_key(seed, name, weights[name])) for seed in range(20_000)
    )
    for name, weight in weights.items():
        share = weight / 1.75
        assert first[name] / 20_000 == pytest.approx(share, abs=4 * math.sqrt(share * (1 - share) / 20_000))


def test_draws_are_uniform_and_independent_of_each_other():
    numbers = np.array([draw.draw(1, "x", str(k)) for k in range(20_000)])
    assert numbers.mean() == pytest.approx(0.5, abs=4 * math.sqrt(1 / 12 / 20_000))
    assert abs(np.corrcoef(numbers[1:], numbers[:-1])[0, 1]) < 4 / math.sqrt(20_000)
    assert draw.draw(1, "ab", "c") != draw.draw(1, "a", "bc")


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from("ab"), st.text(min_size=1, max_size=4)), max_size=30))
def test_a_tally_counts_all_and_shows_the_same_few_in_any_order(things):
    one, two = draw.Tally(1), draw.Tally(1)
    for reason, text in things:
        one.count(reason, text)
    for reason, text in reversed(things):
        two.count(reason, text)
    assert one.report() == two.report()
    for reason, found in one.report().items():
        texts = [text for its, text in things if its == reason]
        assert found["count"] == len(texts)
        assert set(found["examples"]) <= set(texts)
        assert len(found["examples"]) == min(3, len(set(texts)))


@pytest.mark.parametrize(
    ("text", "seconds", "z", "removed", "doubts"),
    [
        ("这里正好有十个汉字啊", 2, 0, "", ()),
        ("这里只有九个汉字啊。", 2, 0, "fewer than 10 characters", ()),
        ("这里正好有十个汉字啊", 10 / 9.1, 0, "", ("rate",)),
        ("这里正好有十个汉字啊", 10 / 12.1, 0, "rate", ()),
        ("这里正好有十个汉字啊", 10 / 2.4, 0, "", ("rate",)),
        ("这里正好有十个汉字啊", 10 / 1.4, 0, "rate", ()),
        ("这里正好有十个汉字啊", 0, 0, "rate", ()),
        ("打开Steam商店页面看看", 3, 0, "", ("script",)),
        ("我喜欢 League of Legends", 4, 0, "script", ()),
        ("2024年12月31日23点", 3, 0, "", ()),
        ("1234567890123", 3, 0, "script", ()),
        ("一步一步一步一步往前走着", 3, 0, "", ("repetition",)),
        ("好的好的好的好的好的好的", 3, 0, "repetition", ()),
        ("这里正好有十个汉字啊", 2, 2.6, "", ("perplexity",)),
        ("这里正好有十个汉字啊", 2, 4.1, "perplexity", ()),
        ("打开Steam商店页面看看", 13 / 9.5, 2.6, "several doubts", ("rate", "script", "perplexity")),
    ],
)
def test_checks(text, seconds, z, removed, doubts):
    found = ZH.verdict(text, seconds, z)
    assert (found.removed, found.doubts) == (removed, doubts)
    assert found.weight == (0.5 ** len(doubts) if not removed or doubts else 0)


@settings(deadline=None)
@given(st.text(alphabet="ab", max_size=20))
def test_repetition_is_a_share(text):
    grams = [text[k : k + 3] for k in range(len(text) - 2)]
    first = [gram in grams[:k] for k, gram in enumerate(grams)]
    assert repeated(text) == pytest.approx(sum(first) / len(grams) if grams else 0)


@settings(deadline=None)
@given(st.lists(st.floats(-50, 50), min_size=3, max_size=30), st.floats(-5, 5), st.floats(0.1, 9))
def test_z_does_not_depend_on_place_and_scale(values, place, scale):
    numbers = np.round(np.array(values), 3)
    one, two = robust_z(numbers), robust_z(numbers * scale + place)
    spread = np.median(np.abs(numbers - np.median(numbers)))
    if spread > 1e-2:
        assert one == pytest.approx(two, rel=1e-6, abs=1e-6)
        assert np.median(one) == pytest.approx(0, abs=1e-9)
    assert robust_z(np.full(3, np.nan)).tolist() == [0, 0, 0]


def test_a_stage_is_done_once_whole_or_not_at_all(tmp_path):
    done = []

    def work(folder):
        done.append(sorted(path.name for path in folder.iterdir()))
        (folder / "x.txt").write_text("half")
        if len(done) == 1:
            raise RuntimeError("killed")
        return {"n": len(done)}

    plan = {"seed": 1}
    with Stages(tmp_path / "o", plan) as stages, pytest.raises(RuntimeError):
        stages.run("1-read", work)
    with Stages(tmp_path / "o", plan) as stages:
        assert not (tmp_path / "o" / "stages" / "1-read").exists()
        assert stages.run("1-read", work) == {"n": 2}
        assert stages.run("1-read", work) == {"n": 2}
        assert done == [[], []]  # nothing of the killed one is left
        with pytest.raises(UserError, match="Another build is at work"), Stages(tmp_path / "o", plan):
            pass
        stages.finish("1-read", {"x.txt": "0"}, keep=False)
    assert sorted(path.name for path in (tmp_path / "o").iterdir()) == ["build.json", "x.txt"]
    (tmp_path / "o" / "stages" / "1-read").mkdir(parents=True)  # as if killed while they were removed
    with Stages(tmp_path / "o", plan) as stages:
        assert stages.finished
        assert not (tmp_path / "o" / "stages").exists()
    with pytest.raises(UserError, match="other inputs or settings"), Stages(tmp_path / "o", {"seed": 2}):
        pass


def test_another_plan_is_refused_from_the_first_finished_stage_on(tmp_path):
    def refuse(folder):
        raise UserError("a.srt, line 3 is bad.", "Mend it.")

    with pytest.raises(UserError, match="line 3"), Stages(tmp_path, {"input": "bad"}) as stages:
        stages.run("1-read", refuse)
    with Stages(tmp_path, {"input": "mended"}) as stages:
        stages.run("1-read", lambda folder: {})
    with pytest.raises(UserError, match="other inputs or settings"), Stages(tmp_path, {"input": "another"}):
        pass
    with Stages(tmp_path, {"input": "mended"}) as stages:
        assert stages.run("1-read", refuse) == {}


@pytest.mark.parametrize("out", ["file", "file/below"])
def test_a_folder_that_cannot_be_made_is_refused(tmp_path, out):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(UserError, match="cannot be written"), Stages(tmp_path / out, {}):
        pass
    assert (tmp_path / "file").read_text() == "mine"


def test_progress_is_said_at_the_end(capsys):
    assert list(Ticker("reading").over(range(3))) == [0, 1, 2]
    assert capsys.readouterr().err.startswith("reading: 3 · ")


@settings(deadline=None)
@given(st.lists(st.text(alphabet="天地人和", max_size=9), max_size=5), st.text(alphabet="天地人和", max_size=12))
def test_the_probe_counts_public_ngrams(texts, line):
    n = 3
    known = {text[k : k + n] for text in texts for k in range(len(text) - n + 1)}
    grams = [line[k : k + n] for k in range(len(line) - n + 1)]
    (found,) = probe(texts, n).overlap([line])
    assert math.isnan(found) if not grams else found == pytest.approx(sum(gram in known for gram in grams) / len(grams))


def test_public_files_in_every_form(tmp_path):
    (tmp_path / "a.json").write_text('{"x": ["一", {"y": "二"}], "n": 3}', encoding="utf-8")
    (tmp_path / "b.jsonl").write_text('{"x": "三"}\n\n"四"\n', encoding="utf-8")
    (tmp_path / "c.txt").write_text("五\n六\n", encoding="utf-8")
    (tmp_path / "d.srt").write_text("1\n00:00:00,000 --> 00:00:01,000\n七\n", encoding="utf-8")
    names = ["a.json", "b.jsonl", "c.txt", "d.srt"]
    found = [text.strip() for name in names for text in public_texts(tmp_path / name) if text.strip()]
    assert found == list("一二三四五六七")
    (tmp_path / "e.json").write_text("{", encoding="utf-8")
    with pytest.raises(UserError, match=r"e\.json cannot be read"):
        list(public_texts(tmp_path / "e.json"))


VALUES = st.one_of(
    st.text(), st.integers(-(2**63), 2**63 - 1), st.floats(allow_nan=False, allow_infinity=False), st.booleans()
)


@settings(deadline=None)
@given(
    st.dictionaries(
        st.text(min_size=1),
        st.one_of(VALUES, st.lists(VALUES), st.dictionaries(st.text(), VALUES, min_size=1)),
    )
)
def test_toml_reads_back(data):
    assert tomllib.loads(toml(data)) == data


def test_a_task_folder_reads_back(tmp_path):
    definition = Definition(
        schema=TASK_SCHEMA,
        name="own",
        version="1.0",
        source_language="zh",
        reader="corpus",
        synthetic=False,
        data=Data("segments.jsonl", "ab"),
        targets={"en": Target((0.8, 0.9), (6.19, 4.44))},
        mu={"pyphen": 12.5},
    )
    card = Card("T", 'a "quoted" \\ line\nand more', "CC0", "s", "c", "a", "1 segment", ("one",), "2026-01-02")
    write_folder(tmp_path, definition, card)
    assert read_definition(tmp_path / "task.toml") == definition
    assert read_toml(tmp_path / "card.toml", Card) == card


def test_a_built_task_is_read_strictly(tmp_path):
    line = {"id": "a", "video": "v", "domain": "d", "window": "v#1", "text": "t", "start": 0.0, "end": 1.0}
    line |= {"before": ["1", "2", "3"], "after": ["4"], "gap": 0.5, "weight": 0.5, "doubts": ["rate"]}
    path = tmp_path / "segments.jsonl"
    path.write_text(json.dumps(line) + "\n")
    (segment,) = read(path, "en", 2)
    assert (segment.before, segment.after, segment.gap, segment.cluster) == (("2", "3"), ("4",), 0.5, "v")
    assert read(path, "en", 0)[0].before == ()
    with pytest.raises(UserError, match="stores 3 segments of context, not 4"):
        read(path, "en", 4)
    for change, says in (({"odd": 1}, "line 2: .*odd"), ({"end": 0.0}, "runs from 0.0 to 0.0"), ({}, "more than once")):
        path.write_text(json.dumps(line) + "\n" + json.dumps({**line, **change}) + "\n")
        with pytest.raises(UserError, match=says):
            read(path, "en", 3)
    path.write_text("")
    with pytest.raises(UserError, match="holds no segments"):
        read(path, "en", 3)


def test_the_funnel_is_drawn_to_scale_and_safe():
    steps = [
        Step("a <b>", "cues", 10, 10, {}),
        Step("c", "cues", 10, 5, {"x|y": {"count": 5, "examples": ["<i>|\n"]}}, ("n",)),
        Step("d", "segments", 0, 0, {}),
    ]
    picture = ElementTree.fromstring(svg(steps))
    bars = [float(bar.get("width")) for bar in picture.iter("{http://www.w3.org/2000/svg}rect")]
    assert bars == [420, 420, 420, 210, 0, 0]
    assert "| c | x\\|y | 5 | <i>\\| |" in markdown(steps).splitlines()
    assert markdown(steps).endswith("- c: n\n")
