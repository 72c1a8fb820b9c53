import argparse
import csv
import json
from dataclasses import replace
from pathlib import Path

import pytest

from harness.commands import export_command
from harness.errors import UserError
from harness.exports.facts import INCOMPLETE, UNPUBLISHABLE, find_runs
from harness.llm.types import Decode
from harness.protocol import PAPER
from harness.records import Translation, Usage, dump
from harness.run.done import Done
from harness.run.main import finish
from harness.run.plan import Plan
from harness.run.store import Store
from harness.task import load_task

SCHEMA = Path(__file__).parent / "data" / "every_eval_ever" / "eval.schema.json"


def make_run(out, *, left_out=0, strategy="unconstrained"):
    """A run of two repeats with the references as translations, some of them damaged."""
    task = load_task("sandglass_mini_zh_en").limited(24)
    plan = Plan(task, PAPER.without_models(), "openai/some-model", strategy, Decode(), (1, 2))
    store = Store(plan.folder(out), plan.manifest(), task.segments)
    done = Done()
    for seed in (1, 2):
        for number, segment in enumerate(task.segments[: len(task.segments) - left_out]):
            words = (segment.reference or "").split()
            text = "" if number == 3 else " ".join(words[: len(words) - number % 3 * seed])
            state, detail = ("ok", "") if text else ("empty", "no visible text")
            made = Translation(segment.id, seed, text, state, detail, Usage(1, 20, 0, 7, 0, None, 0.5))
            store.append(made)
            done.translations[made.id, made.seed] = made
    finish(plan, store, done)
    store.close()
    return find_runs(plan.folder(out))[0]


@pytest.fixture
def runs(tmp_path):
    folder = tmp_path / "results"
    make_run(folder)
    make_run(folder, left_out=2, strategy="prompted")
    return folder


def export(runs, form, out, **options):
    given = {"dataset": None, "metrics": "usable,ib", "source_url": None, "evaluator": "unknown"}
    args = {**given, "relationship": "other", **options}
    assert export_command.main(argparse.Namespace(folder=runs, format=form, out=out, **args)) == 0


def by_completeness(runs):
    complete, incomplete = sorted(find_runs(runs), key=lambda run: not run.result.complete)
    assert complete.result.complete and not incomplete.result.complete
    return complete, incomplete


def test_flags_say_what_a_number_may_not_carry(runs):
    complete, incomplete = by_completeness(runs)
    assert UNPUBLISHABLE in complete.flags and INCOMPLETE not in complete.flags  # synthetic data
    assert incomplete.flags[0] == INCOMPLETE
    assert any("translations are missing" in flag for flag in incomplete.flags)
    assert any(flag.startswith("cost: no value") for flag in complete.flags)


@pytest.mark.slow
def test_lm_eval_reads_its_results(runs, tmp_path):
    utils = pytest.importorskip("lm_eval.utils", reason="needs the lm-eval extra")
    from lm_eval.result_schema import EvalResults

    export(runs, "lm-eval", tmp_path / "out")
    files = sorted(map(str, (tmp_path / "out").rglob("*.json")))
    assert utils.get_results_filenames(files) == files and len(files) == 2
    read = [json.loads(Path(file).read_text(encoding="utf-8")) for file in files]
    for run in find_runs(runs):
        data = next(d for d in read if d["config"]["sandglass"]["system"] == run.result.system)
        assert set(data) <= set(EvalResults.__annotations__)
        values = data["results"][run.result.task]
        for name, estimate in run.values.items():
            assert (values[f"{name},none"], values[f"{name}_low,none"]) == (estimate.value, estimate.low)
            assert values[f"{name}_high,none"] == estimate.high
            assert f"|{name}  " in utils.make_table(data)
        assert data["config"]["sandglass"]["flags"] == list(run.flags)
        assert data["config"]["sandglass"]["protocol"] == run.result.protocol
        assert data["config"]["sandglass"]["result"]["metrics"] == json.loads(json.dumps(dump(run.result)))["metrics"]
        assert data["n-samples"][run.result.task] == {"original": 160, "effective": 24}
        assert data["versions"] == {run.result.task: "1.1"}


def test_every_eval_ever_accepts_its_records(runs, tmp_path):
    jsonschema = pytest.importorskip("jsonschema")
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    options = {"evaluator": "Some Lab", "relationship": "third_party"}
    export(runs, "every-eval-ever", tmp_path, **options)
    export(runs, "every-eval-ever", tmp_path, **options)  # again: the same files
    files = sorted(tmp_path.glob("data/sandglass_mini_zh_en/openai/some-model/*.json"))
    assert len(files) == 2
    for file in files:
        data = json.loads(file.read_text(encoding="utf-8"))
        jsonschema.Draft7Validator(schema).validate(data)
        assert data["schema_version"] == schema["version"]
        run = next(r for r in find_runs(runs) if r.result.system_id in data["evaluation_id"])
        assert {e["metric_config"]["metric_name"] for e in data["evaluation_results"]} == set(run.values)
        for entry in data["evaluation_results"]:
            estimate = run.values[entry["metric_config"]["metric_name"]]
            details = entry["score_details"]
            assert details["score"] == estimate.value
            assert details["uncertainty"]["num_samples"] == estimate.n
            if estimate.low is not None:
                interval = details["uncertainty"]["confidence_interval"]
                assert (interval["lower"], interval["upper"]) == (estimate.low, estimate.high)
            assert details["details"]["protocol"] == run.result.protocol
            assert details["details"]["publishable"] == "false"
            assert (INCOMPLETE in details["details"]["notes"]) is not run.result.complete
        wrong = json.loads(json.dumps(data))
        del wrong["evaluation_results"][0]["score_details"]["score"]
        assert list(jsonschema.Draft7Validator(schema).iter_errors(wrong))


def test_the_hub_reads_its_entries(runs, tmp_path):
    hub = pytest.importorskip("huggingface_hub")
    yaml = pytest.importorskip("yaml")
    with pytest.raises(UserError, match="--dataset"):
        export(runs, "hub", tmp_path)
    with pytest.raises(UserError, match="none of the metrics"):
        export(runs, "hub", tmp_path, dataset="o/n", metrics="usable")
    export(runs, "hub", tmp_path, dataset="o/n", metrics="ib,rho_fwd", source_url="https://example.org/run")
    files = sorted((tmp_path / ".eval_results").glob("*.yaml"))
    assert len(files) == 2
    for file in files:
        entries = hub.parse_eval_result_entries(yaml.safe_load(file.read_text(encoding="utf-8")))
        run = next(r for r in find_runs(runs) if r.result.system_id in file.name)
        assert [e.task_id for e in entries] == ["sandglass_mini_zh_en.ib", "sandglass_mini_zh_en.rho_fwd"]
        for entry in entries:
            estimate = run.values[entry.task_id.partition(".")[2]]
            assert entry.value == estimate.value and entry.dataset_id == "o/n"
            assert f"95% interval {estimate.low:.6g} to {estimate.high:.6g}" in entry.notes
            assert run.result.protocol in entry.notes and run.result.system in entry.notes
            assert entry.notes.startswith(UNPUBLISHABLE if run.result.complete else INCOMPLETE)


def test_csv_has_a_line_for_every_metric(runs, tmp_path):
    export(runs, "csv", tmp_path / "out.csv")
    with (tmp_path / "out.csv").open(encoding="utf-8", newline="") as file:
        lines = list(csv.DictReader(file))
    found = find_runs(runs)
    assert len(lines) == sum(len(run.result.metrics) for run in found)
    for run in found:
        of_run = {line["metric"]: line for line in lines if line["system_id"] == run.result.system_id}
        for name, estimate in run.values.items():
            line = of_run[name]
            assert (float(line["value"]), int(line["n"])) == (estimate.value, estimate.n)
            assert line["low"] == ("" if estimate.low is None else str(estimate.low))
            assert (line["protocol"], line["system"]) == (run.result.protocol, run.result.system)
            assert line["flags"] == "; ".join(run.flags)


def test_a_run_in_one_line(runs):
    pandas = pytest.importorskip("pandas")
    from harness.exports.frame import load_run

    complete, _ = by_completeness(runs)
    frame = load_run(complete.folder)
    assert isinstance(frame, pandas.DataFrame) and len(frame) == 48
    for name in ("ib", "ok", "over", "rho_fwd", "tokens_total"):  # means of rows are the result's values
        assert frame[name].mean() == pytest.approx(complete.values[name].value, abs=1e-12)
    assert frame.attrs["flags"] == list(complete.flags)
    assert frame.attrs["result"]["protocol"] == complete.result.protocol
    assert frame.rho_fwd.isna().sum() == 2  # not ok: left out
    with pytest.raises(UserError, match="2 runs"):
        load_run(runs)


def test_runs_as_datasets(runs):
    datasets = pytest.importorskip("datasets")
    from harness.exports.frame import load_dataset, load_dataset_dict

    complete, incomplete = by_completeness(runs)
    data = load_dataset(incomplete.folder)
    assert isinstance(data, datasets.Dataset) and len(data) == 44
    assert INCOMPLETE in data.info.description and incomplete.result.protocol in data.info.description
    every = load_dataset_dict(runs)
    assert sorted(map(len, every.values())) == [44, 48]
    split = next(name for name in every if "unconstrained" in name)
    assert set(every[split]["system_id"]) == {complete.result.system_id}


def test_nothing_private_leaves(runs, tmp_path):
    for run in find_runs(runs):
        path = run.folder / "result.json"
        changed = replace(run.result, provenance={"sandglass": "1", "command": "run --api-key top-secret"})
        path.write_text(json.dumps(dump(changed)), encoding="utf-8")
    export(runs, "lm-eval", tmp_path / "a")
    export(runs, "every-eval-ever", tmp_path / "b")
    export(runs, "csv", tmp_path / "c.csv")
    export(runs, "hub", tmp_path / "d", dataset="o/n")
    written = [path for path in tmp_path.rglob("*") if path.is_file() and runs not in path.parents]
    assert len(written) == 7
    assert not any("top-secret" in path.read_text(encoding="utf-8") for path in written)


def test_no_result_is_a_user_error(tmp_path):
    with pytest.raises(UserError, match="holds no result"):
        find_runs(tmp_path)
    with pytest.raises(UserError, match="no folder"):
        find_runs(tmp_path / "none")
