"""Numerals of a Chinese text as exact values: 十二 = 12 = １２, 100万 = 1000000, 20% = 百分之二十."""

import re
import unicodedata
from fractions import Fraction

_DIGITS = (
    {c: i for i, c in enumerate("零一二三四五六七八九")}
    | {c: i for i, c in enumerate("〇壹贰叁肆伍陆柒捌玖")}
    | {"两": 2, "兩": 2, "俩": 2, "貳": 2, "參": 3, "仨": 3, "陸": 6, "幺": 1}
)
_SMALL = {"十": 10, "拾": 10, "百": 100, "佰": 100, "千": 1000, "仟": 1000}
_LARGE = {"万": 10**4, "萬": 10**4, "亿": 10**8, "億": 10**8}
HAN_NUMERALS = "".join([*_DIGITS, *_SMALL, *_LARGE])
_UNITS = "".join([*_SMALL, *_LARGE])
_BODY = (
    rf"(?:\d[\d,]*(?:\.\d+)?[{_UNITS}]+)*(?:\d[\d,]*(?:\.\d+)?|\.\d+)[{_UNITS}]*"
    rf"|[{HAN_NUMERALS}]+(?:点[{''.join(_DIGITS)}]+)?[{''.join(_LARGE)}]*"
)
_NUMBER = re.compile(
    rf"(?:(?P<parts>[{HAN_NUMERALS}\d]+)分之)?(?P<body>{_BODY})(?P<half>[个年天]?半(?!径|夜|空|路|边))?(?P<tail>[%％成])?"
)


def _han(text: str) -> int:
    """Read a run of Han numerals, positional (二零零八) or with units (两千零五)."""
    if not any(c in _SMALL or c in _LARGE for c in text):
        return int("".join(str(_DIGITS[c]) for c in text))
    total = section = digit = 0
    unit = 1
    for c in text:
        if c in _DIGITS:
            digit = _DIGITS[c]
            unit = 1 if digit == 0 else unit
        elif c in _SMALL:
            unit = _SMALL[c]
            section += (digit or (1 if unit == 10 or section == 0 else 0)) * unit
            digit = 0
        else:
            unit = _LARGE[c]
            if total and total < unit:
                total = (total + section + digit) * unit
            else:
                total += (section + digit or 1) * unit
            section = digit = 0
    spoken = digit * unit // 10 if digit and unit > 10 else digit
    return total + section + spoken


def _value(body: str) -> Fraction:
    body = body.replace(",", "")
    if body[0].isdigit() or body[0] == ".":
        value = Fraction(0)
        for digits, units in re.findall(r"([\d.]+)(\D*)", body):
            piece = Fraction(digits)
            for c in units:
                piece *= _SMALL.get(c) or _LARGE[c]
            value += piece
        return value
    whole, _, rest = body.partition("点")
    if not rest:
        return Fraction(_han(whole))
    decimals = rest.rstrip("".join(_LARGE))
    value = _han(whole) + Fraction("0." + "".join(str(_DIGITS[c]) for c in decimals))
    for c in rest[len(decimals) :]:
        value *= _LARGE[c]
    return value


def numerals(text: str) -> list[Fraction]:
    """Return the values of all numerals of a text, in order.

    Spoken shortening is read as speakers mean it (两百五 = 250), 半 after a number adds
    a half, 成 and percent signs make hundredths, 年 does not expand 08 to 2008.

    Args:
        text: any text; full-width digits are folded.

    Returns:
        Exact values; nothing for quantities without a value (许多, 几个).

    Examples:
        >>> [str(v) for v in numerals("十二个，１２個，二零零八年，两千零五")]
        ['12', '12', '2008', '2005']
        >>> [str(v) for v in numerals("100万 3.5亿 一百二 1,000,000 百分之二十 20% 两成")]
        ['1000000', '350000000', '120', '1000000', '1/5', '1/5', '1/5']
        >>> [str(v) for v in numerals("三分之一 万分之五")]
        ['1/3', '1/2000']
        >>> [str(v) for v in numerals("三点五万 第3关 十一亿两千万 1亿2千万")]
        ['35000', '3', '1120000000', '120000000']
    """
    found = []
    for m in _NUMBER.finditer(unicodedata.normalize("NFKC", text)):
        value = _value(m["body"])
        if m["half"]:
            value += Fraction(1, 2)
        if m["parts"]:
            value /= _value(m["parts"]) or 1
        elif m["tail"] in ("%", "％"):
            value /= 100
        elif m["tail"] == "成" and value <= 10:
            value /= 10
        found.append(value)
    return found


def numeral_text(text: str) -> str:
    """Return the numeral at the head of a number word without its measure word, 第 kept.

    Examples:
        >>> numeral_text("十二个"), numeral_text("第三"), numeral_text("100万次"), numeral_text("许多")
        ('十二', '第三', '100万', '许多')
    """
    m = _NUMBER.search(text)
    return text if m is None else ("第" if text.startswith("第") else "") + m.group().removeprefix("第")


def is_one_number(text: str) -> bool:
    """Say whether a text begins with a numeral and holds no second one (3万5000, not 3和5).

    Examples:
        >>> is_one_number("10亿"), is_one_number("3万5000"), is_one_number("三两"), is_one_number("亿个3")
        (True, True, True, False)
    """
    return len(numerals(text)) == 1 and _NUMBER.match(text) is not None
