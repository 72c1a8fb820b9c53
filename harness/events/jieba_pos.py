"""jieba's part-of-speech tagger: tags mapped to the common form."""

from collections.abc import Callable, Sequence

from harness.errors import UserError
from harness.events.tokens import Tag, Token, settle
from harness.once import Once

TAGS: dict[str, Tag] = {
    "n": "noun", "ng": "noun", "nr": "name", "nrt": "name", "nrfg": "name", "ns": "name", "nt": "name", "nz": "noun",
    "eng": "noun", "v": "verb", "vg": "verb", "vi": "verb", "vq": "verb", "vn": "verbal noun", "vd": "adverb",
    "a": "adjective", "ag": "adjective", "an": "noun", "ad": "adverb", "d": "adverb", "df": "adverb", "r": "pronoun",
    "rr": "pronoun", "rz": "pronoun", "m": "number", "mq": "number", "p": "preposition", "c": "conjunction",
    "u": "particle", "uj": "particle", "ul": "particle", "uz": "particle", "ug": "particle", "ud": "particle",
    "uv": "particle", "y": "particle", "e": "particle", "o": "particle", "t": "time", "tg": "time", "s": "noun",
    "f": "place", "l": "verb", "i": "verb", "z": "adjective", "j": "noun",
}  # fmt: skip


def tokens(pairs: Sequence[tuple[str, str]]) -> tuple[Token, ...]:
    """Map jieba's (word, flag) pairs; idioms and set phrases (i, l) stand as predicates.

    Examples:
        >>> [t.tag for t in tokens([("花", "v"), ("了", "ul"), ("20", "m"), ("块钱", "n")])]
        ['verb', 'particle', 'number', 'noun']
    """
    return tuple(token for word, flag in pairs for token in settle(word, TAGS.get(flag.lower(), "other")))


@Once
def load() -> tuple[str, Callable[[str], tuple[Token, ...]]]:
    """Return the tagger's name with its version, and the tagging function."""
    try:
        import jieba
        import jieba.posseg as posseg
    except ImportError as error:
        raise UserError(
            "The event extractor 'jieba' is not installed.", "pip install 'sandglass-bench[embed]'"
        ) from error
    jieba.setLogLevel("ERROR")
    tokenizer = posseg.POSTokenizer(jieba.Tokenizer())
    return (
        f"jieba@{jieba.__version__}",
        lambda text: tokens([(pair.word, pair.flag) for pair in tokenizer.cut(text)]),
    )
