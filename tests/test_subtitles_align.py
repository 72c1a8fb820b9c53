"""Two files side by side, and SubER against a reference."""

import json
import random
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.cli import main
from harness.errors import UserError
from harness.subtitles import Cue, read_document
from harness.subtitles.align import align, estimate_offset
from harness.subtitles.suber import suber
from tests.test_subtitles_lint import srt

TIMES = st.lists(st.integers(0, 60_000), max_size=30, unique=True).map(sorted)


def cues(starts, text="t"):
    return [Cue(n, start / 1000, start / 1000 + 0.5, f"{text}{n}") for n, start in enumerate(starts, start=1)]


@given(TIMES, TIMES, st.sampled_from([0.0, 0.3, 0.7]), st.sampled_from([0.0, 1.5, -2.0]))
def test_every_cue_stands_in_one_row_and_pairs_do_not_cross(first, second, tolerance, offset):
    alignment = align(cues(first, "a"), cues(second, "b"), tolerance, offset)
    assert [row.first.index for row in alignment.rows if row.first] == list(range(1, len(first) + 1))
    assert [row.second.index for row in alignment.rows if row.second] == list(range(1, len(second) + 1))
    for row in alignment.rows:
        if row.difference is not None:
            assert abs(row.difference - offset) <= tolerance + 1e-6


@pytest.mark.parametrize("offset", [0.0, 0.25, -1.3, 12.04, 36_000.0])
def test_offset_is_found_among_missing_and_moved_cues(offset):
    rng = random.Random(str(offset))
    first, at = [], 5.0
    for _ in range(200):
        first.append(at)
        at += rng.uniform(1.0, 6.0)
    second = [start + offset + rng.gauss(0, 0.02) for start in first if rng.random() > 0.15]
    assert estimate_offset(first, second) == pytest.approx(offset, abs=0.02)
    a, b = cues([1000 * start for start in first]), cues([1000 * start for start in second])
    assert align(a, b, 0.7).at_estimate == len(second)
    assert align(a, b, 0.7, offset).pairs == len(second)


@pytest.fixture
def files(tmp_path):
    first, second = tmp_path / "a.srt", tmp_path / "b.vtt"
    first.write_text(srt([(1000, 2000, "你好\n世界"), (3000, 4000, "是吗"), (9000, 9900, "再见")]), encoding="utf-8")
    vtt = srt([(1200, 2000, "<i>Hello</i> <b>&lt;you&gt;</b>"), (3100, 4000, "Oh?\tYes"), (6000, 7000, "Alone")])
    second.write_text("WEBVTT\n\n" + vtt.replace(",", "."), encoding="utf-8")
    return str(first), str(second)


def test_many_cues_at_one_time_are_no_work_without_end():
    assert estimate_offset([1.0] * 200_000, [2.5] * 200_000) == 1.5


def test_table(files, capsys):
    assert main(["align", *files]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[:2] for line in lines[:4]] == [
        ["0:00:01.000", "+0.200"],
        ["0:00:03.000", "+0.100"],
        ["0:00:06.000", "—"],
        ["0:00:09.000", "再见"],
    ]
    assert "你好 / 世界" in lines[0] and lines[0].endswith("Hello <you>")
    assert lines[-1] == "2 pairs within 0.7 s, 1 cue alone in the first file, 1 in the second"


def test_tsv_json_html(files, capsys):
    assert main(["align", *files, "--format", "tsv"]) == 0
    rows = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    assert {len(row) for row in rows} == {8}
    assert rows[1] == ["1", "1.000", "2.000", "你好 / 世界", "1", "1.200", "2.000", "Hello <you>"]
    assert rows[3] == ["", "", "", "", "3", "6.000", "7.000", "Alone"]
    assert main(["align", *files, "--format", "json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["pairs"] == 2 and told["rows"][0]["second"]["text"] == "Hello <you>"
    assert main(["align", *files, "--format", "html"]) == 0
    assert "Hello &lt;you&gt;" in capsys.readouterr().out


def test_offset_option_and_hint(tmp_path, capsys):
    first, second = tmp_path / "a.srt", tmp_path / "b.srt"
    starts = [1000, 4000, 9000, 15000, 17000]
    first.write_text(srt([(s, s + 900, "x") for s in starts]), encoding="utf-8")
    second.write_text(srt([(s + 2000, s + 2900, "y") for s in starts]), encoding="utf-8")
    assert main(["align", str(first), str(second)]) == 0
    assert "with --offset 2 there would be 5 pairs" in capsys.readouterr().out
    assert main(["align", str(first), str(second), "--offset", "2"]) == 0
    assert capsys.readouterr().out.splitlines()[-1].startswith("5 pairs")
    for wrong in (["--tolerance", "-1"], ["--tolerance", "nan"], ["--offset", "inf"]):
        assert main(["align", str(first), str(second), *wrong]) == 2


REFERENCE = [(1000, 3000, "The bond between them\nis growing closer."), (4000, 6000, "I know.")]


def test_suber_equals_the_package_reading_the_files_itself(tmp_path, capsys):
    pytest.importorskip("suber")
    from suber.file_readers.srt_file_reader import SRTFileReader
    from suber.metrics.suber import calculate_SubER

    paths = [tmp_path / "h.srt", tmp_path / "r.srt"]
    hypothesis = [(1100, 3000, "The band between\nthem grows closer."), (3900, 6000, "I know"), (7000, 8000, "Yes.")]
    for path, content in zip(paths, (hypothesis, REFERENCE), strict=True):
        path.write_text(srt(content), encoding="utf-8")
    wanted = calculate_SubER(*(SRTFileReader(str(path)).read() for path in paths), language="en")
    assert suber(*map(read_document, paths), "en") == wanted > 0
    assert suber(read_document(paths[1]), read_document(paths[1]), "en") == 0
    main(["lint", str(paths[0]), "--target", "en", "--reference", str(paths[1])])
    assert f"SubER {wanted:.1f}" in capsys.readouterr().out


def test_suber_without_the_package_says_how_to_install_it(tmp_path, monkeypatch):
    path = tmp_path / "r.srt"
    path.write_text(srt(REFERENCE), encoding="utf-8")
    monkeypatch.setitem(sys.modules, "suber.metrics.suber", None)
    with pytest.raises(UserError, match=r"pip install 'sandglass-bench\[suber\]'"):
        suber(read_document(path), read_document(path), "en")
