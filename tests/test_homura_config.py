"""HOMURA's configurations: bad ones, the paper's runs, prompts and training sets."""

import asyncio
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from harness.errors import RunError, UserError
from harness.records import Item

pytest.importorskip("trl", reason="needs the extra 'train'")

from tests.homura_runs import config, made
from trainers.common.config import find_config, read_config
from trainers.homura import data, train
from trainers.homura.config import Config, Data

BAD = {
    "grpo.generations=1": "a group needs 2 or more",
    "grpo.generations=7": "no multiple of grpo.generations = 7",
    "grpo.loss=ppo": "'ppo' is not one of dr_grpo, grpo, dapo",
    "grpo.temperature=0": "it is above 0",
    "grpo.beta=-1": "beta must be 0 or more",
    "grpo.epsilon=2": "epsilon between 0 and 1",
    "grpo.vllm=here": "write http://HOST:PORT",
    "grpo.generation=4": "unknown field 'generation'",
    "reward.profile=mine": "'mine' is not one of paper, code, repaired",
    "reward.bounds=[0.9, 0.8]": "low below high",
    "reward.theta=0": "theta is 0 and must be above 0",
    "reward.quality_weight=0": r"so that \[quality\] does nothing",
    "data.task=nothing": "Unknown task 'nothing'",
    "data.task=sandglass_mini_duration_zh_en": "track duration",
    "data.held_out=1": "must be a share below 1",
    "data.file=nowhere.jsonl": "no training file 'nowhere.jsonl'",
    "quality.vibes.model=m": "no quality part 'vibes'",
    "quality.fluency.judge=accuracy:model=m": "must be well_formed:model=NAME",
    "data={task='toy',limit=1000000000}": "has no 1000000000 sentences",
    "quality.toy_form.clip=1": "has no settings, and clip is given",
    "train.batch=0": "must be 1 or more",
    "reward.length=auto": "data.prompt = 'chat' states a budget",
    "grpo.iterations=3": "multiple of grpo.iterations = 3",
}
GOOD = """
[model]
path = "hf/./nowhere"
[train]
output = "out"
learning_rate = 1e-6
batch = 16
[data]
task = "sandglass_mini_zh_en"
[quality.fluency]
judge = "well_formed:model=hosted_vllm/judge:api_base=http://127.0.0.1:9/v1"
"""


@pytest.mark.parametrize("wrong", BAD)
def test_bad_configurations_fail_before_a_model_is_loaded(tmp_path, monkeypatch, wrong):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("trainers.common.models.load_model", None)
    Path("run.toml").write_text(GOOD)
    with pytest.raises(UserError, match=BAD[wrong]) as caught:
        train.main("run.toml", [wrong], dry_run=False)
    assert caught.value.fix
    assert not Path("out").exists()


def test_data_that_do_not_fill_a_step_are_refused_and_not_trained_on_for_nothing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("run.toml").write_text(GOOD)
    with pytest.raises(UserError, match="has 3 lines to train on, and a step takes 4 prompts"):
        train.main("run.toml", ["data.limit=3", "grpo.generations=4"], dry_run=True)
    assert train.main("run.toml", ["data.limit=4", "grpo.generations=4"], dry_run=True) == 0
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(UserError, match="takes 8 prompts"):
        train.main("run.toml", ["data.limit=4", "grpo.generations=4"], dry_run=True)


def test_a_model_that_cannot_be_trained_so_is_refused_before_the_folder_is_claimed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("run.toml").write_text(GOOD)
    with pytest.raises(UserError, match="no checkpoint folder"):
        train.main("run.toml", [], dry_run=False)
    made(tmp_path / "run")
    with pytest.raises(UserError, match="has no chat template"):
        train.main("run.toml", [f"model.path=hf/{tmp_path}/run-base"], dry_run=False)
    assert not Path("out").exists()


def test_a_configuration_without_quality_says_so(tmp_path):
    path = tmp_path / "run.toml"
    path.write_text(GOOD.partition("[quality")[0])
    with pytest.raises(UserError, match="says what quality is"):
        read_config(path, Config)
    assert read_config(path, Config, ["reward.quality_weight=0"]).quality == {}


def test_vllm_and_answers_that_end_with_their_line_do_not_go_together(tmp_path):
    (tmp_path / "run.toml").write_text(GOOD)
    with pytest.raises(UserError, match="does not end a base model's answers"):
        read_config(tmp_path / "run.toml", Config, ["grpo.vllm=colocate", "data.prompt=line"])


def test_a_dry_run_loads_no_model(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("run.toml").write_text(GOOD)
    assert train.main("run.toml", [], dry_run=True) == 0
    assert "quality fluency" in capsys.readouterr().out
    assert not Path("out").exists()


PAPER = {
    "default": {},
    "static": {"reward.length": "static"},
    "reason": {"quality": ["genrm"]},
    "llm_rm": {"quality": ["llm"]},
    "kl_001": {"grpo.beta": 0.01},
    "kl_005": {"grpo.beta": 0.05},
    "auto": {"reward.length": "auto", "data.prompt": "unconstrained"},
    "manual_30_40": {"reward.bounds": (0.3, 0.4)},
    "manual_40_50": {"reward.bounds": (0.4, 0.5)},
    "manual_50_60": {"reward.bounds": (0.5, 0.6)},
    "32b": {"model.path": "hf/Qwen/Qwen3-32B"},
    "32b_reason": {"model.path": "hf/Qwen/Qwen3-32B", "quality": ["genrm"]},
    "repaired": {"reward.profile": "repaired"},
    "released": {"reward.profile": "code"},
}


def test_every_run_of_the_paper_is_one_configuration_that_differs_in_what_its_name_says():
    folder = Path(train.__file__).parent
    runs = {name: read_config(find_config(name, folder), Config) for name in PAPER}
    assert len({run.train.output for run in runs.values()}) == len(runs)
    plain = runs["default"]
    assert (plain.grpo.generations, plain.train.batch * plain.train.accumulation) == (16, 256)
    for name, run in runs.items():
        differs = dict(PAPER[name])
        quality = differs.pop("quality", ["back_translation", "fluency"])
        assert list(run.quality) == quality
        sections = {}
        for field, value in differs.items():
            section, _, key = field.partition(".")
            sections[section] = replace(sections.get(section, getattr(plain, section)), **{key: value})
        expected = replace(plain, train=run.train, quality=run.quality, **sections)
        assert run == expected
        assert replace(run.train, output="x") == replace(plain.train, output="x")


class Asked:
    """A door that keeps the request and answers nothing."""

    def kind(self, model):
        return "chat"

    async def complete(self, request, **_):
        self.request = request
        raise RunError("no answer")


@pytest.mark.parametrize("form", ["chat", "line", "unconstrained", "plain"])
def test_prompts_are_those_of_the_strategies(form, tmp_path):
    from baselines.prompted import Prompted
    from baselines.unconstrained import Unconstrained
    from harness.bridge.prompts import completion_requests
    from harness.budget import Budget
    from harness.strategy import Setting
    from harness.task import load_task

    run = replace(config(tmp_path), data=Data("sandglass_mini_zh_de", prompt=form))
    corpus = data.load_corpus(run)
    segments = {segment.id: segment for segment in load_task("sandglass_mini_zh_de").segments}
    trained = {row["id"] for row in corpus.rows}
    assert corpus.held_out == tuple(sorted({segments[identity].cluster for identity in set(segments) - trained}))
    assert corpus.held_out and not {segments[identity].cluster for identity in trained} & set(corpus.held_out)
    assert corpus.mu == pytest.approx(np.mean([row["source_syllables"] for row in corpus.rows]))
    assert corpus.bounds == (0.9, 1.0)
    row = corpus.rows[3]
    segment = segments[row["id"]]
    if form == "plain":
        assert row["prompt"] == segment.text
    elif form == "line":
        strategy = Prompted(Setting("m", Budget("zh", "de", "phonetic", (0.9, 1.0))))
        (request,) = completion_requests(strategy, [segment])
        assert row["prompt"] == request.prompt
    else:
        door = Asked()
        strategy = Prompted if form == "chat" else Unconstrained
        asking = strategy(Setting("m", Budget("zh", "de", "phonetic", (0.9, 1.0))))
        with pytest.raises(RunError):
            asyncio.run(asking.translate(Item(segment.id, (segment,)), door))
        assert row["prompt"] == [{"role": said.role, "content": said.content} for said in door.request.messages]
        assert ('"syllables"' in row["prompt"][1]["content"]) == (form == "chat")


def test_what_a_built_task_set_aside_is_trained_on_and_never_what_it_measures(tmp_path):
    folder = Path(data.load_task.__code__.co_filename).parents[1] / "tasks" / "sandglass_mini"
    for name in ("task.toml", "card.toml"):
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    lines = (folder / "segments.jsonl").read_bytes().splitlines(keepends=True)
    (tmp_path / "segments.jsonl").write_bytes(b"".join(lines[10:]))  # the first video has ten lines
    run = replace(config(tmp_path), data=Data(f"{tmp_path}:en", prompt="plain"))
    assert len(data.load_corpus(run).rows) > 100
    (tmp_path / "train.jsonl").write_bytes(b"".join(lines[:10]))
    corpus = data.load_corpus(run)
    assert len(corpus.rows) == 10 and corpus.held_out is None
    (tmp_path / "train.jsonl").write_bytes(b"".join(lines[:11]))
    with pytest.raises(UserError, match="lines of 1 videos that the task measures, such as 'film-01'"):
        data.load_corpus(run)
