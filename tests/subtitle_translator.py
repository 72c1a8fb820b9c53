"""A translator of subtitles behind the loopback server, which can answer in every wrong way there is.

A source line names itself, ``第7句…``, and so does its translation, ``Cue 7 …``: whoever
reads a file can see whether each stands where it belongs. Tokens are three bytes, and the
server keeps to ``max_tokens``.
"""

import json
import re
from collections.abc import Callable
from typing import Any

from tests.loopback import Reply, says

WORDS = "we all go out to see the old town and eat good food by the sea at night with our best friends".split()
Row = dict[str, Any]


LONG = 14
"""Words of a translation that does not fit two seconds."""


def source(number: int) -> str:
    """Return a source line that names itself."""
    return f"第{number}句话，我们都出去看海吃饭了"


def translation(text: str, words: int = 6) -> str:
    """Return the translation of a line, which names it too; other lines get words of their own."""
    found = re.search(r"第(\d+)句", text)
    number = int(found[1]) if found else len(text)
    return " ".join(["Cue", str(number), *(WORDS[(number * 7 + n * n) % len(WORDS)] for n in range(words))])


def numbers(text: str) -> list[str]:
    """Return the names of the lines in a text."""
    return re.findall(r"(?:第|Cue )(\d+)", text)


def dropped(rows: list[Row]) -> list[Row]:
    return rows[:-1]


def one_more(rows: list[Row]) -> list[Row]:
    return [*rows, {"id": len(rows) + 1, "text": "And one more for the road."}]


def merged(rows: list[Row]) -> list[Row]:
    middle = len(rows) // 2
    both = f"{rows[middle - 1]['text']} {rows[middle]['text']}"
    return [*rows[: middle - 1], {"id": middle, "text": both}, *rows[middle + 1 :]]


def merged_and_counted_on(rows: list[Row]) -> list[Row]:
    return [{"id": number, "text": row["text"]} for number, row in enumerate(merged(rows), start=1)]


def split_and_counted_on(rows: list[Row]) -> list[Row]:
    middle = len(rows) // 2
    head, _, tail = rows[middle]["text"].rpartition(" ")
    cut = [*rows[:middle], {"text": head}, {"text": tail}, *rows[middle + 1 :]]
    return [{"id": number, "text": row["text"]} for number, row in enumerate(cut, start=1)]


def shuffled(rows: list[Row]) -> list[Row]:
    return [*rows[1::2], *rows[::2]]


def blank(rows: list[Row]) -> list[Row]:
    return [*rows[:1], rows[1] | {"text": " "}, *rows[2:]]


def id_twice(rows: list[Row]) -> list[Row]:
    return [*rows[:2], rows[2] | {"id": 2}, *rows[3:]] if len(rows) > 2 else [rows[0], rows[0] | {"text": "Other."}]


def text_twice(rows: list[Row]) -> list[Row]:
    return [rows[0], rows[1] | {"text": rows[0]["text"]}, *rows[2:]]


def endless(rows: list[Row]) -> list[Row]:
    return rows + [{"id": number, "text": "and so on and on"} for number in range(len(rows) + 1, 2000)]


def never_ending_line(rows: list[Row]) -> list[Row]:
    return [*rows[:-2], rows[-2] | {"text": "ha " * 4000}, rows[-1]]


Fault = Callable[[list[Row]], list[Row]]
FAULTS: tuple[Fault, ...] = (dropped, one_more, merged, shuffled, blank, id_twice, text_twice, endless)
"""What servers are known to do."""
WORSE: tuple[Fault, ...] = (merged_and_counted_on, split_and_counted_on, never_ending_line)
"""Every later line stands at a wrong number, or one line eats all tokens."""


class SubtitleTranslator:
    """Behaviour for the loopback server.

    Args:
        fault: called with the number of lines asked for; returns what is done to the rows.
        words: words of a translation.
        shortens: whether it can shorten drafts.

    Attributes:
        asked: payload of every question.
        systems: system message of every question.
        tokens: tokens read and written, by its own count.
    """

    def __init__(
        self,
        fault: Callable[[int], Fault | None] = lambda lines: None,
        words: int = 6,
        shortens: bool = True,
    ) -> None:
        self.fault, self.words, self.shortens = fault, words, shortens
        self.asked: list[dict[str, Any]] = []
        self.systems: list[str] = []
        self.tokens = 0

    def __call__(self, request: dict[str, Any]) -> Reply:
        system, user = (message["content"] for message in request["messages"])
        payload = json.loads(user)
        self.asked.append(payload)
        self.systems.append(system)
        text = json.dumps(self._answer(payload), ensure_ascii=False)
        most, finish = 3 * request["max_tokens"], "stop"
        if len(text) > most:
            text, finish = text[:most], "length"
        asked = system + user + json.dumps(request.get("response_format", ""))
        read, written = len(asked.encode()) // 3, len(text.encode()) // 3
        self.tokens += read + written
        return says(text, finish=finish, usage={"prompt_tokens": read, "completion_tokens": written})

    def _answer(self, payload: dict[str, Any]) -> dict[str, Any]:
        if "subtitles" in payload:
            return {"synopsis": "Friends go to the sea."}
        if "line" in payload:
            return {"translation": self._line(payload["line"])}
        rows = [{"id": line["id"], "text": self._line(line)} for line in payload["lines"]]
        fault = self.fault(len(rows))
        return {"translations": rows if fault is None else fault(rows)}

    def _line(self, line: dict[str, Any]) -> str:
        if "draft" not in line:
            return translation(line["text"], self.words)
        words = str(line["draft"]).split()
        if not self.shortens:
            return " ".join([*words, "and", "more"])
        stated = str(line.get("characters") or line["syllables"])
        most = int(stated.removeprefix("at most ").rpartition("-")[2])
        while len(words) > 2 and (len(" ".join(words)) if "characters" in line else len(words)) > most:
            words.pop()
        return " ".join(words)


def srt(cues: int, seconds: float = 2.0, form: Callable[[int], str] = source) -> str:
    """Return a SubRip file whose cues name themselves."""

    def stamp(time: float) -> str:
        total = round(time * 1000)
        return f"{total // 3600000:02}:{total // 60000 % 60:02}:{total // 1000 % 60:02},{total % 1000:03}"

    return "".join(f"{n}\n{stamp(3 * n)} --> {stamp(3 * n + seconds)}\n{form(n)}\n\n" for n in range(1, cues + 1))


def command(server, files, *options):
    model = ["--model", "openai/test", "--api-base", server.url, "--trust-ids"]
    return ["translate", *map(str, files), "--source", "zh", "--target", "en", *model, *map(str, options)]


def film(tmp_path, cues, name="film.srt", **options):
    path = tmp_path / name
    path.write_text(srt(cues, **options), encoding="utf-8")
    return path
