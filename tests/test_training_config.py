"""Configurations of training: files, bases and overrides, each mistake one clear sentence."""

from dataclasses import replace
from pathlib import Path

import pytest

from harness.errors import UserError
from trainers.common.config import Model, Training, find_config, read_config
from trainers.homura import train as homura
from trainers.homura.config import Config


def written(tmp_path, text, name="mine.toml"):
    (tmp_path / name).write_text(text)
    return tmp_path / name


CONFIG = 'output = "out"\nlearning_rate = 1e-3\n'


def test_overrides_win_over_the_file_and_the_file_over_its_base(tmp_path):
    written(tmp_path, CONFIG + "seed = 1\nbatch = 2\nthreads = 1\n", "under.toml")
    path = written(tmp_path, 'base = "under"\nseed = 2\nbatch = 3\n')
    config = read_config(path, Training, ["batch=4", "output=here"])
    assert (config.seed, config.batch, config.threads, config.output) == (2, 4, 1, "here")


@pytest.mark.parametrize(
    ("text", "sets", "told"),
    [
        (CONFIG + "seeed = 1\n", [], "unknown field 'seeed'"),
        ('output = "out"\n', [], "'learning_rate' is missing"),
        (CONFIG, ["batch=0"], "train.batch is 0"),
        (CONFIG, ["learning_rate=5"], "train.learning_rate is 5"),
        (CONFIG, ["epochs=0"], "train.epochs is 0"),
        (CONFIG, ["schedule=square"], "'square' is not one of"),
        (CONFIG, ["batch"], "'batch' is no setting"),
        (CONFIG, ["output.x=1"], "output is no section"),
        ('base = "../etc"\n' + CONFIG, [], "base is '../etc'"),
        ("output = ", [], "is no TOML"),
        ("output = " + "[" * 100_000, [], "is no TOML"),
        (CONFIG, ["warmup=1"], "train.warmup is 1"),
        (CONFIG, ["seed=-1"], "train.seed is -1"),
        (CONFIG, ["weight_decay=nan"], "train.weight_decay is nan"),
    ],
)
def test_a_bad_configuration_is_one_clear_sentence(tmp_path, text, sets, told):
    with pytest.raises(UserError, match=told.replace("(", r"\(")):
        read_config(written(tmp_path, text), Training, sets)


def test_a_file_of_ones_own_builds_on_one_of_the_method(tmp_path):
    path = written(tmp_path, 'base = "default"\n[train]\nseed = 7\n', "default.toml")
    config, paper = read_config(path, Config), read_config(find_config("default", Path(homura.__file__).parent), Config)
    assert config == replace(paper, train=replace(paper.train, seed=7)) != paper


def test_bases_that_go_in_a_circle_are_refused(tmp_path):
    written(tmp_path, 'base = "b"', "a.toml")
    written(tmp_path, 'base = "a"', "b.toml")
    with pytest.raises(UserError, match=r"b.toml: base is 'a'"):
        read_config(tmp_path / "a.toml", Training)


@pytest.mark.parametrize("wrong", ["r = 0", "alpha = 0", "dropout = 1.0", "targets = []"])
def test_adapters_that_are_none_are_refused_before_a_model_is_loaded(tmp_path, wrong):
    path = written(tmp_path, f'path = "hf/x/y"\nlora = {{ {wrong} }}')
    with pytest.raises(UserError, match="must be 1 or more, lora"):
        read_config(path, Model)


def test_configurations_are_found_by_name_or_path(tmp_path):
    path = written(tmp_path, CONFIG)
    assert find_config("mine", tmp_path) == path == find_config(str(path), tmp_path / "elsewhere")
    with pytest.raises(UserError, match="Give a file, or one of mine"):
        find_config("yours", tmp_path)
