"""What was trained on is not measured: parts of a task, and what a checkpoint's card says of them."""

import json

import pytest

from harness.cli import main
from harness.errors import UserError
from harness.llm.training_card import FILE, check_apart
from harness.run.store import read_result
from harness.task import load_task

TASK = "sandglass_mini_zh_en"


@pytest.fixture(scope="module")
def task():
    return load_task(TASK)


def videos(task):
    return sorted({segment.cluster for segment in task.segments})


def card(folder, *entries):
    trained_on = [{"task": task, "held_out": held_out} for task, held_out in entries]
    (folder / FILE).write_text(json.dumps({"optimised_for": [], "trained_on": trained_on}))
    return folder


def test_only_some_videos(task):
    first, second, *_ = videos(task)
    part = task.only([second, first])
    assert [s.id for s in part.segments] == [s.id for s in task.segments if s.cluster in (first, second)]
    assert part.selection == f"{len(part.segments)} of {len(task.segments)}, only {first}, {second}"
    assert part.limited(3).selection == f"3 of {len(part.segments)}, evenly spaced of {part.selection}"
    assert task.only([]) is task
    with pytest.raises(UserError, match=rf"has no 'film-99'. Use --only with {first}, "):
        task.only(["film-99"])


def test_a_file_is_scored_on_one_video_alone(task, tmp_path, capsys):
    video = videos(task)[1]
    command = ["score", TASK, "--reference", "--no-model", "--only", video, "--out", str(tmp_path)]
    assert main([*command, "--protocol", "offline"]) == 0
    result = read_result(next(tmp_path.rglob("result.json")).parent)
    assert result.segments == len(task.only([video]).segments) and result.selection.endswith(f"only {video}")


def test_a_checkpoint_is_measured_on_what_it_was_not_trained_on(task, tmp_path):
    held, *_, other = videos(task)
    folder = card(tmp_path, (task.line(), [held]))
    check_apart(folder, [task.only([held])])
    seen = len(task.segments) - len(task.only([held]).segments)
    with pytest.raises(UserError, match=f"on {seen} of the {len(task.segments)} segments .*: --only {held}\\.$"):
        check_apart(folder, [task])
    with pytest.raises(UserError, match="was trained on"):
        check_apart(folder, [task.only([held]), load_task("sandglass_mini_duration_zh_en").only([other])])
    forged = card(tmp_path, (task.line(), [held, "$(reboot)"]))
    with pytest.raises(UserError) as caught:
        check_apart(forged, [task])
    assert "reboot" not in str(caught.value)
    with pytest.raises(UserError, match="Measure on other data"):
        check_apart(card(tmp_path, (task.line(), [])), [task])


def test_training_on_other_data_blocks_nothing(task, tmp_path):
    check_apart(tmp_path, [task])
    check_apart(card(tmp_path), [task])
    check_apart(card(tmp_path, ("other_zh_en@1.0#0123456789ab", [])), [task])


def test_trained_twice_only_what_both_held_out_is_measured(task, tmp_path):
    first, second, third, *_ = videos(task)
    folder = card(tmp_path, (task.line(), [first, second]), (task.line(), [second, third]))
    check_apart(folder, [task.only([second])])
    with pytest.raises(UserError, match=rf"on what was held out: --only {second}\.$"):
        check_apart(folder, [task])


@pytest.mark.parametrize(
    "entry", [{"held_out": [1], "task": "t"}, {"held_out": "film", "task": "t"}, {"held_out": []}, 1]
)
def test_a_damaged_card_is_an_error(task, tmp_path, entry):
    (tmp_path / FILE).write_text(json.dumps({"trained_on": [entry]}))
    with pytest.raises(UserError, match="Restore the trainer's card"):
        check_apart(tmp_path, [task])
    (tmp_path / FILE).write_text(json.dumps({"trained_on": entry}))
    with pytest.raises(UserError, match="Restore the trainer's card"):
        check_apart(tmp_path, [task])
