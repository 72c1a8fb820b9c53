"""Tagged tokens mended before events are built: what taggers glue together or cut apart.

Every rule is of the language, none of one tagger: numerals glued to their nouns (两个人),
aspect marks and 在 glued to verbs (丢了), complements cut off (找 来), words for place.
"""

import re
from collections.abc import Sequence

from harness.events.numerals import HAN_NUMERALS
from harness.events.tokens import Token
from harness.events.words import (
    ADVERBS,
    CLASSIFIERS,
    CONNECTIVES,
    COVERBS,
    FADING,
    GLUED,
    HEADINGS,
    MODAL,
    NEGATORS,
    RESULTS,
    UNITS,
)

_QUANTIFIED = re.compile(rf"^([几{HAN_NUMERALS}\d]+)([{CLASSIFIERS}])(.+)$")
_DETERMINED = re.compile(
    rf"^(?:[这那每某哪][{CLASSIFIERS}]|很多|许多|好多|多少|这个|那个|每个|某个|所有|各种|我的|你的|他的|她的|它的|我们的|全班|全体)(.+)$"
)
_ASPECT = re.compile(r"^(.+)([了着过])$")
_POSSIBLE = re.compile(rf"^(.)得(?:[{''.join(sorted(RESULTS))}了]|{'|'.join(sorted(HEADINGS))})$")
_WHOLE = frozenset(
    "经过 通过 超过 难过 错过 路过 度过 为了 除了 接着 跟着 睡着 得了 罢了 算了 受不了 了不起 意味着 胜过 越过 存在 "
    "实在 正在 现在 内在 外在 自在 所在 潜在 不过 放过 好过 觉得 记得 获得 取得 懂得 显得 使得 值得 舍得 晓得 懒得 难得 认得 赢得 免得 省得 变得".split()
) - {"跟着"}
_TRANSITIVE = frozenset("看玩戴打吃喝买卖穿洗写学拿做送抢换修骑养种画唱听读讲切炒煮开关发交付带搬抓捡找")
_PRODUCTIVE = frozenset("买卖养种送偷捡抢拿带穿戴收搬扔丢摘抓借租拍修骂喂")
_THINGS = frozenset(
    "花钱房车票书酒菜鱼肉米茶药衣鞋画信刀枪球牌表砖牛羊鸡鸭鹅猫狗马猪蛋糖盐油烟包碗灯树草鸟虫石伞帽瓜果豆布针纸笔琴箱人"
)
_INSIDE = frozenset("不得了着过一到出起开上下进回完好掉住给成错懂清个")
_MANY = frozenset("很多 许多 好多 不少 大量 多少 好些 大多 少数 多数 无数".split())
_MANNERS = frozenset("硬 白 猛 狂 光 净 瞎 乱 直 专 偷偷 悄悄 拼命 使劲".split())
_TAGS = frozenset("对 是 好 行 成 可以 不是".split())
_GRADED = frozenset("坏湿红黑白绿大小冷热远近早晚快慢硬软亮暗贵重轻")
_PLAIN = frozenset("大小多少高低长短新旧好坏老快慢红黄蓝绿白黑粗细厚薄深浅热冷轻重美丑真假干湿软硬胖瘦远近早晚")
_HOW = frozenset("为什么 为啥 怎么 怎样 怎么样 这么 那么 多么 如何".split())
_FULL = frozenset("不满 充满 布满 只好 爱好 讨好 喜好 看好 友好 最好 还好 正好 不完 没完 满".split())
_VERBAL = frozenset("在 到 通过 经过 靠 向 朝 为 跟 给 像 比 住".split())
_ACTS = ("verb", "verbal noun", "adjective")
_BESIDE = frozenset("底下 下面 上面 里面 外面 后面 前面 旁边 里头 外头 中间 当中 上方 下方".split())
_PLACES = frozenset("里上下内中外旁")
_MASSES = frozenset("片丝行点些堆股阵")
_NO_COUNT = frozenset(
    "一眼 一下 一次 一点 一会 一直 一起 一定 一样 一般 一些 一切 一旦 一遍 一趟 一边 一路 一声".split()
)


def mend(tokens: Sequence[Token]) -> list[Token]:
    """Mend the tokens of a clause.

    Args:
        tokens: as tagged, negation still in them.

    Returns:
        Tokens with numerals, nouns and verbs as words of their own.

    Examples:
        >>> [t.text for t in mend([Token("两个人", "noun"), Token("丢了", "verb"), Token("箱子", "noun")])]
        ['两', '个', '人', '丢', '了', '箱子']
        >>> [t.text for t in mend([Token("找", "verb"), Token("来", "verb"), Token("保安", "noun")])]
        ['找来', '保安']
        >>> [(t.text, t.tag) for t in mend([Token("屋", "noun"), Token("里", "place")])]
        [('屋里', 'noun')]
    """
    if len(tokens) > 2 and tokens[-2].text in _TAGS and tokens[-1].text in ("吧", "吗", "么"):
        tokens = tokens[:-2]
    return _last_verb(_coverbs(_complements(_places(_counted_once(_unglue(_retagged(tokens)))))))


def _retagged(tokens: Sequence[Token]) -> list[Token]:
    """Tag again what a neighbour decides: 为什么 is an adverb, 报警 after 没 a verb, 雾 before 蒙蒙 no noun."""
    out: list[Token] = []
    for k, token in enumerate(tokens):
        last = out[-1] if out else Token("", "other")
        following = tokens[k + 1] if k + 1 < len(tokens) else Token("", "other")
        if token.tag == last.tag == "conjunction" and last.text + token.text in CONNECTIVES:
            out[-1] = Token(last.text + token.text, "conjunction")
        elif token.text == "到" and any(t.text == "从" for t in out) and last.tag in ("noun", "name", "time"):
            out.append(Token("到", "preposition"))
        elif (
            token.tag == "noun"
            and len(token.text) == len(last.text) == 1
            and last.tag == "adjective"
            and last.text not in _PLAIN
        ):
            out[-1] = Token(last.text + token.text, "noun")
        elif token.text == "只有" and not any(t.tag in _ACTS for t in tokens[k + 1 :]):
            out += [Token("只", "adverb"), Token("有", "verb")]
        elif token.text == "得" and last.tag in ("adjective", "verb"):
            out.append(Token("得", "particle"))
        elif (
            token.tag == "noun"
            and token.text in _GRADED
            and out
            and following.text in ("", "了")
            and last.tag != "number"
        ):
            out.append(Token(token.text, "adjective"))
        elif token.text in _MANNERS and following.tag == "verb":
            out.append(Token(token.text, "adverb"))
        elif token.text in _HOW:
            out.append(Token(token.text, "adverb"))
        elif token.text in _MANY:
            out.append(Token(token.text, "other"))
        elif token.tag == "verbal noun" and _verbal(last, following):
            out.append(Token(token.text, "verb"))
        elif token.tag == "adverb" and len(token.text) > 1 and out and (following.text in ("", "了")):
            out.append(Token(token.text, "adjective"))
        elif token.tag == "adjective" and len(token.text) == 2 and len(set(token.text)) == 1 and len(last.text) == 1:
            out[-1:] = [Token(last.text + token.text, "adjective")]
        elif token.text == "还是" and token.tag == "conjunction" and last.tag == "noun" and following.text:
            out += [Token("还", "adverb"), Token("是", "verb")] if following.tag in ("time", "adverb") else [token]
        else:
            out.append(token)
    return out


def _verbal(last: Token, following: Token) -> bool:
    """Say whether a verbal noun is a verb here: after an adverb, a modal or a negator, and before no noun."""
    led = last.tag == "adverb" or last.text in NEGATORS or (last.tag == "verb" and last.text in MODAL)
    return led and following.text != "的" and following.tag not in ("noun", "verbal noun", "verb")


def _unglue(tokens: Sequence[Token]) -> list[Token]:
    out: list[Token] = []
    for k, token in enumerate(tokens):
        following = tokens[k + 1] if k + 1 < len(tokens) else Token("", "other")
        out += _pieces(token, following, k == 0)
    return out


def _pieces(token: Token, following: Token, first: bool) -> list[Token]:
    text, tag = token.text, token.tag
    if tag == "noun":
        counted, determined = _QUANTIFIED.match(text), _DETERMINED.match(text)
        if counted:
            number, measure, noun = counted.groups()
            return [
                Token(number, "other" if number in "一几" else "number"),
                Token(measure, "other"),
                Token(noun, "noun"),
            ]
        if determined:
            return [Token(text[: determined.start(1)], "pronoun"), Token(determined.group(1), "noun")]
    if text == "有人":
        return [Token("有", "verb"), Token("人", "noun")]
    if tag == "name" and len(text) > 1:
        if first and len(text) == 3 and text[0] in "可但而":
            return [Token(text[0], "conjunction"), Token(text[1:], "noun")]
        if text[-1] in "太很真最更" and following.tag == "adjective" or text[-1] == "一" and following.tag == "verb":
            return [Token(text[:-1], "noun"), Token(text[-1], "adverb")]
    if tag == "noun" and len(text) > 3 and text[-2:] in _BESIDE:
        return [Token(text[:-2], "noun"), Token(text[-2:], "other")]
    if tag == "noun" and len(text) > 2 and text[-1] in "里上下" and text[-2] not in "以之":
        return [Token(text[:-1], "noun"), Token(text[-1], "other")]
    if tag == "verb" and len(text) == 2 and text[0] == "一":
        return [Token("一", "adverb"), Token(text[1], "verb")]
    if tag == "verb" and len(text) == 2 and text[0] in "我你他她它":
        return [Token(text[0], "pronoun"), Token(text[1], "verb")]
    if tag == "verb" and len(text) > 2 and text[-1] == "是":
        return [Token(text[:-1], "adverb"), Token("是", "verb")]
    if tag == "verb" and len(text) == 2 and text[0] in _PRODUCTIVE and text[1] in _THINGS:
        return [Token(text[0], "verb"), Token(text[1], "noun")]
    if tag == "verb" and len(text) > 2 and text[-1] in "我你他她它":
        return [Token(text[:-1], "verb"), Token(text[-1], "pronoun")]
    if tag in ("verb", "adjective") and len(text) == 2 and text[1] == "得" and text not in _WHOLE:
        return [Token(text[0], tag), Token("得", "particle")]
    if (
        tag == "verb"
        and len(text) == 3
        and text[0] in _TRANSITIVE
        and text[1] not in _INSIDE
        and text[1:] not in HEADINGS
    ):
        return [Token(text[0], "verb"), Token(text[1:], "noun")]
    if tag == "verb" and text not in _WHOLE and text not in COVERBS:
        aspect = _ASPECT.match(text)
        if aspect:
            return [Token(aspect.group(1), "verb"), Token(aspect.group(2), "particle")]
        if len(text) == 2 and text[0] in "想要爱去来" and text[1] in _TRANSITIVE:
            return [Token(text[0], "verb"), Token(text[1], "verb")]
        possible = _POSSIBLE.match(text)
        if possible:
            return [Token(possible.group(1), "verb")]
        if len(text) == 2 and text[1] == "在" and text[0] not in ADVERBS:
            return [Token(text[0], "verb"), Token("在", "preposition")]
    return [token]


def _counted_once(tokens: Sequence[Token]) -> list[Token]:
    """Make 一 a number after 只 (只用一招), and take 钱 off a unit of money (五块钱)."""
    out = list(tokens)
    for k, token in enumerate(out):
        before = out[max(0, k - 2) : k]
        only = any(t.text[:1] in "只仅" and t.tag in ("adverb", "verb") for t in before)
        if (
            token.text[:1] == "一"
            and token.tag == "other"
            and only
            and token.text not in _NO_COUNT
            and token.text[-1] not in _MASSES
        ):
            out[k] = Token("一", "number")
        if token.text == "钱" and k and out[k - 1].text[-1:] in UNITS and out[k - 1].tag in ("other", "number"):
            out[k] = Token("钱", "other")
    return out


def _places(tokens: Sequence[Token]) -> list[Token]:
    """Join 里, 上 and the like to a noun of one character, let longer nouns lose them; 左, 右 go to their noun."""
    out: list[Token] = []
    for k, token in enumerate(tokens):
        last = out[-1] if out else Token("", "other")
        following = tokens[k + 1] if k + 1 < len(tokens) else Token("", "other")
        if last.text in ("左", "右") and token.tag == "noun":
            out[-1] = Token(last.text + token.text, "noun")
        elif token.tag != "place":
            out.append(token)
        elif (
            token.text in _PLACES
            and last.tag == "noun"
            and len(last.text) == 1
            and not (len(out) > 1 and out[-2].tag == "noun")
        ):
            out[-1] = Token(last.text + token.text, "noun")
        elif last.tag in ("noun", "name", "pronoun", "time", "number") or following.text == "的":
            out.append(Token(token.text, "other"))
        elif len(token.text) > 1 or last.text in ("往", "向", "朝", "从"):
            out.append(Token(token.text, "noun"))
        else:
            out.append(Token(token.text, "other"))
    return out


def _complements(tokens: Sequence[Token]) -> list[Token]:
    """Join a verb and its complement of one character (找 来), drop those that say little (坏 掉, 流 出来)."""
    out: list[Token] = []
    for k, token in enumerate(tokens):
        last = out[-1] if out else Token("", "other")
        following = tokens[k + 1] if k + 1 < len(tokens) else Token("", "other")
        after_verb = last.tag == "verb" and last.text not in (
            "要",
            "想",
            "会",
            "能",
            "是",
            "有",
            "来",
            "去",
            "敢",
            "肯",
            "像",
            "嫌",
            "爱",
            "怕",
            "说",
            "没",
            "显",
        )
        apart = k > 1 and last.text in ("了", "得") and out[-2].tag == "verb"
        heading = token.text in HEADINGS and following.tag not in ("noun", "verb")
        able = last.text == "得" and token.text in RESULTS and following.tag in ("noun", "pronoun", "other")
        heading = heading and (apart or last.tag == "adjective")
        if heading or (apart and able) or (after_verb and token.text in ("得了", "得起", "得下", "得动")):
            out.append(Token(token.text, "particle"))
        elif not after_verb or k == 0 or tokens[k - 1].tag == "particle":
            out.append(token)
        elif token.text in HEADINGS and (following.tag != "noun" or len(last.text) == 1):
            out.append(Token(token.text, "particle"))
        elif token.text in FADING and token.tag in ("verb", "adjective"):
            out.append(Token(token.text, "particle"))
        elif (
            token.tag == "verb"
            and len(token.text) == len(last.text) == 1
            and following.text == "了"
            and not any(t.tag not in ("conjunction", "pronoun") for t in tokens[k + 2 : k + 3])
        ):
            out[-1] = Token(last.text + token.text, "verb")
        elif (
            token.text == "给"
            and len(last.text) == 1
            or (
                token.text in RESULTS
                and (len(last.text) == 1 or (token.text not in "来去" and last.text[-1] not in RESULTS))
                and token.tag in ("verb", "adjective")
                and following.tag != "verb"
            )
        ):
            out[-1] = Token(last.text + token.text, "verb")
        elif token.tag == "adjective" and last.text == "吃":
            out.append(Token(token.text, "noun"))
        elif token.tag == "adjective" and (last.text in ("变", "变得") or len(token.text) == len(last.text) == 1):
            out[-1] = Token(last.text + token.text, "verb")
        else:
            out.append(token)
    return [_bare(token) for token in out]


def _bare(token: Token) -> Token:
    """Take a complement that says little off a verb of its own token (坏掉, 交上去)."""
    text = token.text
    if token.tag != "verb" or text in _WHOLE or text in GLUED or text in HEADINGS:
        return token
    if len(text) > 2 and text[-2:] in HEADINGS:
        return Token(text[:-2], "verb")
    if len(text) > 1 and text[-1] in "掉完满好" and text not in _FULL:
        return Token(text[:-1], "verb")
    return token


def _coverbs(tokens: Sequence[Token]) -> list[Token]:
    """Make 隔着 a preposition, 用 before a noun a verb, and 给 one where no verb follows."""
    out: list[Token] = []
    for k, token in enumerate(tokens):
        rest = tokens[k + 1 :]
        if token.text in COVERBS:
            out.append(Token(token.text, "preposition"))
        elif token.text in ("用", "拿") and token.tag == "preposition":
            out.append(Token(token.text, "verb"))
        elif (
            token.text in _VERBAL
            and token.tag == "preposition"
            and not any(t.tag in _ACTS for t in (*rest, *tokens[:k]))
        ):
            out.append(Token(token.text, "verb"))
        elif token.text == "给" and token.tag == "preposition" and not any(t.tag == "verb" for t in rest):
            out.append(Token(token.text, "verb"))
        else:
            out.append(token)
    merged: list[Token] = []
    for token in out:
        if token.text == "着" and merged and merged[-1].text + "着" in COVERBS and len(merged[-1].text) == 1:
            merged[-1] = Token(merged[-1].text + "着", "preposition")
        else:
            merged.append(token)
    return merged


def _last_verb(tokens: list[Token]) -> list[Token]:
    """Make the last word after 把 and its noun a verb where the tagger saw none (把债还清)."""
    held = [k for k, token in enumerate(tokens) if token.text == "把" and token.tag == "preposition"]
    after = tokens[held[-1] :] if held else []
    if after and not any(t.tag in ("verb", "verbal noun") for t in after) and after[-1].tag in ("adverb", "adjective"):
        return [*tokens[:-1], Token(after[-1].text, "verb")]
    return tokens
