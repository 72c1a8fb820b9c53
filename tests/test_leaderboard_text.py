"""Hostile text on the board: everything is shown, nothing is interpreted, hidden or without end."""

import json
import re
import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from leaderboard.site import environment
from leaderboard.text import LONGEST, payload, slug, visible

ANYTHING = st.text(st.characters(exclude_categories=()), max_size=60)


@given(ANYTHING)
def test_visible_text_hides_nothing_and_can_be_written(text):
    shown = visible(text)
    assert not {unicodedata.category(c) for c in shown.replace("\n", "")} & {"Cc", "Cf", "Co", "Cs", "Zl", "Zp"}
    shown.encode("utf-8")
    assert visible(shown) == shown
    assert shown == text or re.search(r"⟨U\+[0-9A-F]{4,6}⟩", shown)


def test_everyday_text_of_many_languages_stays():
    for text in (
        "“Déjà vu” – naïve…",
        "两人的关系越来越亲密。",
        "こんにちは",
        "한국어",
        "שלום",
        "مرحبا",
        "हिन्दी",
        "Ελληνικά",
        "x²≥½€",
    ):
        assert visible(text) == text


def test_what_has_no_end_is_cut_and_counted():
    shown = visible("x" * 100_000)
    assert shown == "x" * LONGEST + "⟨98,000 more characters⟩"
    piled = visible("a" + "\u0300" * 500)
    assert sum(c == "\u0300" for c in piled) < 10 and "⟨U+0300⟩" in piled


LEAVES = ANYTHING | st.integers(-(10**15), 10**15) | st.none()


@given(st.recursive(LEAVES, lambda inner: st.lists(inner) | st.dictionaries(ANYTHING, inner)))
def test_payloads_cannot_leave_their_script(data):
    data = json.loads(json.dumps(data).encode("ascii"))
    text = payload(data)
    assert not re.search("[<>&\u2028\u2029]", text)
    assert json.loads(text) == data


@given(st.lists(ANYTHING, min_size=2, max_size=8, unique=True))
def test_slugs_are_file_names_and_tell_apart(texts):
    slugs = [slug(text) for text in texts]
    assert len(set(slugs)) == len(texts)
    assert all(re.fullmatch("[a-z0-9][a-z0-9-]{0,60}", name) for name in slugs)


@given(ANYTHING)
def test_templates_escape_every_expression(text):
    made = environment().from_string('<p title="{{ a }}">{{ a }}</p>').render(a=text)
    inner = made.removeprefix('<p title="').removesuffix("</p>")
    assert not re.search('[<"]', inner.replace('">', "", 1))
