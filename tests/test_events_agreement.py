import tomllib

import pytest

from benchmarks.event_agreement import FOLDER, character_roles, parts, passes, same_events
from harness.events.agreement import micro_f1, role_pairs
from harness.records import Argument, Event

DRAGON, KNIGHT = Argument("巨龙", "noun"), Argument("骑士", "noun")
GOLD = (Event("打败", True, (KNIGHT, DRAGON)),)


@pytest.fixture(scope="module")
def rows():
    return list(passes())


def f1(rows):
    _, videos, one, two = zip(*rows, strict=True)
    return micro_f1(one, two, videos)


def test_micro_f1_by_hand():
    found = (Event("打败", False, (DRAGON,)), Event("走"))
    both, gold, own = 2, 3, 3
    assert micro_f1([GOLD], [found], ["a"]).estimate == pytest.approx(2 * both / (gold + own))
    assert micro_f1([GOLD], [found], ["a"], ("noun",)).estimate == pytest.approx(2 / 3)


def test_roles_matter_and_repeats_do_not():
    noun, name = (Event("来", False, (Argument("白露", kind),)) for kind in ("noun", "name"))
    assert micro_f1([[noun]], [[name]], ["a"]).estimate == 0.5
    assert role_pairs([noun, noun]) == role_pairs([noun])


def test_f1_is_symmetric(rows):
    swapped = [(text, video, two, one) for text, video, one, two in rows]
    assert f1(rows) == f1(swapped)
    assert f1([(text, video, one, one) for text, video, one, _ in rows]).estimate == 1


def test_the_second_pass_covers_every_segment_in_its_own_words(rows):
    assert len(rows) == 160
    for text, _, _, events in rows:
        assert 1 <= len(events) <= 2
        for event in events:
            assert all(word in text for word in (event.predicate, *(a.text for a in event.arguments)))


def test_the_parts_are_those_of_the_note(rows):
    assert {part: len(chosen) for part, chosen in parts(rows).items()} == {
        "all": 160,
        "development": 60,
        "held out": 100,
    }


def test_the_card_has_the_measured_agreement(rows):
    statistics = tomllib.loads((FOLDER / "card.toml").read_text(encoding="utf-8"))["statistics"]
    assert statistics["event_agreement_f1"] == round(f1(rows).estimate, 3)
    assert statistics["event_agreement_f1_held_out"] == round(f1(parts(rows)["held out"]).estimate, 3)


def test_polarity_makes_a_segment_differ():
    assert same_events(GOLD, GOLD)
    assert not same_events(GOLD, (Event("打败", False, GOLD[0].arguments),))


def test_character_roles():
    assert character_roles("骑士没打败巨龙", GOLD) == ["noun"] * 2 + [""] + ["predicate"] * 2 + ["noun"] * 2
