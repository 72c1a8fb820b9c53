"""GenRM's configurations."""

import pytest

from harness.errors import UserError
from trainers.common.config import find_config, read_config
from trainers.homura.genrm.config import PACKAGE, Config
from trainers.homura.genrm.train import main


@pytest.mark.parametrize("name", sorted(path.stem for path in PACKAGE.glob("*.toml")))
def test_every_configuration_that_comes_along_is_read(name):
    config = read_config(find_config(name, PACKAGE), Config)
    assert config.teacher.judge.startswith("genrm:")


def test_the_paper_s_numbers():
    config = read_config(find_config("default", PACKAGE), Config)
    assert config.model.path == "hf/Qwen/Qwen3-32B" and config.train.learning_rate == 5e-6
    assert config.train.schedule == "cosine" and config.train.batch * config.train.accumulation * 8 == 256


@pytest.mark.parametrize(
    "sets,words",
    [
        (["teacher.judge=accuracy:model=openai/x"], "genrm:model=NAME"),
        (["teacher.judge=genrm:panel=openai/x,anthropic/y"], "genrm:model=NAME"),
        (["teacher.samples=0"], "samples"),
        (["teacher.samples=2"], "no temperature above 0"),
        (["rubric.threshold=1.5"], "threshold is 1.5"),
        (["rubric.parts.llm.judge=x"], "knows no 'llm'"),
        (["toy.heads=3"], "multiple of toy.heads"),
        (["toy.misread=2"], "shares"),
        (["data.pairs=x.jsonl"], "beside"),
        (["evaluation.batch=0"], "evaluation"),
        (["train.learnign_rate=1"], "learnign_rate"),
    ],
)
def test_wrong_configurations_are_refused(sets, words):
    with pytest.raises(UserError, match=words):
        main("toy", sets, dry_run=True)


@pytest.mark.parametrize("missing", ["data.pairs", "data.held_out", "model", "rubric.parts"])
def test_half_a_configuration_is_refused(missing, tmp_path):
    text = (PACKAGE / "default.toml").read_text(encoding="utf-8")
    lines, skipping = [], False
    for line in text.splitlines():
        skipping = line.startswith(f"[{missing}") if line.startswith("[") else skipping
        if not skipping and not line.startswith(f"{missing.partition('.')[2] or '-'} ="):
            lines.append(line)
    path = tmp_path / "half.toml"
    path.write_text("\n".join(lines), encoding="utf-8")
    with pytest.raises(UserError, match="missing"):
        read_config(path, Config)


def test_held_out_sources_may_not_be_learned_from(tmp_path):
    for name in ("pairs", "labelled"):
        (tmp_path / f"{name}.jsonl").write_text('{"source": "你好", "hypothesis": "Hi", "label": 1}\n', "utf-8")
    sets = [f"data.pairs={tmp_path}/pairs.jsonl", f"data.held_out={tmp_path}/labelled.jsonl"]
    with pytest.raises(UserError, match="1 held-out sources stand in"):
        main("default", sets, dry_run=True)


def test_a_dry_run_asks_and_writes_nothing(tmp_path, capsys):
    assert main("toy", [f"train.output={tmp_path / 'run'}", "toy.pairs=50"], dry_run=True) == 0
    assert "50 pairs" in capsys.readouterr().out and not (tmp_path / "run").exists()


def test_a_used_genrm_is_named_by_what_it_learned_from(monkeypatch):
    from trainers.homura.genrm.train import optimised_for

    config = read_config(find_config("toy", PACKAGE), Config)
    assert optimised_for(config, ()) == ("family/teacher", "judge/genrm", "model/toy/teacher")
