"""From files to segments: ASR JSON, cleaning, segmentation, inputs and what is wrong with them."""

import json
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.corpus.asr import read_asr
from harness.corpus.cleaning import Cleaner
from harness.corpus.languages import language
from harness.corpus.segmentation import PAUSE, Segmenter
from harness.corpus.texts import characters
from harness.corpus.transcripts import Transcript, from_arguments, from_manifest, read_units
from harness.corpus.units import Unit
from harness.errors import UserError

ZH, EN = language("zh"), language("en")


def written(folder, data, name="a.json"):
    path = folder / name
    path.write_text(data if isinstance(data, str) else json.dumps(data, ensure_ascii=False), encoding="utf-8")
    return path


def words(*timed):
    return [{"word": word, "start": start, "end": end} for word, start, end in timed]


def test_whisper_with_words(tmp_path):
    data = {
        "text": "…",
        "language": "en",
        "segments": [
            {"start": 0, "end": 2, "text": " Hello there.", "words": words((" Hello", 0, 0.5), (" there.", 0.5, 0.5))},
            {
                "start": 2,
                "end": 3,
                "text": " It's me.",
                "words": words((" It", 2, 2.2), ("'s", 2.2, 2.3), (" me.", 2.3, 3)),
            },
        ],
    }
    problems = []
    units = read_asr(written(tmp_path, data), problems)
    assert not problems
    assert "".join(unit.glue + unit.text for unit in units) == " Hello there. It's me."
    assert [unit.closes for unit in units] == [False, True, False, False, True]


@pytest.mark.parametrize("wrap", [lambda x: x, lambda x: {"segments": x}])
def test_plain_segments(tmp_path, wrap):
    data = wrap([{"start": 2, "end": 3.5, "text": "然后回家"}, {"start": 0, "end": 1.5, "text": " 今天下雨 "}])
    units = read_asr(written(tmp_path, data), [])
    assert [(unit.text, unit.start, unit.end, unit.closes) for unit in units] == [
        ("今天下雨", 0, 1.5, True),
        ("然后回家", 2, 3.5, True),
    ]


@pytest.mark.parametrize("wrap", [lambda x: x, lambda x: {"words": x}])
def test_plain_words(tmp_path, wrap):
    latin = read_asr(written(tmp_path, wrap(words(("Good", 0, 1), ("day", 1, 2), (".", 2, 2)))), [])
    assert "".join(unit.glue + unit.text for unit in latin) == "Good day."
    han = read_asr(written(tmp_path, wrap(words(("今天", 0, 1), ("用", 1, 2), ("Python", 2, 3)))), [])
    assert "".join(unit.glue + unit.text for unit in han) == "今天用Python"


def test_a_word_without_times_stays_where_it_stands(tmp_path):
    untimed = [{"word": "2014"}, {"word": "年"}]
    problems = []
    units = read_asr(
        written(tmp_path, [*untimed[:1], *words(("我", 1, 2)), untimed[1], *words(("来", 2, 3))]), problems
    )
    assert not problems
    assert [(unit.text, unit.start, unit.end) for unit in units] == [
        ("2014", 1, 1),
        ("我", 1, 2),
        ("年", 2, 2),
        ("来", 2, 3),
    ]


def test_a_mark_that_is_a_word_ends_the_word_before_and_takes_none_of_its_time(tmp_path):
    data = words(("我们", 0, 0.3), ("走吧", 0.3, 0.6), ("。", 0.6, 1.4), ("”", 1.4, 1.4), ("好的", 1.5, 1.8))
    units = read_asr(written(tmp_path, data), [])
    assert [(unit.text, unit.end) for unit in units] == [("我们", 0.3), ("走吧。”", 0.6), ("好的", 1.8)]


def test_the_words_of_a_sound_are_one_unit(tmp_path):
    units = read_asr(written(tmp_path, words(("[phone", 0, 1), ("ringing]", 1, 2), ("Hello", 2, 3))), [])
    assert [unit.text for unit in units] == ["[phone ringing]", "Hello"]
    assert (units[0].start, units[0].end) == (0, 2)


@pytest.mark.parametrize(
    ("record", "what"),
    [
        ("text", "is not an object"),
        ({"start": 0, "end": 1, "text": 5}, "has no text"),
        ({"start": 0, "end": 1, "text": "x" * 10_001}, "is longer than"),
        ({"start": 0, "text": "x"}, "has no start and end"),
        ({"start": 0, "end": "1", "text": "x"}, "has no start and end"),
        ({"start": True, "end": 2, "text": "x"}, "has no start and end"),
        ({"start": 0, "end": 1e999, "text": "x"}, "has no start and end"),
        ({"start": 2, "end": 1, "text": "x"}, "runs from 2 to 1 s"),
        ({"start": 1, "end": 1, "text": "x"}, "runs from 1 to 1 s"),
        ({"start": -1, "end": 1, "text": "x"}, "runs from -1 to 1 s"),
        ({"start": 0, "end": 1e9, "text": "x"}, "runs from 0 to 1e+09 s"),
    ],
)
def test_a_bad_record_is_left_out_and_reported(tmp_path, record, what):
    good = {"start": 0, "end": 1, "text": "good"}
    problems = []
    path = written(tmp_path, [good, record, good])
    assert len(read_asr(path, problems)) == 2
    (problem,) = problems
    assert (problem.file, problem.place) == (str(path), "segment 2")
    assert problem.what.startswith(what)
    assert problem.fix


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ('[{"start": 0,\n "end" 1}]', "line 2, column 8 is not JSON"),
        ("{}", "holds no list of segments or words"),
        ('"text"', "holds no list of segments or words"),
        ('[{"start": 0, "end": 1}]', "neither text nor word"),
        ("[" * 100_000, "cannot be read"),
        ("", "line 1, column 1 is not JSON"),
    ],
)
def test_a_file_of_another_shape_is_refused(tmp_path, content, says):
    path = written(tmp_path, content)
    with pytest.raises(UserError, match=says) as caught:
        read_asr(path, [])
    assert str(path) in str(caught.value)
    assert caught.value.fix


def test_subtitles_are_read_in_order_and_bad_cues_reported(tmp_path):
    path = written(
        tmp_path,
        "1\n00:00:05,000 --> 00:00:06,000\n第二句话\n\n2\n00:00:01,000 --> 00:00:02,000\n第一句话\n\n"
        "3\n00:00:09,000 --> 00:00:08,000\n倒着走的\n",
        "a.srt",
    )
    problems = []
    units = read_units(Transcript("a", "x", path), problems)
    assert [unit.text for unit in units] == ["第一句话", "第二句话"]
    assert [(problem.file, problem.place[:5]) for problem in problems] == [("a.srt", "line ")]


@pytest.mark.parametrize(
    ("text", "left", "removed"),
    [
        ("♪ 我爱你中国 ♪", "", ("music",)),
        ("他唱着♪走了", "他唱着 走了", ("music",)),
        ("【掌声】谢谢大家", "谢谢大家", ("sound",)),
        ("（大笑）", "", ("sound",)),
        ("（画外音说的话）", "", ("sound",)),
        ("今天玩【原神】这个游戏", "今天玩【原神】这个游戏", ()),
        ("嗯，那我们开始吧", "那我们开始吧", ("filler",)),
        ("今天聊的是，嗯嗯，人工智能", "今天聊的是，人工智能", ("filler",)),
        ("我呃不知道嗯怎么说", "我不知道怎么说", ("filler",)),
        ("好啊，没问题", "好啊，没问题", ()),
        ("你好\nHello there", "你好", ("other language",)),
        ("- 走吧\n- 好的", "走吧 好的", ("speaker",)),
        ("嗯……", "", ("filler",)),
        ("今\x1b天\u202e很\u200b好", "今天很好", ()),
    ],
)
def test_chinese_cues_are_cleaned(text, left, removed):
    found = Cleaner(ZH).clean(text)
    assert (found.text, found.removed) == (left, removed)


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("[DOOR SLAMS] Who's there?", "Who's there?"),
        ("(laughs) You're funny (I think).", "You're funny (I think)."),
        ("JOHN: Um, I don't know, uh, maybe.", "I don't know, maybe."),
        (">> So, the umbrella was here.", "So, the umbrella was here."),
        ("*applause*", ""),
        ("Hm.", ""),
        ("NASA [sic] said so", "NASA [sic] said so"),
    ],
)
def test_english_cues_are_cleaned(text, left):
    assert Cleaner(EN).clean(text).text == left


@settings(deadline=None)
@given(st.text(alphabet="嗯呃啊好的你♪[](（）【】*：: \n-，。abU掌声", max_size=24))
def test_cleaning_invents_nothing(text):
    found = Cleaner(ZH).clean(text)
    assert set(found.text) <= set(text) | {" "}
    assert bool(found.removed) or "".join(found.text.split()) == "".join(text.split())


def pieces(language, *timed, closes=True):
    units = [Unit(text, start, end, " " if closes else "", closes) for text, start, end in timed]
    return [(piece.text, piece.start, piece.end) for piece in Segmenter(language).pieces(units)]


def test_a_pause_ends_a_segment_and_less_does_not():
    assert pieces(ZH, ("今天", 0, 1), ("天气", 1 + PAUSE, 2)) == [("今天", 0, 1), ("天气", 1 + PAUSE, 2)]
    assert pieces(ZH, ("今天", 0, 1), ("天气", 0.99 + PAUSE, 2)) == [("今天 天气", 0, 2)]


def test_a_short_cue_joins_the_next_and_a_long_enough_one_does_not():
    assert len(pieces(ZH, ("这里正好有十个汉字啊", 0, 2), ("下一句", 2, 3))) == 2
    assert len(pieces(ZH, ("这里只有九个汉字啊", 0, 2), ("下一句", 2, 3))) == 1


def test_words_are_cut_at_marks_and_openers_once_long_enough():
    timed = [("我们去看看上海的老街，", 0, 2), ("然后", 2, 2.4), ("去吃了一顿很好的火锅", 2.4, 4), ("因为饿了", 4, 5)]
    assert [text for text, _, _ in pieces(ZH, *timed, closes=False)] == [
        "我们去看看上海的老街，",
        "然后去吃了一顿很好的火锅",
        "因为饿了",
    ]


def test_no_segment_passes_the_length_unless_one_unit_does():
    timed = [("字" * 8, k, k + 1) for k in range(10)]
    assert [characters(text) for text, _, _ in pieces(ZH, *timed, closes=False)] == [24, 24, 24, 8]
    assert [characters(text) for text, _, _ in pieces(ZH, ("字" * 50, 0, 9), closes=False)] == [50]


def test_a_cue_is_cut_into_sentences_with_interpolated_times_that_are_marked():
    unit = Unit("我们今天去了一个地方。那里有很多很多的人。", 10, 12)
    found = Segmenter(ZH).pieces([unit])
    assert [piece.text for piece in found] == ["我们今天去了一个地方。", "那里有很多很多的人。"]
    assert found[0].end == found[1].start == pytest.approx(10 + 2 * 10 / 19)
    assert all(piece.split for piece in found)
    whole = Segmenter(ZH).pieces([Unit("好的。我们今天就说到这里。", 0, 3)])
    assert [(piece.text, piece.split) for piece in whole] == [("好的。我们今天就说到这里。", False)]


def test_abbreviations_and_decimals_end_no_sentence():
    text = "Yesterday I finally met old Mr. Smith at 3.5 miles from here. He was fine and asked about you."
    assert [piece.text for piece in Segmenter(EN).pieces([Unit(text, 0, 6)])] == [
        "Yesterday I finally met old Mr. Smith at 3.5 miles from here.",
        "He was fine and asked about you.",
    ]


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(st.text(alphabet="我们去的，。？!. a", min_size=1, max_size=40), st.floats(0, 2), st.floats(0.1, 4)),
        max_size=12,
    ),
    st.booleans(),
)
def test_segments_keep_all_letters_in_order_and_times_inside(timed, closes):
    units, now = [], 0.0
    for text, gap, length in timed:
        if characters(text):
            units.append(Unit(text.strip(), now + gap, now + gap + length, " " if closes else "", closes))
            now += gap + length
    found = Segmenter(ZH).pieces(units)
    letters = "".join(letter for unit in units for letter in unit.text if letter.isalnum())
    assert "".join(letter for piece in found for letter in piece.text if letter.isalnum()) == letters
    assert all(piece.start < piece.end for piece in found)
    assert all(one.end <= two.start + 1e-9 for one, two in pairwise(found))


@pytest.mark.parametrize("text", ["." * 300_000 + "a", "(" * 300_000, "嗯，" * 100_000 + "a", "，" * 300_000 + "a"])
def test_hostile_text_goes_through(text):
    """In quadratic time it would not within the hour."""
    left = Cleaner(ZH).clean(text).text
    assert set(left) <= set(text)
    assert [piece.text for piece in Segmenter(ZH).pieces([Unit(text, 0, 1)])]


def test_inputs_by_folder_and_file(tmp_path):
    for name in ("a/b/one.srt", "a/two.json", "a/notes.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x")
    found = from_arguments([[f"film={tmp_path / 'a'}"]])
    assert [(t.name, t.domain) for t in found] == [("b/one", "film"), ("two", "film")]
    manifest = written(tmp_path, "path\tdomain\tname\na/two.json\tgames\tsecond\na/b\tfilm\t\n", "list.tsv")
    assert [(t.name, t.domain) for t in from_manifest(manifest)] == [("one", "film"), ("second", "games")]
    manifest = written(tmp_path, '[[input]]\npath = "a/b/one.srt"\ndomain = "film"\n', "list.toml")
    assert [(t.name, t.domain) for t in from_manifest(manifest)] == [("one", "film")]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["film"], "names no domain"),
        (["=x"], "names no domain"),
        (["film=/nowhere"], "no file or folder /nowhere"),
        (["film={folder}/notes.txt"], "no known format"),
        (["film={folder}/empty"], "holds no transcripts"),
        (["film={folder}/one.srt", "{folder}/one.vtt"], "would both be the transcript 'one'"),
    ],
)
def test_bad_inputs_are_refused(tmp_path, words, says):
    (tmp_path / "empty").mkdir()
    for name in ("notes.txt", "one.srt", "one.vtt"):
        (tmp_path / name).write_text("x")
    with pytest.raises(UserError, match=says):
        from_arguments([[word.format(folder=tmp_path) for word in words]])


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("m.tsv", "file\tkind\nx\ty\n", "line 1 does not name the columns"),
        ("m.tsv", "path\tdomain\nx\n", "line 2 has no domain or path"),
        ("m.toml", "input = 3", r"no tables \[\[input\]\]"),
        ("m.toml", "[[input]]\npath = 3\ndomain = 'x'", "input 1 has no domain or path"),
        ("m.toml", "[[", "cannot be read"),
        ("m.tsv", "path\tdomain\n", "nothing to build from"),
    ],
)
def test_bad_manifests_are_refused(tmp_path, name, content, says):
    with pytest.raises(UserError, match=says):
        from_manifest(written(tmp_path, content, name))


def test_languages_are_configuration(tmp_path):
    path = written(
        tmp_path,
        '[fr]\nscript = "latin"\nshort = 25\nlong = 84\nrate = [3, 5, 17, 22]\nshingle = 3\nprobe = 24\n'
        'fillers = ["euh"]\nopeners = ["mais"]\n',
        "l.toml",
    )
    french = language("fr", path)
    assert Cleaner(french).clean("Euh, je ne sais pas.").text == "je ne sais pas."
    assert language("zh", path) == ZH
    for field, says in (("rate = [1]", "four rising numbers"), ("shingle = 9", "not 1, 2 or 3"), ("odd = 1", "odd")):
        table = "[fr]\nscript = 'latin'\nshort = 2\nlong = 8\nprobe = 24\n"
        table += (
            "".join(f"{line}\n" for line in ("rate = [1, 2, 3, 4]", "shingle = 3") if line[:4] != field[:4]) + field
        )
        with pytest.raises(UserError, match=says):
            language("fr", written(tmp_path, table, "bad.toml"))
