"""A translator of numbered chunks behind the loopback server, which may fail in every way that chunks fail.

It also translates its own lines back, and judges: the score of whatever it is shown is 80.
"""

import hashlib
import json
from typing import Any

from harness.numbered import TO_TRANSLATE
from tests.loopback import Reply, fails, says

SCORE = 80
FAULTS = ("n-1", "n+1", "merged", "shuffled", "blank", "repeated", "dropped", "spilled", "chatter", "endless")


def translation(source: str) -> str:
    """Return the one right translation of a line: three words that no other line has, of no language in particular."""
    letters = "".join(chr(ord("a") + byte % 26) for byte in hashlib.sha256(source.encode()).digest())
    return f"Satz {letters[:6]} {letters[6:12]}"


class MuscServer:
    """Behaviour for the loopback server.

    Args:
        fault: what is wrong with every chunk, empty for nothing.

    Attributes:
        chunks: source lines of every chunk asked for.
        judged: payloads of all judgements.
        down: whether judging fails; may be changed at any time.
    """

    def __init__(self, fault: str = "") -> None:
        self.fault = fault
        self.chunks: list[list[str]] = []
        self.judged: list[dict[str, Any]] = []
        self.down = False
        self._sources: dict[str, str] = {}

    def __call__(self, request: dict[str, Any]) -> Reply:
        system, user = (message["content"] for message in request["messages"])
        if TO_TRANSLATE in user:
            return self._chunk(user)
        payload = json.loads(user)
        if "You judge" in system:
            self.judged.append(payload)
            return fails(400) if self.down else says(json.dumps({"Score": SCORE}))
        return says(json.dumps({"translation": self._sources[payload["line"]["text"]]}))

    def _chunk(self, user: str) -> Reply:
        rows = user.partition(f"{TO_TRANSLATE}:\n")[2].partition("\n\n")[0].split("\n")
        sources = [row.partition(". ")[2] for row in rows]
        self.chunks.append(sources)
        lines = [translation(source) for source in sources]
        self._sources.update(zip(lines, sources, strict=True))
        answer = broken(lines, self.fault)
        return says(answer, finish="length" if self.fault == "endless" else "stop")


def broken(lines: list[str], fault: str) -> str:
    """Return the answer to a chunk with one fault in it, in the middle."""
    at = len(lines) // 2
    rows = list(enumerate(lines, 1))
    match fault:
        case "n-1":
            rows = list(enumerate([*lines[:at], f"{lines[at]} {lines[at + 1]}", *lines[at + 2 :]], 1))
        case "n+1":
            rows = list(enumerate([*lines[:at], *lines[at].split(" ", 1), *lines[at + 1 :]], 1))
        case "shuffled":
            rows = rows[at:] + rows[:at]
        case "blank":
            rows[at] = (at + 1, "")
        case "repeated":
            rows.insert(at, rows[at])
        case "dropped":
            del rows[at]
        case "endless":
            rows += [(number, "immer weiter") for number in range(len(lines) + 1, 400)]
    text = [f"{number}. {line}" for number, line in rows]
    match fault:
        case "merged":
            text[at : at + 2] = [f"{at + 1}-{at + 2}. {lines[at]} {lines[at + 1]}"]
        case "spilled":
            text.insert(at + 1, "und noch etwas")
        case "chatter":
            text.insert(0, "Hier ist die Übersetzung:")
    return "\n".join(text)
