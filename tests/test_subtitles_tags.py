"""Formatting is taken off and comes back: a corpus of cases, and properties for all others."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.subtitles.markup import split
from harness.subtitles.restore import clean, restore, turns
from tests.subtitle_tags import CASES

ALL = [(markup, *case) for markup, cases in CASES.items() for case in cases]


def tags(skeleton):
    return "".join(tag.raw for tag in skeleton.tags if not tag.layout)


@pytest.mark.parametrize("markup, body, text, other, expected", ALL)
def test_case(markup, body, text, other, expected):
    skeleton = split(body, markup)
    assert skeleton.text == text
    assert restore(skeleton, text) == body
    restored = restore(skeleton, other)
    if text:
        assert tags(split(restored, markup)) == tags(skeleton)
    if expected is not None and text:
        assert restored == expected


PIECES = {
    "srt": ["<i>", "</i>", "<b>", "</b>", "{\\an8}", '<font color="red">', "</font>", "\n", "\r\n", "\\h", " ", "- "],
    "vtt": ["<v Ann>", "</v>", "<c.x>", "</c>", "<00:01.000>", "\n", "&amp;", "&nbsp;", " ", "- "],
    "ass": ["{\\i1}", "{\\i0}", "{\\k20}", "{\\p1}m 0 0{\\p0}", "\\N", "\\h", "{\\r}", "{x}", " ", "- "],
    "ttml": ["<span a='>'>", "</span>", "<br/>", "\n  ", "&lt;", "<!-- c -->", " ", "- "],
    "stl": ["\x80", "\x81", "\x8a", "\x0b\x0b", " ", "- "],
}
WORDS = ["word", "two words", "你好", "end.", "Ärger"]


@st.composite
def bodies(draw):
    markup = draw(st.sampled_from(list(PIECES)))
    body = "".join(draw(st.lists(st.sampled_from(PIECES[markup] + WORDS), max_size=20)))
    return split(body, markup)


OTHER = st.lists(st.sampled_from([*WORDS, " ", "\n", "- ", "<", "&", "一"]), max_size=20).map("".join)


@given(bodies())
def test_the_same_text_gives_the_same_bytes(skeleton):
    assert restore(skeleton, skeleton.text) == skeleton.body


@given(bodies(), OTHER)
def test_every_tag_comes_back_in_order_around_any_text(skeleton, other):
    again = split(restore(skeleton, other), skeleton.markup)
    assert tags(again) == tags(skeleton)
    words = "".join(clean(other, skeleton.markup).split())
    shown = "".join(again.text.split())
    if turns(skeleton.text) == turns(other) == 0:
        assert shown == words


@given(bodies(), st.data())
def test_tags_stay_beside_their_character_when_lines_are_broken_anew(skeleton, data):
    spaces = st.sampled_from([" ", "\n"])
    pieces = skeleton.text.split()
    text = "".join(piece + data.draw(spaces) for piece in pieces[:-1]) + "".join(pieces[-1:])
    again = split(restore(skeleton, text), skeleton.markup)
    assert again.text.split() == pieces
    assert inner(again) == inner(skeleton)


def inner(skeleton):
    """Return the inner tags, character by character, each with the words before it."""
    return [
        (char, "".join(skeleton.text[: tag.at].split()))
        for tag in skeleton.tags
        for char in tag.raw
        if not tag.layout and 0 < tag.at < len(skeleton.text)
    ]


@given(bodies(), st.text(max_size=60))
def test_no_text_breaks_the_markup(skeleton, other):
    again = split(restore(skeleton, other), skeleton.markup)
    assert tags(again) == tags(skeleton)


@pytest.mark.parametrize("markup", ["srt", "ass"])
def test_a_drawing_that_never_begins_is_no_work_without_end(markup):
    text = "{" + "\\p1" * 300_000
    assert split(text, markup).text == text
    assert split(text + "}m 0 0{\\p0}Seen", markup).text == "Seen"
