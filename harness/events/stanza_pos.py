"""Stanza's Chinese tagger, the paper's: Universal Dependencies tags mapped to the common form.

The model is read from disk only, from the directory in ``STANZA_RESOURCES_DIR`` or
Stanza's default one; nothing is ever downloaded here.
"""

from collections.abc import Callable, Sequence

from harness.errors import UserError
from harness.events.tokens import Tag, Token, settle
from harness.once import Once

TAGS: dict[str, Tag] = {
    "NOUN": "noun", "PROPN": "name", "NUM": "number", "VERB": "verb", "AUX": "verb", "ADJ": "adjective",
    "ADV": "adverb", "PRON": "pronoun", "DET": "pronoun", "ADP": "preposition", "CCONJ": "conjunction",
    "SCONJ": "conjunction", "PART": "particle", "INTJ": "particle",
}  # fmt: skip
PARTICLES = frozenset({"AS", "SP", "DEC", "DEG", "DER", "DEV", "UH", "IJ"})
_FIX = "pip install 'sandglass-bench[stanza]', then: python -c \"import stanza; stanza.download('zh-hans')\""


def tokens(triples: Sequence[tuple[str, str, str]]) -> tuple[Token, ...]:
    """Map Stanza's (text, upos, xpos) triples.

    Aspect markers are AUX with xpos AS and are particles here; suffixes (PART, SFN)
    belong to the noun before them.

    Examples:
        >>> [t.tag for t in tokens([("花", "VERB", "VV"), ("了", "AUX", "AS"), ("20", "NUM", "CD")])]
        ['verb', 'particle', 'number']
        >>> [t.text for t in tokens([("科学", "NOUN", "NN"), ("家", "PART", "SFN")])]
        ['科学家']
    """
    out: list[Token] = []
    for text, upos, xpos in triples:
        if xpos == "SFN" and out and out[-1].tag in ("noun", "name"):
            out[-1] = Token(out[-1].text + text, out[-1].tag)
            continue
        tag: Tag = TAGS.get(upos, "other")
        if xpos in PARTICLES or (upos == "AUX" and text in ("了", "着", "过", "過", "著")):
            tag = "particle"
        elif xpos == "NNB":
            tag = "other"
        elif xpos == "BB" and text in ("被", "给"):
            tag = "preposition"
        out.extend(settle(text, tag))
    return tuple(out)


@Once
def load() -> tuple[str, Callable[[str], tuple[Token, ...]]]:
    """Return the tagger's name with its version, and the tagging function."""
    try:
        import stanza
    except ImportError as error:
        raise UserError("The event extractor 'stanza' is not installed.", _FIX) from error
    try:
        pipeline = stanza.Pipeline(
            "zh-hans", processors="tokenize,pos", download_method=None, tokenize_no_ssplit=True, verbose=False
        )
    except Exception as error:
        raise UserError(f"Stanza's Chinese model could not be read ({type(error).__name__}).", _FIX) from error

    def tag(text: str) -> tuple[Token, ...]:
        document = pipeline(text)
        return tokens([(w.text, w.upos or "", w.xpos or "") for s in document.sentences for w in s.words])

    return f"stanza@{stanza.__version__}", tag
