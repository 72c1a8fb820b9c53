r"""Other people's text, made fit to be shown: nothing in it is interpreted, hidden or without end.

Every text that the site shows goes through ``visible`` and then through the templates' escaping, or through
``payload`` where scripts carry it.
"""

import hashlib
import json
import re
import unicodedata
from typing import Any

LONGEST = 2_000
"""Characters of one text that are shown; what is cut is counted."""

_SUSPECT = re.compile("[^\n -~¡-¬®-ɏ‐-‧‰-⁞、-ヿ一-鿿！-～]")
"""What is neither these everyday letters nor a line break is looked at character by character."""

_HIDDEN = frozenset({"Cc", "Cf", "Co", "Cs", "Cn", "Zl", "Zp"})
_MARKS = 8
"""Combining marks in a row from which on they are shown as numbers: piled up, they run over their line."""


def visible(text: str, longest: int = LONGEST) -> str:
    r"""Write hidden, direction-changing and broken characters as their numbers, and cut what has no end.

    Args:
        text: anything.
        longest: characters kept.

    Returns:
        Text that shows all it holds and can be encoded as UTF-8; line breaks are kept.

    Examples:
        >>> visible("a\u202eb\x07\ud800"), visible("x" * 9, longest=4)
        ('a⟨U+202E⟩b⟨U+0007⟩⟨U+D800⟩', 'xxxx⟨5 more characters⟩')
        >>> visible("两个人 — déjà vu\n“ok”")
        '两个人 — déjà vu\n“ok”'
    """
    rest = len(text) - longest
    if rest > 0:
        text = text[:longest]
    if _SUSPECT.search(text):
        text = _numbered(text)
    return f"{text}⟨{rest:,} more characters⟩" if rest > 0 else text


def _numbered(text: str) -> str:
    shown, marks = [], 0
    for character in text:
        category = unicodedata.category(character)
        marks = marks + 1 if category == "Mn" else 0
        hidden = (category in _HIDDEN and character != "\n") or marks >= _MARKS
        shown.append(f"⟨U+{ord(character):04X}⟩" if hidden else character)
    return "".join(shown)


def payload(data: Any) -> str:
    r"""Write data as JSON that is safe inside a script, whatever its strings hold.

    Args:
        data: plain data; its strings have gone through ``visible``.

    Returns:
        JSON in ASCII's printable characters and letters beyond, without ``<``, ``>``, ``&`` and line separators.

    Raises:
        ValueError: a number that is not finite.

    Examples:
        >>> print(payload({"a": "</script><!--\u2028"}))
        {"a":"\u003c/script\u003e\u003c!--\u2028"}
    """
    text = json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return _UNSAFE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


_UNSAFE = re.compile("[<>&\u2028\u2029]")


def slug(text: str, identity: str = "", length: int = 48) -> str:
    """Return a name for a file or folder: readable where it can be, and never the same for two things.

    Args:
        text: what it stands for, in words.
        identity: what tells it from all others, the text itself where not given.
        length: of the readable part.

    Examples:
        >>> slug("openai/gpt-x"), slug("../../etc/passwd")
        ('openai-gpt-x-61cc9c80', 'etc-passwd-3754d6cb')
        >>> slug("模型") == slug("模型 ")
        False
    """
    readable = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:length].strip("-")
    digest = hashlib.sha256((identity or text).encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return f"{readable}-{digest}" if readable else digest
