"""Limits by locale, how characters count, and line breaking."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import UserError
from harness.subtitles.breaking import break_lines, fits
from harness.subtitles.limits import characters, frame_rate, limits_for

# language: adult, children, adult SDH, children SDH, characters a line
STATED = {
    "en": (20, 17, 20, 17, 42),
    "zh": (9, 7, 11, 9, 16),
    "ko": (12, 9, 14, 11, 16),
    "ja": (4, 4, 7, 7, 13),
    "ar": (20, 17, 23, 20, 42),
    "hi": (22, 18, 25, 20, 42),
    "de": (17, 13, 20, 17, 42),
    "es": (17, 13, 20, 17, 42),
    "ru": (17, 13, 20, 17, 42),
    "th": (17, 13, 20, 17, 35),
}


@pytest.mark.parametrize("language", STATED)
def test_stated_limits(language):
    adult, children, adult_sdh, children_sdh, line = STATED[language]
    limits = limits_for(language)
    assert (limits.speed, limits.characters) == (adult, line)
    assert limits_for(language, children=True).speed == children
    assert limits_for(language, sdh=True).speed == adult_sdh
    assert limits_for(language, children=True, sdh=True).speed == children_sdh
    assert (limits.lines, limits.shortest, limits.longest) == (2, Fraction(5, 6), 7)
    assert (limits.gap, limits.close) == (2, (3, 11))
    assert limits.checked.year >= 2026 and "Netflix" in limits.source


def test_regions_and_what_is_no_language():
    assert limits_for("zh-Hant") == limits_for("zh") == limits_for("ZH_tw")
    for bad in ("", "e", "english!", "12"):
        with pytest.raises(UserError, match="no language code"):
            limits_for(bad)


@pytest.mark.parametrize(
    "language, text, count",
    [
        ("en", "Hello, you.", 11),
        ("en", "Hello,\nyou.", 10),
        ("en", "cafe\u0301", 4),
        ("en", "\u200eHi\u200f", 2),
        ("en", "你好", 2),
        ("zh", "你好，A级。", Fraction(11, 2)),
        ("zh", "“你好”…", 5),
        ("ja", "ｱA ア", Fraction(5, 2)),
        ("ko", "안녕 하세요.", 6),
        ("ar", "مَرْحَبًا", 5),
    ],
)
def test_characters(language, text, count):
    assert characters(text, limits_for(language)) == count


def test_frame_rates():
    assert [frame_rate(rate) for rate in ("24", "23.976", "30000/1001")] == [
        24,
        Fraction(24000, 1001),
        Fraction(30000, 1001),
    ]
    for bad in ("0", "-25", "fast", "1/0", "nan", "1e9"):
        with pytest.raises(UserError, match="no frame rate"):
            frame_rate(bad)


BROKEN = [
    ("en", "It fits as it is.", "It fits as it is."),
    ("en", "It fits\nas it is.", "It fits\nas it is."),
    ("en", "one\ntwo\nthree", "one two three"),
    (
        "en",
        "I went to the market this morning, and I bought some apples.",
        "I went to the market this morning,\nand I bought some apples.",
    ),
    (
        "en",
        "Yesterday afternoon I was talking to Mr. Anderson about it.",
        "Yesterday afternoon I was talking\nto Mr. Anderson about it.",
    ),
    (
        "en",
        "Please tell your mother to bring me the newspaper from the kitchen.",
        "Please tell your mother to bring me\nthe newspaper from the kitchen.",
    ),
    (
        "en",
        "- Where have you been all\nthis time, Tom?\n- At home.",
        "- Where have you been all this time, Tom?\n- At home.",
    ),
    (
        "de",
        "Ich habe gestern den alten Mann gesehen, der immer im Park sitzt.",
        "Ich habe gestern den alten Mann gesehen,\nder immer im Park sitzt.",
    ),
    ("en", "x" * 60, "x" * 60),
    ("en", "a " + "x" * 60, "a\n" + "x" * 60),
    ("zh", "他们两个人之间的关系，怎么越来越亲密了？", "他们两个人之间的关系，\n怎么越来越亲密了？"),
    ("zh", "他们两个人之间的关系\n怎么越来越\n亲密了", "他们两个人之间的关系\n怎么越来越 亲密了"),
    ("zh", "我昨天在商店里买了一台MacBookPro电脑", "我昨天在商店里买了\n一台MacBookPro电脑"),
    ("ja", "これはとても長い文章です。二行に分けます。", "これはとても長い文章です。\n二行に分けます。"),
]


@pytest.mark.parametrize("language, text, expected", BROKEN)
def test_broken(language, text, expected):
    assert break_lines(text, limits_for(language)) == expected


WORDS = st.lists(
    st.sampled_from(["the", "Mr.", "Brown", "a", "house,", "and", "went", "of", "I", "extraordinarily", "yes."]),
    min_size=1,
    max_size=20,
)


@given(WORDS, st.sampled_from(["en", "de", "fr"]))
def test_words_stay_and_lines_are_as_few_as_fit(words, language):
    limits = limits_for(language)
    text = " ".join(words)
    lines = break_lines(text, limits).split("\n")
    assert " ".join(lines).split() == words
    assert all(characters(line, limits) <= limits.characters for line in lines)
    greedy, width = 1, 0
    for word in words:  # filling every line gives the fewest
        width += len(word) + (width > 0)
        if width > 42:
            greedy, width = greedy + 1, len(word)
    assert len(lines) == greedy
    assert break_lines("\n".join(lines), limits) == "\n".join(lines) or greedy > 2


@given(st.text(alphabet="他们越来越亲密，。！“”（）abc 12\n", max_size=60))
def test_kinsoku(text):
    limits = limits_for("zh")
    broken = break_lines(text, limits)
    assert "".join(broken.split()) == "".join(text.split())
    if fits(text, limits):
        assert broken == text
    else:
        assert all(characters(line, limits) <= 16 or " " not in line for line in broken.split("\n"))


def test_titles_and_articles_never_end_a_line_where_there_is_another_way():
    limits = limits_for("en")
    for words in range(6, 14):
        for title in ("Mr.", "Dr.", "the", "a", "my", "to", "of"):
            text = " ".join(["word"] * words + [title] + ["Name"] * 3)
            for line in break_lines(text, limits).split("\n")[:-1]:
                assert not line.endswith(" " + title)
