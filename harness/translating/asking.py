"""A door whose answers are whole: every line matched by its id, and asked again where it is missing.

It stands between a strategy and the real door, so that each question of each strategy is
protected alike. Of an answer to n lines, the usable rows are kept (``answers.py``). Then,
as far as needed: the lines that are missing, each with the line before it, which may have
been merged with it, are asked again alone; a question little of which was answered is
asked in halves; a single line is asked ``ATTEMPTS`` times. Every step asks for fewer lines
than the one before and no line twice, so that it ends after at most (2 + ATTEMPTS) n
questions, each asked once more where only thoughts came back.

A whole question's answer is bound to a JSON schema (``answer_schema.py``) where the server takes
one; what is asked again is not.

Numbers that do not end at n say that lines were merged or split, after which every number
may stand before the wrong text. Then the last line and its neighbour are asked again too:
where its second translation is not like the first, or the neighbour's is more so, nothing
of the answer is believed. Nor is it where texts are nearer in meaning to other lines than
to their own (``order.py``).
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from harness.embedders import Embedder
from harness.errors import RunError
from harness.llm.backend import Refused
from harness.llm.types import LLM, Message, ModelKind, Request, Response, Role
from harness.records import Usage
from harness.translating.answer_schema import MANY, MANY_AND_TERMS, ONE
from harness.translating.answers import Reading, likeness, read
from harness.translating.glossary import Term
from harness.translating.order import in_place

ATTEMPTS = 3
ALIKE = 0.4
"""Likeness of two translations of one line, above which an answer that lost count is believed."""
AROUND = 1
"""Lines before, and after, that go with lines asked again."""
COMPARED = 6
"""Lines of a question from which texts are compared by meaning: of fewer, hardly any are moved."""
FIXED_TOKENS, ROW_TOKENS, TERMS_TOKENS = 64, 16, 256
THINKING_TOKENS = 8192
SPARSE = frozenset({"ar", "bn", "fa", "he", "hi", "ka", "km", "lo", "my", "ta", "te", "th", "ur"})
"""Targets of which tokenizers make several times the tokens of others."""
TOO_MUCH = ("HTTP 400", "HTTP 413", "HTTP 422")
"""Refusals that fewer lines may not meet."""

WORDS = {
    "synopsis": "The synopsis says what the film is about.",
    "terms": "Translate the terms as given, in the form that the sentence needs.",
    "translated_before": "translated_before holds the lines before with their translations: keep their names, "
    "terms, forms of address and style.",
}
TELL_TERMS = (
    ' Beside "translations", give "terms": the names of people, places and organisations and the coined words in '
    'the lines, each with its translation, as [{"source": "…", "target": "…"}], or [].'
)


@dataclass(frozen=True, slots=True)
class Around:
    """What a question about lines is told beside them; ``tell_terms`` asks for the names that occur."""

    synopsis: str = ""
    terms: tuple[Term, ...] = ()
    history: tuple[tuple[str, str], ...] = ()
    tell_terms: bool = False


@dataclass(frozen=True, slots=True)
class _Question:
    request: Request
    payload: Mapping[str, Any]
    lines: Sequence[Mapping[str, Any]]
    answered: list[Response]
    refused: list[RunError]
    role: Role
    stage: str


@dataclass
class Asking:
    """The door for one item of a strategy; implements ``harness.llm.types.LLM``.

    Args:
        llm: the real door.
        target: language of the answers.
        around: what the lines are told with.
        max_tokens: most output tokens of a call; 0 for a limit by the lines' length.
        embedder: tells by meaning whether texts stand at their own lines; None believes the ids.

    Attributes:
        terms: terms that answers told.
    """

    llm: LLM
    target: str
    around: Around = Around()
    max_tokens: int = 0
    embedder: Embedder | None = None
    terms: list[Term] = field(default_factory=list)

    def kind(self, model: str) -> ModelKind:
        """Return the model's kind."""
        return self.llm.kind(model)

    async def complete(self, request: Request, *, role: Role, stage: str) -> Response:
        """Answer a request; of a question about lines, every line that the model can be brought to answer.

        Raises:
            RunError: a call failed for good, or the model took none of the lines.
            CostLimit: the next call could pass the cost limit.
        """
        if not request.messages:
            return await self.llm.complete(request, role=role, stage=stage)
        payload = json.loads(request.messages[-1].content)
        lines = payload.get("lines") or [payload["line"]]
        question = _Question(request, payload, lines, [], [], role, stage)
        texts = await self._solve(question, range(len(lines)))
        answers = question.answered
        if not answers:
            raise question.refused[-1]
        usage = sum((response.usage for response in answers), Usage())
        if not texts and answers[-1].finish == "refusal":
            return replace(answers[-1], usage=usage)
        rows = [{"id": number + 1, "text": text} for number, text in sorted(texts.items())]
        answer: dict[str, Any] = {"translations": rows}
        if "lines" not in payload:
            answer = {"translation": texts.get(0, "")}
        return Response(json.dumps(answer, ensure_ascii=False), "stop", usage)

    async def _solve(self, question: _Question, places: Sequence[int]) -> dict[int, str]:
        """Return the translations of lines by their place in the question."""
        if len(places) == 1:
            return await self._single(question, places[0])
        reading = await self._ask(question, places)
        good = {places[number - 1]: text for number, text in reading.texts.items()}
        again = [places[number - 1] for number in _again(reading, len(places))]
        if len(again) > len(places) // 2:
            return await self._halves(question, places)
        new = await self._solve(question, again) if again else {}
        counted = reading.last == len(places) or _believed(good, new)
        if counted and await self._in_place(question, good | new):
            return good | new
        return new | await self._halves(question, [place for place in places if place not in again])

    async def _in_place(self, question: _Question, texts: Mapping[int, str]) -> bool:
        if self.embedder is None or len(texts) < COMPARED:
            return True
        return await in_place(self.embedder, [question.lines[place]["text"] for place in texts], list(texts.values()))

    async def _halves(self, question: _Question, places: Sequence[int]) -> dict[int, str]:
        middle = len(places) // 2
        halves = [await self._solve(question, half) for half in (places[:middle], places[middle:]) if half]
        return {place: text for half in halves for place, text in half.items()}

    async def _single(self, question: _Question, place: int) -> dict[int, str]:
        rejected: dict[int, str] = {}
        for attempt in range(ATTEMPTS):
            reading = await self._ask(question, [place], attempt)
            if 1 in reading.texts:
                return {place: reading.texts[1]}
            rejected = reading.rejected or rejected
        return {place: rejected[1]} if rejected else {}  # the strategy says what is wrong with it

    async def _ask(self, question: _Question, places: Sequence[int], attempt: int = 0) -> Reading:
        """Ask once for some of the lines; once more with room to think where only thoughts were cut off."""
        sources = [question.lines[place]["text"] for place in places]
        request = self._request(question, places, attempt)
        for extra in (0, THINKING_TOKENS):
            decode = replace(request.decode, max_tokens=request.decode.max_tokens + extra)
            try:
                response = await self.llm.complete(
                    replace(request, decode=decode), role=question.role, stage=question.stage
                )
            except Refused as error:
                if error.kind not in TOO_MUCH:
                    raise
                question.refused.append(error)
                return Reading({}, 0)
            question.answered.append(response)
            reading = read(_as_rows(response.text), sources, self.target)
            if response.finish != "length" or response.text or self.max_tokens:
                break
        self.terms += reading.terms
        return reading

    def _request(self, question: _Question, places: Sequence[int], attempt: int) -> Request:
        """Return the request for some of a question's lines: all of them with what is around, fewer with neighbours."""
        payload, system = dict(question.payload), question.request.messages[0].content
        schema = ""  # what is asked again goes without: it costs tokens, and some models cannot write under one
        if len(places) == len(question.lines):
            told = _told(self.around)
            payload = told | payload
            if not attempt:
                schema = MANY if "lines" in payload else ONE
            if "lines" in payload and self.around.tell_terms and question.request.repeat == 0:
                system, schema = system + TELL_TERMS, MANY_AND_TERMS
        else:
            told = {key: value for key, value in _told(self.around).items() if key == "terms"}
            payload = told | _part(question, places)
        system = " ".join([system, *(WORDS[key] for key in told)])
        messages = (Message("system", system), Message("user", json.dumps(payload, ensure_ascii=False)))
        decode = question.request.decode
        thinking = THINKING_TOKENS if decode.reasoning_effort else 0
        limit = self.max_tokens or thinking + self._limit([question.lines[place]["text"] for place in places])
        decode = replace(decode, max_tokens=limit)
        repeat = question.request.repeat + 1000 * attempt  # apart from a strategy's own repeats
        return replace(question.request, messages=messages, decode=decode, repeat=repeat, schema=schema)

    def _limit(self, texts: Sequence[str]) -> int:
        """Return the most tokens for an answer: half as many again as a translation takes, or twice."""
        rows = sum(ROW_TOKENS + len(text.encode()) * 3 // 4 for text in texts)
        terms = TERMS_TOKENS if self.around.tell_terms else 0
        return FIXED_TOKENS + terms + rows * (3 if self.target in SPARSE else 1)


def _again(reading: Reading, lines: int) -> list[int]:
    """Return the numbers of the lines to ask again: what cannot be used, and what may be wrong with it.

    Examples:
        >>> _again(Reading({1: "a", 2: "b", 4: "d", 5: "e"}, 5, frozenset({1, 2, 4, 5})), 5)
        [2, 3]
        >>> _again(Reading(dict.fromkeys(range(1, 6), "x"), 6), 5)
        [4, 5]
    """
    again = {number for number in range(1, lines + 1) if number not in reading.texts}
    again |= {number - 1 for number in again if number > 1 and number not in reading.seen}  # merged into it, perhaps
    if reading.last > lines:
        again |= {max(1, lines - 1), lines}
    return sorted(again)


def _believed(old: Mapping[int, str], new: Mapping[int, str]) -> bool:
    """Say whether the last line that was translated twice got like texts, and no other line's text is as like."""
    both = [place for place in old if place in new]
    if not both:
        return False
    place = max(both)
    alike = likeness(old[place], new[place])
    return alike >= ALIKE and all(likeness(old[place], text) <= alike for text in new.values())


def _told(around: Around) -> dict[str, Any]:
    told: dict[str, Any] = {}
    if around.synopsis:
        told["synopsis"] = around.synopsis
    if around.terms:
        told["terms"] = [
            {"source": term.source, "target": term.target} | ({"note": term.note} if term.note else {})
            for term in around.terms
        ]
    if around.history:
        told["translated_before"] = [{"text": text, "translation": made} for text, made in around.history]
    return told


def _part(question: _Question, places: Sequence[int]) -> dict[str, Any]:
    """Return the payload for some of the lines, numbered anew, with the lines around them."""
    texts = [line["text"] for line in question.lines]
    first, last = places[0], places[-1]
    payload: dict[str, Any] = {
        "context_before": texts[max(0, first - AROUND) : first],
        "lines": [{**question.lines[place], "id": number} for number, place in enumerate(places, start=1)],
        "context_after": texts[last + 1 : last + 1 + AROUND],
    }
    return {name: value for name, value in payload.items() if value}


def _as_rows(answer: str) -> str:
    """Write the answer to a single line as a row, so that there is one form to read."""
    try:
        data = json.loads(answer[answer.find("{") : answer.rfind("}") + 1])
    except (ValueError, RecursionError):
        return answer
    if isinstance(data, dict) and isinstance(data.get("translation"), str):
        return json.dumps({"translations": [{"id": 1, "text": data["translation"]}]}, ensure_ascii=False)
    return answer
