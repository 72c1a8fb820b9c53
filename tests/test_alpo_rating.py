"""Candidates from a model in memory and behind the door, their scores, and what is left out."""

import asyncio
import json
import re
from dataclasses import dataclass

import pytest

pytest.importorskip("trl", reason="the extra 'train' is not installed")

from harness import registry
from harness.budget import Budget
from harness.errors import UserError
from harness.judges import load_candidates
from harness.llm.door import Door
from harness.metrics.base import Frame
from harness.records import Item, Segment
from tests import alpo_toy
from tests.judge_server import JudgeServer, numbered, run, spec
from tests.loopback import Loopback, fails, says
from trainers.alpo.data import RatedSample, Sample, read_rated, split
from trainers.alpo.encoding import Encoder
from trainers.alpo.examples import MISREAD, NO_CANDIDATE, NO_PAIR, TOO_LONG, example, examples, longest, rows
from trainers.alpo.rating import Rating, picked
from trainers.alpo.sampling import ByDoor, Decoding, Local
from trainers.alpo.scoring import Exact, Judged, Timed
from trainers.alpo.selection import Rated, Rules
from trainers.alpo.toy_language import quality, scenes


@dataclass(frozen=True)
class Told:
    """A sampler that says what it was told to, and remembers what stood before."""

    lines: tuple = ()
    whole: tuple = ()
    seen: tuple = ()

    async def next_lines(self, samples, before, k):
        self.seen[0].append(list(before))
        number = len(before[0])
        return [list(self.lines[number]) for _ in samples]

    async def outputs(self, samples, k):
        return [list(self.whole) for _ in samples]


@dataclass(frozen=True)
class ByNumber:
    """Scores that stand in the texts."""

    optimised_for: tuple = ()

    async def rate(self, segments, candidates):
        return [tuple(float(text.split()[-1]) for text in texts) for texts in candidates]


def film(lines, id_="f", references=None):
    found = tuple(
        Segment(f"{id_}-{n}", text, id_, reference=references[n] if references else None)
        for n, text in enumerate(lines)
    )
    return Sample(Item(id_, found), "translate")


def rate(rating, samples, mode):
    return asyncio.run(rating.rate(samples, mode))


def test_sequential_sampling_goes_on_after_the_chosen_line():
    texts = [tuple(f"line {place} scores {score}" for score in (90, 80, 70, 20, 10, 0)) for place in range(3)]
    seen = []
    rating = Rating(Told(texts, seen=(seen,)), ByNumber(), 6)
    samples = [film(["a", "b", "c"], "f"), film(["d", "e", "f"], "g")]
    found = rate(rating, samples, "sequential")
    for place, sample in enumerate(found):
        chosen = [line.texts[picked(line, Rules(), 0, sample.id, n).chosen] for n, line in enumerate(sample.lines)]
        assert seen[2][place] == tuple(chosen[:2])
        assert all(int(text.split()[-1]) >= 70 for text in chosen)


def test_a_sample_without_a_candidate_for_a_line_is_left_out_and_counted():
    rating = Rating(Told((("a 1", "b 9"), ("", " ")), seen=([],)), ByNumber(), 2)
    found = rate(rating, [film(["a", "b"])], "sequential")
    assert found == [RatedSample("f")]
    kept, counts = examples([film(["a", "b"])], found, "alpo", Rules(), 1.0, 0, alpo_toy.encoder())
    assert (kept, counts) == ([], {NO_CANDIDATE: 1})


def test_slices_and_whole_outputs_leave_out_other_lines_than_asked_for():
    whole = (("a 80", "b 60"), None, ("a 40", "b 60"), ("a 80", "b 20"))
    sample = film(["x", "y"], references=["r 50", "r 50"])
    sliced = rate(Rating(Told(whole=whole), ByNumber(), 4), [sample], "sliced")[0]
    assert sliced.misread == 1
    assert sliced.lines[0] == Rated(("a 80", "a 40", "r 50"), (80.0, 40.0, 50.0))
    outputs = rate(Rating(Told(whole=whole), ByNumber(), 4), [sample], "whole")[0]
    assert outputs.lines == (Rated(("a 80\nb 60", "a 40\nb 60", "a 80\nb 20", "r 50\nr 50"), (70.0, 50.0, 50.0, 50.0)),)
    nothing = rate(Rating(Told(whole=(None, None)), ByNumber(), 2), [film(["x"])], "sliced")[0]
    assert nothing == RatedSample("f", (), 2)
    gaps = rate(Rating(Told(whole=(("a 1", ""), ("", "b 2"))), ByNumber(), 2), [film(["x", "y"])], "whole")[0]
    assert gaps == RatedSample("f")  # no output is whole
    _, counts = examples([sample], [sliced], "alpo", Rules(), 1.0, 0, alpo_toy.encoder())
    assert counts[MISREAD] == 1


def test_equal_scores_and_long_samples_are_counted_and_never_trained_on():
    samples = scenes(2, 0)
    equal = [RatedSample(s.id, tuple(Rated(tuple("abcdef"), (50.0,) * 6) for _ in range(4))) for s in samples]
    kept, counts = examples(samples, equal, "alpo", Rules(), 1.0, 0, alpo_toy.encoder())
    assert kept == []
    assert counts == {"alike": 8, NO_PAIR: 2}
    short = Encoder(alpo_toy.tokenizer(), " ;", cutoff=30)
    kept, counts = examples(samples, alpo_toy.rated(samples), "alpo", Rules(), 1.0, 0, short)
    assert kept == []
    assert counts[TOO_LONG] == 2


def test_the_longest_row_is_as_long_as_said_for_lines_and_for_whole_outputs():
    sample = scenes(1, 0)[0]
    (lines,) = alpo_toy.rated([sample])
    texts = ("\n".join(line.texts[0] for line in lines.lines), "\n".join(line.texts[-1] for line in lines.lines))
    whole = RatedSample(sample.id, (Rated(texts, (90.0, 10.0)),))
    for method, found in (("alpo", lines), ("outcome_dpo", whole)):
        encoder = alpo_toy.encoder()
        made = example(sample, found, method, Rules(), 1.0, 0)
        prefixes = [made.chosen, *([n] * len(found.lines) for n in range(min(len(line.texts) for line in found.lines)))]
        built = [row for prefix in prefixes for row in rows(made, prefix, encoder)]
        most = max(len(row.before) + max(len(row.chosen), len(row.rejected)) for row in built)
        assert most <= longest(made, encoder) <= most + 1


def test_candidates_of_other_data_are_refused():
    samples = scenes(2, 0)
    found = alpo_toy.rated(samples)
    encoder = alpo_toy.encoder()
    for broken in (RatedSample("gone", found[0].lines), RatedSample(samples[0].id, found[0].lines[:3])):
        with pytest.raises(UserError, match="are not those of the data"):
            examples(samples, [broken], "alpo", Rules(), 1.0, 0, encoder)


def test_the_baselines_have_equal_weights_and_one_beta():
    kept, _ = alpo_toy.made(6, "segment_dpo", beta=0.1)
    for one in kept:
        paired = [pick.verdict == "paired" for pick in one.picks]
        assert one.weights == tuple(1 / sum(paired) if usable else 0.0 for usable in paired)
        assert one.betas == tuple(0.1 if usable else 0.0 for usable in paired)


def test_a_model_in_memory_samples_after_the_prefix_it_is_trained_with():
    sampler = Local(alpo_toy.model(), alpo_toy.encoder(), Decoding(5, max_tokens=8), seed=3)
    samples = scenes(3, 0)
    before = [("k00-casual-plain", "k01-casual-vivid")] * 3
    found = asyncio.run(sampler.next_lines(samples, before, 5))
    assert found == asyncio.run(sampler.next_lines(samples, before, 5))
    assert [len(texts) for texts in found] == [5, 5, 5]
    assert all(";" not in text for texts in found for text in texts)
    outputs = asyncio.run(sampler.outputs(samples, 2))
    assert outputs == [[None, None]] * 3  # an untrained model numbers no lines


def test_lines_are_drawn_independently_of_each_other():
    model = alpo_toy.model()
    for weights in model.parameters():
        weights.data.zero_()  # every prompt is followed by every token as likely
    sampler = Local(model, alpo_toy.encoder(), Decoding(9, max_tokens=8, top_p=1.0, top_k=0), seed=3)
    lines = [asyncio.run(sampler.next_lines(scenes(1, 0), [("k00-casual-plain",) * n], 9)) for n in range(3)]
    assert len({str(texts) for texts in lines}) == 3


def test_what_is_cut_off_is_no_candidate():
    sample, encoder, model = scenes(1, 0)[0], alpo_toy.encoder(), alpo_toy.model()
    long = Local(model, encoder, Decoding(64, temperature=5.0, top_p=1.0, top_k=0, max_tokens=40), seed=1)
    (texts,) = asyncio.run(long.next_lines([sample], [()], 64))
    lengths = [len(text.split()) for text in texts if text]
    assert len(set(lengths)) > 5
    short = Local(model, encoder, Decoding(64, temperature=5.0, top_p=1.0, top_k=0, max_tokens=5), seed=1)
    (cut,) = asyncio.run(short.next_lines([sample], [()], 64))
    assert 0 < max(len(text.split()) for text in cut) <= 4
    assert cut.count("") > 32


def test_tokens_of_a_line_are_the_same_whatever_stands_around_it():
    encoder, sample = alpo_toy.encoder(), scenes(1, 0)[0]
    before, own = encoder.line(sample, sample.references[:3], sample.references[3])
    prompt, whole = encoder.whole(sample, sample.references)
    assert before + own == prompt + whole
    assert encoder.lines(whole, 4) == list(sample.references)
    assert encoder.lines(whole, 3) is None
    assert encoder.first_line(own) == sample.references[3]


def translator(request):
    """Answer with numbered lines whose quality is the repeat's, or with the one line asked for."""
    system, user = (message["content"] for message in request["messages"])
    value = 10 * (1 + request.get("seed", 0) % 9)
    alone = re.search(r"Translate line (\d+) alone", system)
    if alone:
        return says(f"{alone.group(1)}. well, that is good {value}")
    count = len(re.findall(r"^\d+\. ", user, re.M))
    return says("\n".join(f"{n}. well, that is good {value}" for n in range(1, count + 1)))


def test_a_model_behind_the_door_is_shown_the_terms_and_may_think_first():
    segments = (Segment("1", "你好", "v", terms=(("你", "thou"),)), Segment("2", "再见", "v", terms=(("见", "see"),)))
    sample = Sample(Item("1", segments), "")

    def thinking(request):
        answer = translator(request)
        return says("<think>\n1. no\n</think>\n\n" + answer.body["choices"][0]["message"]["content"])

    with Loopback(thinking) as server:

        async def work(door):
            sampler = behind(door, server)
            return await sampler.next_lines([sample], [()], 2), await sampler.outputs([sample], 2)

        (lines, outputs), _ = run(work)
    assert all(lines[0]) and all(outputs[0])
    assert all("你 = thou\n见 = see" in seen.json["messages"][1]["content"] for seen in server.seen)


def behind(door, server):
    return ByDoor(door, "openai/m", "zh", "en", Decoding(4), server.url)


def test_a_model_behind_the_door_is_asked_for_the_next_line_and_for_all():
    samples = [film(["你好", "再见"])]
    with Loopback(translator) as server:

        async def work(door):
            sampler = behind(door, server)
            lines = await sampler.next_lines(samples, [("Hello.",)], 4)
            return lines, await sampler.outputs(samples, 3)

        (lines, outputs), _ = run(work)
    assert all(re.fullmatch(r"well, that is good \d+", text) for text in lines[0])
    assert len(lines[0]) == 4
    assert [len(output) for output in outputs[0]] == [2, 2, 2]
    asked = [seen.json["messages"][1]["content"] for seen in server.seen]
    assert any(content.endswith("Translated so far:\n1. Hello.") for content in asked)


def test_a_call_that_fails_is_a_blank_and_all_of_them_an_error():
    calls = iter(range(1000))

    def sometimes(request):
        return fails(400) if next(calls) % 2 else translator(request)

    samples = [film(["你好"])]
    with Loopback(sometimes) as server:
        found, _ = run(
            lambda door: ByDoor(door, "openai/m", "zh", "en", Decoding(4), server.url).next_lines(samples, [()], 4)
        )
    assert sorted(bool(text) for text in found[0]) == [False, False, True, True]
    with Loopback(lambda request: fails(400)) as server, pytest.raises(Exception, match="400"):
        run(lambda door: behind(door, server).outputs(samples, 2))


def test_a_judges_votes_are_the_scores_and_what_it_cannot_rate_is_unscored():
    segments = [Segment("1", "他来了", "v"), Segment("2", "好", "v")]
    texts = [["he came 80", "he arrives 30"], [f"text {number}" for number in range(27)]]
    with Loopback(JudgeServer(numbered)) as server:
        judge = load_candidates(spec("candidates", server), "zh", "en")
        found, _ = run(lambda door: Judged(judge, door).rate(segments, texts))
    assert found == [(80.0, 30.0), ()]
    with Loopback(JudgeServer(numbered, broken=1)) as server:
        judge = load_candidates(spec("candidates", server), "zh", "en")
        found, _ = run(lambda door: Judged(judge, door).rate(segments[:1], texts[:1]))
    assert found == [()]


def test_what_candidates_are_scored_with_is_named_as_columns_and_models_are():
    frame = Frame("en", (0.8, 0.9), 13.1, (6.19,), tau=0.5, track="duration", rate=6.19)
    metrics = [metric for name in registry.names("metrics") for metric in registry.get("metrics", name)(frame)]
    columns = {name for metric in metrics for name in (metric.name, *metric.families)}
    assert set(Timed(Budget("zh", "en", "pyphen", (0.8, 1.0), "duration", 6.0)).optimised_for) <= columns
    judge = load_candidates("candidates:model=deepseek/deepseek-chat", "zh", "en")
    assert Judged(judge, Door(None)).optimised_for == ("family/deepseek", "model/deepseek/deepseek-chat")


def test_a_line_is_worth_its_time():
    budget = Budget("zh", "en", "pyphen", (0.8, 1.0), "duration", 6.0)
    timed = Segment("1", "你好", "v", start=0.0, end=1.0)
    texts = [["one two three four five", "one two", "one two three four five six one two three"], ["a"]]
    found = asyncio.run(Timed(budget).rate([timed, Segment("2", "你好", "v")], texts))
    assert found[0] == pytest.approx((100.0, 50.0, 50.0))  # 5 of 5..6; 2 is 3 under; 9 is 3 over
    assert found[1] == ()


def test_the_toys_scorer_counts():
    sample = scenes(1, 0)[0]
    segment = sample.item.segments[0]
    found = asyncio.run(Exact().rate([segment], [[segment.reference, ""]]))
    assert found == [(quality(segment, segment.reference).score, 0.0)]


def test_files_of_candidates_are_read_strictly(tmp_path):
    path = tmp_path / "rated.jsonl"
    path.write_text(json.dumps({"id": "a", "lines": [{"texts": ["x"], "scores": [1.0, 2.0]}]}) + "\n")
    with pytest.raises(Exception, match="line 1: 2 scores for 1 candidates"):
        read_rated(path)
    path.write_text(json.dumps({"id": "a", "lines": [{"texts": ["x"], "scores": [1]}]}) + "\n" + '{"id": "torn')
    assert read_rated(path) == [RatedSample("a", (Rated(("x",), (1.0,)),))]


def test_samples_are_split_by_cluster():
    samples = [film(["a"], f"v{number}") for number in range(50)]
    first, second = split(samples, 0.8)
    assert len(first) == 40
    assert {s.id for s in first} | {s.id for s in second} == {s.id for s in samples}
    again, _ = split(samples[::-1], 0.8)
    assert {s.id for s in again} == {s.id for s in first}
