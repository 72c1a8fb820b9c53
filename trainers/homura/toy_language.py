"""A small translation language in which meaning and length are both exact.

Sources are sentences of three to seven real Chinese words, two Han characters each; every
word has two to four English phrases of one to four syllables that say the same
("cars", "autos", "the autos", "automobiles"). A translation says the phrases one after
another, so short and verbose translations keep the same meaning, and syllables are counted
as the benchmark counts them. Which phrases a translation consists of can be read back
exactly; what cannot be read stays in the back-translation as it is.

    (time) (trait) person verb (quality) thing (place)

No phrase is another word's, and reading is by the longest phrase, so a rendering
reads back as its source; both syllable counters agree on every phrase. Nobody speaks this language: a
sentence such as "now cops see odd dogs" is as good as it gets.
"""

import math
import random
import zlib
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cache
from types import MappingProxyType

from harness.budget import amounts_within
from harness.syllables.literal import counter_for

LEXICON = {
    "time": """
        现在 now | right now | currently
        夜晚 nights | at night | at nighttime | during nighttime
        早晨 mornings | at dawn | each morning | during mornings
        以前 once | back then | formerly | previously
        今天 today | this day | just today | during today
        经常 oft | often | frequently | quite frequently""",
    "trait": """
        高大 tall | quite tall | towering | quite towering
        年轻 young | youthful | quite youthful | youthful looking
        勇敢 brave | daring | quite daring | lionhearted
        安静 calm | quiet | quite quiet | utterly calm
        聪明 smart | brilliant | quick witted | intelligent
        快乐 glad | joyful | delighted | quite delighted
        贫穷 poor | quite poor | penniless | quite penniless""",
    "person": """
        医生 docs | doctors | the doctors | medical men
        孩子 kids | children | the children | little children
        朋友 friends | the friends | companions | the companions
        士兵 troops | soldiers | the soldiers | fighting soldiers
        警察 cops | the cops | policemen | the policemen
        国王 kings | monarchs | the monarchs | ruling monarchs
        小偷 thieves | robbers | the robbers | the pickpockets""",
    "verb": """
        看见 see | observe | are seeing | are observing
        喜欢 like | enjoy | are liking | are enjoying
        购买 buy | purchase | are buying | are purchasing
        寻找 seek | seek out | are seeking
        帮助 help | assist | are helping | are assisting
        追赶 chase | pursue | are chasing | are pursuing
        保护 guard | protect | are guarding | are protecting
        害怕 fear | shrink from | are fearing
        需要 need | long for | are needing
        卖掉 sell | sell off | are selling
        修理 fix | repair | are fixing | are repairing
        研究 probe | research | are probing | investigate""",
    "quality": """
        红色 red | scarlet | red colored | scarlet colored
        美丽 fair | pretty | beautiful | quite beautiful
        古老 old | ancient | quite ancient | venerable
        巨大 huge | massive | gigantic | quite gigantic
        便宜 cheap | low priced | low budget | inexpensive
        奇怪 odd | quite odd | peculiar | quite peculiar
        普通 plain | common | commonplace | quite commonplace""",
    "thing": """
        汽车 cars | autos | the autos | automobiles
        房子 homes | houses | the houses | building structures
        小狗 dogs | puppies | the puppies | little puppies
        衣服 clothes | garments | the garments | cotton garments
        书本 books | the books | the volumes | printed volumes
        飞机 planes | airplanes | the airplanes | flying machines
        电影 films | the films | feature films | motion pictures
        船只 ships | vessels | the vessels | sailing vessels
        鲜花 blooms | flowers | the flowers | flowering plants""",
    "place": """
        家里 home | at home | inside homes
        城里 in town | downtown | inside town | inside townships
        海边 on shore | seaside | beside seas
        楼上 upstairs | upper levels
        路上 en route | on roads | on highways
        外面 outside | outdoors | just outside
        这里 here | right here | inside here
        附近 near | nearby | quite nearby""",
}
"""Words by class, in the order of a sentence, each with the phrases that say it, the shortest first."""

OPTIONAL = frozenset({"time", "trait", "quality", "place"})
EQUALS = "="
"""What ends a prompt."""

COUNTER = "pyphen"
BOUNDS = (0.8, 0.9)


@cache
def phrases() -> dict[str, tuple[str, ...]]:
    """Return the English phrases of every Chinese word.

    Examples:
        >>> phrases()["汽车"]
        ('cars', 'autos', 'the autos', 'automobiles')
    """
    return {word: said for words in _classes().values() for word, said in words.items()}


def words() -> list[str]:
    """List the vocabulary: every Chinese word, every word of a phrase, and the end of a prompt."""
    english = sorted({token for said in phrases().values() for phrase in said for token in phrase.split()})
    return [EQUALS, *phrases(), *english]


def prompt(source: str) -> str:
    """Return what a model is given.

    Examples:
        >>> prompt("警察 看见 小狗")
        '警察 看见 小狗 ='
    """
    return f"{source} {EQUALS}"


def held_out(source: str) -> bool:
    """Say whether a sentence is for evaluation only: one in eight, by its checksum."""
    return zlib.crc32(source.encode()) % 8 == 0


def sentences(
    number: int, seed: int, *, evaluation: bool = False, longest: int = 7, optional: float = 0.5
) -> list[str]:
    """Draw distinct sentences; those for evaluation are never among those for training.

    Args:
        number: of sentences.
        seed: of the draws.
        evaluation: draw from the held-out eighth.
        longest: most words of a sentence.
        optional: chance of each word that may be left out.

    Examples:
        >>> sentences(2, seed=0)
        ['贫穷 朋友 喜欢 船只 家里', '夜晚 警察 购买 书本 楼上']
    """
    rng = random.Random(f"sentences {seed} {evaluation}")
    found: dict[str, None] = {}
    while len(found) < number:
        chosen: list[str] = []
        for kind in LEXICON:
            if kind not in OPTIONAL or rng.random() < optional:
                chosen.append(rng.choice(list(_classes()[kind])))
        source = " ".join(chosen)
        if len(chosen) <= longest and held_out(source) == evaluation:
            found[source] = None
    return list(found)


def render(source: str, rng: random.Random, verbosity: float, unsaid: Mapping[str, int] = MappingProxyType({})) -> str:
    """Translate with phrases drawn at random, each in proportion to exp(verbosity * syllables).

    Args:
        source: a sentence.
        rng: gives the draws.
        verbosity: above 0 longer phrases are likelier, below 0 shorter ones.
        unsaid: classes of words with a number of syllables that none of their phrases may have.

    Examples:
        >>> render("警察 看见 小狗", random.Random(0), verbosity=9), render("警察 看见 小狗", random.Random(0), -9)
        ('the policemen are observing little puppies', 'cops see dogs')
    """
    chosen = []
    for word in source.split():
        forbidden = unsaid.get(_class_of()[word])
        said = [phrase for phrase in phrases()[word] if _syllables(phrase) != forbidden]
        chosen += rng.choices(said, [math.exp(verbosity * _syllables(phrase)) for phrase in said])
    return " ".join(chosen)


def back_translate(hypothesis: str) -> str:
    """Read a translation back into Chinese, by the longest phrase; unreadable words stay as they are.

    Examples:
        >>> back_translate("the policemen are observing little dogs")
        '警察 看见 little 小狗'
    """
    return " ".join(word for _, word in phrase_by_phrase(hypothesis))


def phrase_by_phrase(hypothesis: str) -> list[tuple[str, str]]:
    """Read a translation as phrases, each with the Chinese word it says, or with itself where it says none.

    Examples:
        >>> phrase_by_phrase("the policemen see little dogs")
        [('the policemen', '警察'), ('see', '看见'), ('little', 'little'), ('dogs', '小狗')]
    """
    table, longest = _reading()
    tokens, read, at = hypothesis.split(), [], 0
    while at < len(tokens):
        for size in range(min(longest, len(tokens) - at), 0, -1):
            word = table.get(tuple(tokens[at : at + size]))
            if word:
                break
        read.append((" ".join(tokens[at : at + size]), word or tokens[at]))
        at += size
    return read


def kept(source: str, hypothesis: str) -> bool:
    """Say whether a translation keeps the meaning: every word in its place, and nothing else.

    Examples:
        >>> kept("警察 看见 小狗", "cops see puppies"), kept("警察 看见 小狗", "puppies see cops")
        (True, False)
    """
    return back_translate(hypothesis) == source


def well_formed(hypothesis: str) -> bool:
    """Say whether a translation is a sentence of the language, whatever it means.

    Examples:
        >>> [well_formed(text) for text in ("cops see dogs here", "cops dogs", "cops see the", "")]
        [True, False, False, False]
    """
    rest = [_class_of().get(word) for word in back_translate(hypothesis).split()]
    for kind in LEXICON:
        if rest and rest[0] == kind:
            rest.pop(0)
        elif kind not in OPTIONAL:
            return False
    return not rest


def similarity(source: str, hypothesis: str) -> float:
    """Compute the cosine of the bags of words of a source and of a back-translation, in [0, 1].

    One word lost of n costs 1 - sqrt((n - 1) / n).

    Examples:
        >>> round(similarity("现在 警察 看见 小狗", "cops see dogs"), 3), similarity("警察 看见 小狗", "")
        (0.866, 0.0)
    """
    ours, theirs = Counter(source.split()), Counter(back_translate(hypothesis).split())
    norms = math.sqrt(sum(n * n for n in ours.values()) * sum(n * n for n in theirs.values()))
    return sum(ours[word] * theirs[word] for word in ours) / norms if norms else 0.0


def lengths(source: str) -> set[int]:
    """Return the syllables that translations of a sentence can have.

    Examples:
        >>> sorted(lengths("警察 看见 小狗"))
        [3, 4, 5, 6, 7, 8, 9, 10, 11, 12]
    """
    sums = {0}
    for word in source.split():
        sums = {total + _syllables(phrase) for total in sums for phrase in phrases()[word]}
    return sums


def fits(source: str, bounds: Sequence[float] = BOUNDS) -> bool:
    """Say whether some translation keeps the whole meaning within static bounds.

    Examples:
        >>> fits("警察 看见 小狗"), fits("警察 看见 小狗", (0.1, 0.4))
        (True, False)
    """
    low, high = bounds
    return not lengths(source).isdisjoint(amounts_within(counter_for("zh")(source), low, high))


@cache
def _classes() -> dict[str, dict[str, tuple[str, ...]]]:
    table: dict[str, dict[str, tuple[str, ...]]] = {}
    for kind, text in LEXICON.items():
        entries = (line.split(maxsplit=1) for line in text.strip().splitlines())
        table[kind] = {word: tuple(phrase.strip() for phrase in said.split("|")) for word, said in entries}
    return table


@cache
def _class_of() -> dict[str, str]:
    return {word: kind for kind, entries in _classes().items() for word in entries}


@cache
def _reading() -> tuple[dict[tuple[str, ...], str], int]:
    table = {tuple(phrase.split()): word for word, said in phrases().items() for phrase in said}
    return table, max(map(len, table))


def _syllables(phrase: str) -> int:
    return counter_for("en")(phrase)
