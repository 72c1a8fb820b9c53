"""Every registered task is listed, has a card, loads, and runs offline where its data is at hand."""

import importlib.util
import re
import shutil

import pytest

from harness.budget import Budget, plausible_times
from harness.cli import main
from harness.commands import list_command
from harness.definition import Card, read_toml
from harness.metrics.isometric import ALWAYS_COMPLIANT
from harness.registry import names
from harness.run.store import read_result
from harness.task import definition_path, load_task
from tests.loopback import Loopback, says
from tests.task_data import data_for
from tests.translator import Translator

TOKENIZERS = {"ja": "MeCab", "ko": "mecab_ko"}
EMBEDDED = ("sandglass_mini_zh_de", "musc_mini_zh_en")


CARDS = sorted({definition_path(name).with_name("card.toml") for name in names("tasks")})


def strategy_of(task):
    if task.kind == "instructions":
        return "respond"
    return "unconstrained" if task.track == "none" else "prompted"


def result_of(folder):
    (found,) = folder.rglob("result.json")
    return read_result(found.parent)


@pytest.mark.parametrize("name", names("tasks"))
def test_every_task_runs(name, tmp_path, capsys):
    """From the name to a result, two segments, with a model on loopback that back-translates itself."""
    data = data_for(name, tmp_path)
    task = load_task(name, data)
    translate = Translator()

    def answer(request):
        return translate(request) if len(request["messages"]) == 2 else says("As many as you like.")

    with Loopback(answer) as server:
        command = ["run", name, "--model", "hosted_vllm/some", "--api-base", server.url, "--protocol", "offline"]
        given = ["--data", str(data)] if data else []
        options = ["--strategy", strategy_of(task), "--limit", "2", "--seeds", "1", "--out", str(tmp_path / "out")]
        code = main([*command, *given, *options])
    said = capsys.readouterr()
    tokenizer = TOKENIZERS.get(task.source)
    if task.round_trip and tokenizer and importlib.util.find_spec(tokenizer) is None:
        assert code == 2 and "not installed" in said.err and not server.seen
        return
    assert code == 0, said.err
    result = result_of(tmp_path / "out")
    assert (result.task, result.segments) == (name, 2)
    assert result.protocol.startswith(f"task={name}@{task.version}#{task.data_hash[:12]}|selection=")
    assert ("ib" in result.metrics) == (task.track != "none")
    assert result.metrics["ok"].value is not None


@pytest.mark.slow
@pytest.mark.parametrize("name", EMBEDDED)
def test_the_embedded_model_runs_tasks_with_and_without_a_budget(name, tmp_path):
    command = ["run", name, "--model", "local/gemma-3-270m", "--protocol", "offline", "--limit", "2", "--seeds", "1"]
    strategy = strategy_of(load_task(name))
    assert main([*command, "--strategy", strategy, "--out", str(tmp_path)]) == 0
    assert result_of(tmp_path).metrics["ok"].n == 2


# ------------------------------------------------------------------ cards


@pytest.mark.parametrize("path", CARDS, ids=lambda path: path.parent.name)
def test_a_card_says_all_that_a_reader_needs(path):
    card = read_toml(path, Card)
    for field in ("title", "description", "licence", "source", "citation", "annotators", "size", "languages"):
        assert getattr(card, field), field
    assert re.match(r"20\d\d(-\d\d(-\d\d)?)?$", card.date)
    assert card.caveats and all(len(caveat) > 20 for caveat in card.caveats)
    assert not card.superseded_by or card.superseded_by in names("tasks")
    ours = "this project" in card.source
    assert ours or re.match(r"@\w+\{\w", card.bibtex.strip()), "whoever uses it has to cite it"
    own_data = "given with --data" in card.source or "the user's files" in card.source
    assert card.statistics or own_data


def test_the_mini_set_is_what_its_card_says():
    tasks = {target: load_task(f"sandglass_mini_zh_{target}") for target in ("en", "de", "es")}
    segments = tasks["en"].segments
    measured = {
        "segments": len(segments),
        "transcripts": len({segment.cluster for segment in segments}),
        "minutes": round(sum(segment.end - segment.start for segment in segments) / 60, 2),
        "events": sum(len(segment.events) for segment in segments),
    }
    for target, task in tasks.items():
        budget = Budget("zh", target, "pyphen", task.bounds)
        fits = [budget.error(segment, segment.reference) == 0 for segment in task.segments]
        measured[f"reference_in_bounds_{target}"] = sum(fits) / len(fits)
    agreement = {"event_agreement_f1", "event_agreement_f1_held_out"}  # recomputed in test_events_agreement.py
    assert {k: v for k, v in tasks["en"].card.statistics.items() if k not in agreement} == measured


def test_whoever_names_a_task_that_was_replaced_is_told(tmp_path, capsys, monkeypatch):
    folder = tmp_path / "old"
    shutil.copytree(definition_path("sandglass_mini_zh_en").parent, folder)
    card = folder / "card.toml"
    card.write_text(f'superseded_by = "sandglass_zh_en"\n{card.read_text(encoding="utf-8")}', encoding="utf-8")
    assert main(["score", f"{folder}:en", "--reference", "--no-model", "--out", str(tmp_path / "out")]) == 0
    told = "sandglass_mini_zh_en is superseded by sandglass_zh_en."
    assert told in capsys.readouterr().err
    command = ["run", f"{folder}:en", "--model", "local/gemma-3-270m", "--protocol", "offline", "--dry-run"]
    assert main([*command, "--strategy", "prompted", "--out", str(tmp_path / "out")]) == 0
    assert told in capsys.readouterr().err
    monkeypatch.setattr(list_command, "definition_path", lambda name: folder / "task.toml")
    assert main(["list", "tasks"]) == 0
    listed = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in listed] == names("tasks")
    assert all(line.endswith(" (superseded by sandglass_zh_en)") for line in listed)


def test_the_reference_of_sand_glass_is_what_its_card_says(sandglass_json):
    task = load_task("sandglass_zh_en", sandglass_json)
    budget = Budget("zh", "en", "pyphen", task.bounds)
    bases = [budget.basis(segment) for segment in task.segments]
    rhos = [budget.amount(segment.reference) / basis for segment, basis in zip(task.segments, bases, strict=True)]
    admissible = [len(budget.admissible(basis)) for basis in bases]
    texts = [segment.text for segment in task.segments]
    assert task.card.statistics == {
        "segments": len(task.segments),
        "videos": len({segment.cluster for segment in task.segments}),
        "minutes": round(sum(segment.end - segment.start for segment in task.segments) / 60, 2),
        "syllables_mean": task.mu["pyphen"],
        "reference_rho_mean": round(sum(rhos) / len(rhos), 3),
        "reference_in_bounds": sum(0.8 <= rho <= 0.9 for rho in rhos) / len(rhos),
        "one_admissible_count_en": admissible.count(1),
        "no_admissible_count_en": admissible.count(0),
        "implausible_times": sum(not plausible_times(segment) for segment in task.segments),
        "with_digits": sum(bool(re.search(r"\d", text)) for text in texts),
        "with_latin_letters": sum(bool(re.search("[A-Za-z]", text)) for text in texts),
    }
    assert sum(bases) / len(bases) == task.mu["pyphen"]


def test_the_cards_of_isometric_and_wmt22_count_right(tmp_path):
    measured = {}
    for target in ("de", "es", "fr"):
        name = f"isometric_en_{target}"
        task = load_task(name, data_for(name, tmp_path))
        budget = Budget("en", target, "pyphen", task.bounds, "isometric")
        complies = [
            budget.basis(segment) <= ALWAYS_COMPLIANT or budget.error(segment, segment.reference) == 0
            for segment in task.segments
        ]
        measured |= {"lines": len(complies), f"compliance_of_reference_{target}": sum(complies) / len(complies)}
    assert task.card.statistics == measured
    lines = {pair: load_task(f"wmt22_{pair}", data_for(f"wmt22_{pair}", tmp_path)) for pair in ("zh_en", "en_de")}
    measured = {f"sentences_{pair}": len(task.segments) for pair, task in lines.items()}
    assert lines["zh_en"].card.statistics == measured
