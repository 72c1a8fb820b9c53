"""Lint: planted violations are found, all of them and no others; what is mended stays mended."""

import json
import random
import re
import xml.etree.ElementTree as ET
from fractions import Fraction

import pytest

from harness.cli import main
from harness.subtitles import Problem, read_document
from harness.subtitles.fix import broken, moved
from harness.subtitles.limits import characters, frame_rate, limits_for
from harness.subtitles.lint import RULES, Settings, lint
from harness.subtitles.write import render

LOCALES = [
    (language, children, sdh)
    for language in ("en", "zh", "ko", "ja", "ar", "hi", "de", "th")
    for children in (False, True)
    for sdh in (False, True)
]


def stamp(ms):
    return f"{ms // 3600000:02}:{ms // 60000 % 60:02}:{ms // 1000 % 60:02},{ms % 1000:03}"


def srt(cues):
    return "".join(f"{n}\n{stamp(a)} --> {stamp(b)}\n{text}\n\n" for n, (a, b, text) in enumerate(cues, start=1))


def words(language, count):
    """Return one line of so many characters, without a syllable."""
    return ("字" if limits_for(language).half_width else "x") * count


def clean_cues(language, speed, n):
    """Return cues that keep all limits: two lines, 4 s, a second apart."""
    width = int(min(limits_for(language).characters, 2 * speed))
    text = "\n".join([words(language, width), words(language, int(min(width, 4 * speed - width)))])
    return [[5000 * k, 5000 * k + 4000, text] for k in range(n)]


def plant(rule, cues, place, language, limits):
    """Break one rule at one cue and no other rule, by as little as a file of milliseconds can."""
    start = cues[place][0]
    if rule == "reading_speed":  # a whole number of characters, one too many for the time
        count = int(limits.speed) * 3 if limits.speed * 3 <= limits.characters * 2 else int(limits.characters) * 2
        half = count // 2
        cues[place][2] = words(language, half) + "\n" + words(language, count - half)
        cues[place][1] = start + int(Fraction(count * 1000, 1) / limits.speed) - 1
    elif rule == "line_length":
        cues[place][2] = words(language, int(limits.characters) + 1)
        cues[place][1] = start + max(1000, min(4800, -(-(int(limits.characters) + 1) * 1000 // int(limits.speed))))
    elif rule == "lines":
        cues[place][2] = "\n".join([words(language, 2)] * (limits.lines + 1))
    elif rule == "short":
        cues[place][1:] = [start + 832, words(language, 1)]
    elif rule == "long":
        for later in cues[place + 1 :]:
            later[0], later[1] = later[0] + 5000, later[1] + 5000
        cues[place][1] = start + 7001
    elif rule == "overlap":
        cues[place - 1][1] = start + 1
    elif rule == "gap":
        cues[place - 1][1] = start - 79
    elif rule == "close_gap":
        cues[place - 1][1] = start - 440
    else:
        assert rule == "unreadable"
        cues[place][1] = start


PLANTED = ("reading_speed", "line_length", "lines", "short", "long", "overlap", "gap", "close_gap", "unreadable")


@pytest.mark.parametrize("language, children, sdh", LOCALES)
def test_planted_violations_are_found_and_no_others(tmp_path, language, children, sdh):
    limits = limits_for(language, children=children, sdh=sdh)
    rng = random.Random(f"{language}{children}{sdh}")
    cues = clean_cues(language, limits.speed, 60)
    places = rng.sample(range(1, 59, 3), len(PLANTED))  # neighbours of a planted cue stay clean
    rules = dict(zip(places, PLANTED, strict=True))
    for place, rule in rules.items():
        plant(rule, cues, place, language, limits)
    path = tmp_path / "planted.srt"
    path.write_text(srt(cues), encoding="utf-8")
    problems: list[Problem] = []
    document = read_document(path, problems=problems)
    findings = lint(document, Settings(limits), problems).findings
    line_of, line = {}, 2
    for place, (_, _, text) in enumerate(cues):
        line_of[line] = place
        line += text.count("\n") + 4
    found = {(line_of[finding.line], finding.rule) for finding in findings if finding.rule != "fill"}
    assert found == set(rules.items())
    assert len([f for f in findings if f.rule != "fill"]) == len(found)


@pytest.mark.parametrize("language, children, sdh", LOCALES)
def test_a_clean_file_is_clean(tmp_path, language, children, sdh):
    limits = limits_for(language, children=children, sdh=sdh)
    path = tmp_path / "clean.srt"
    path.write_text(srt(clean_cues(language, limits.speed, 20)), encoding="utf-8")
    assert [f for f in lint(read_document(path), Settings(limits), []).findings if f.rule != "fill"] == []


def rules_of(tmp_path, text, target="en", name="a.srt", fps="25", **options):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    settings = Settings(limits_for(target, **options), frame_rate(fps))
    return [f.rule for f in lint(read_document(path), settings, []).findings if f.rule != "fill"]


@pytest.mark.parametrize(
    "duration, text, rules",
    [
        (2000, "x" * 40, []),  # 20 a second, equal
        (1999, "x" * 40, ["reading_speed"]),
        (2000, "<i>" + "x" * 40 + "</i>", []),
        (2001, "x" * 41, ["reading_speed"]),  # 20.49
        (2100, "x" * 42, []),
        (2150, "x" * 43, ["line_length"]),
        (833, "x", []),  # 20 frames at 24 a second, as milliseconds can say it
        (832, "x", ["short"]),
        (7000, "x", []),
        (7001, "x", ["long"]),
        (3000, "x\ny", []),
        (3000, "x\ny\nz", ["lines"]),
    ],
)
def test_boundaries(tmp_path, duration, text, rules):
    assert rules_of(tmp_path, srt([(1000, 1000 + duration, text)])) == rules


@pytest.mark.parametrize(
    "fps, gap, rules",
    [
        ("25", 80, []),
        ("25", 79, ["gap"]),
        ("25", 0, ["gap"]),
        ("25", -1, ["overlap"]),
        ("25", 119, []),
        ("25", 120, ["close_gap"]),
        ("25", 440, ["close_gap"]),
        ("25", 441, []),
        ("24", 83, []),
        ("24", 82, ["gap"]),
        ("23.976", 83, []),
        ("23.976", 82, ["gap"]),
        ("30", 67, []),
        ("30", 66, []),
        ("30", 65, ["gap"]),
    ],
)
def test_gaps(tmp_path, fps, gap, rules):
    cues = [(1000, 3000, "x"), (3000 + gap, 6000, "y")]
    assert rules_of(tmp_path, srt(cues), fps=fps) == rules


def test_a_long_cue_over_several(tmp_path):
    cues = [(0, 6000, "x"), (1000, 2000, "y"), (3000, 4000, "z"), (6080, 8000, "w")]
    assert rules_of(tmp_path, srt(cues)) == ["overlap", "overlap"]


def test_ass_styles_are_tracks_of_their_own(tmp_path):
    head = "[Events]\nFormat: Layer, Start, End, Style, Text\n"
    sign = "Dialogue: 0,0:00:01.00,0:00:06.00,Sign,There\n"
    speech = "Dialogue: 0,0:00:02.00,0:00:04.00,Default,Hi\n"
    assert rules_of(tmp_path, head + sign + speech, name="a.ass") == []
    assert rules_of(tmp_path, head + sign.replace("Sign", "Default") + speech, name="a.ass") == ["overlap"]
    placed = sign.replace("Sign", "Default").replace("There", "{\\pos(1,2)}There")
    assert rules_of(tmp_path, head + placed + speech, name="a.ass") == []
    assert rules_of(tmp_path, head + "Dialogue: 0,0:00:01.00,0:00:01.83,D,x\n", name="a.ass") == []
    assert rules_of(tmp_path, head + "Dialogue: 0,0:00:01.00,0:00:01.82,D,x\n", name="a.ass") == ["short"]


def test_fill_at_two_rates(tmp_path):
    # 12 syllables: at 6.19 a second 1.94 s, at 4.44 a second 2.70 s
    text = "The bond between them is growing closer today."
    cues = [(1000, 3000, text), (4000, 6800, text), (8000, 9200, text)]
    path = tmp_path / "a.srt"
    path.write_text(srt(cues), encoding="utf-8")
    report = lint(read_document(path), Settings(limits_for("en")), [])
    fast, slow = report.fills
    assert (fast.rate, slow.rate, fast.cues) == (6.19, 4.44, 3)
    assert (fast.fits, slow.fits) == (pytest.approx(2 / 3), pytest.approx(1 / 3))
    assert [f.cue for f in report.findings if f.rule == "fill"] == [3]
    eased = lint(read_document(path), Settings(limits_for("en"), tolerance=1.0), [])
    assert eased.fills[1].fits == pytest.approx(2 / 3) and not [
        f for f in eased.findings if f.rule == "fill" and f.cue < 3
    ]
    assert lint(read_document(path), Settings(limits_for("fr")), []).fills == ()


def mess(seed):
    """Return cues with all kinds of trouble."""
    rng = random.Random(seed)
    cues, at = [], 1000
    for _ in range(60):
        length = rng.choice([300, 700, 900, 1500, 3000, 6900, 7500])
        lines = [" ".join(["word"] * rng.randint(1, 14)) for _ in range(rng.choice([1, 1, 2, 3]))]
        cues.append((at, at + length, "\n".join(lines)))
        at = max(at + 200, at + length + rng.choice([-700, -300, -1, 0, 40, 80, 120, 300, 440, 441, 2000]))
    return cues


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("name", ["a.srt", "a.vtt", "a.ttml"])
def test_mending_changes_no_word_and_breaks_no_rule(tmp_path, seed, name):
    path = tmp_path / name
    cues = mess(seed)
    if name == "a.srt":
        text = srt(cues)
    elif name == "a.vtt":
        text = "WEBVTT\n\n" + srt(cues).replace(",", ".")
    else:
        lines = (
            f'<p begin="{stamp(a)}" end="{stamp(b)}">{t}</p>'.replace(",", ".").replace("\n", "<br/>")
            for a, b, t in cues
        )
        text = f"<tt><body><div>{''.join(lines)}</div></body></tt>"
    path.write_text(text, encoding="utf-8")
    settings = Settings(limits_for("en"))
    document = read_document(path)
    before = {(f.cue, f.rule) for f in lint(document, settings, []).findings if f.level == "error"}
    path.write_bytes(render(document, broken(document, settings.limits), moved(document, settings)))
    again = read_document(path)
    after = {(f.cue, f.rule) for f in lint(again, settings, []).findings if f.level == "error"}
    assert after < before
    assert [s.text.split() for s in again.skeletons] == [s.text.split() for s in document.skeletons]
    assert [e.start for e in again.entries] == [e.start for e in document.entries]
    assert broken(again, settings.limits) == {} and moved(again, settings) == {}


def test_command(tmp_path, capsys):
    good, bad = tmp_path / "good.srt", tmp_path / "bad.srt"
    good.write_text(srt([(1000, 3000, "Fine.")]), encoding="utf-8")
    bad.write_text(srt([(1000, 2000, "x" * 50), (5000, 6000, "Fine.")]), encoding="utf-8")
    junit = tmp_path / "out.xml"
    assert main(["lint", str(good), "--target", "en"]) == 0
    assert "1 cue, 0 errors, 0 warnings" in capsys.readouterr().out
    assert main(["lint", str(good), str(bad), "--target", "en", "--format", "json", "--junit", str(junit)]) == 3
    told = json.loads(capsys.readouterr().out)
    assert [file["errors"] for file in told["files"]] == [0, 2]
    root = ET.parse(junit).getroot()
    assert root.attrib["tests"] == str(2 * len(RULES)) and root.attrib["failures"] == "2"
    assert {case.attrib["name"] for case in root.iter("testcase") if case.find("failure") is not None} == {
        "reading_speed",
        "line_length",
    }
    missing = tmp_path / "missing.srt"
    assert main(["lint", str(missing), str(bad), "--target", "en", "--junit", str(junit)]) == 2
    out = capsys.readouterr().out
    assert "cannot be read" in out and out.count(str(missing)) == 1
    found = [line for line in out.splitlines() if " limit " in line and line.startswith("  ")]
    assert len({re.search(r"(error|warning) +\w+ +", line).end() for line in found}) == 1 < len(found)  # columns
    assert ET.parse(junit).getroot().attrib["errors"] == "1"


def test_fix_command(tmp_path, capsys):
    path, out = tmp_path / "a.srt", tmp_path / "b.srt"
    path.write_text(srt([(1000, 5000, "{\\an8}<i>one two three four five six seven</i> eight nine ten")]), "utf-8")
    assert main(["lint", str(path), "--target", "en", "--fix", "-o", str(out)]) == 0
    capsys.readouterr()
    assert "{\\an8}<i>one two three four five\nsix seven</i> eight nine ten" in out.read_text("utf-8")
    for wrong in (["--fix"], ["-o", str(out)], ["--fix", "-o", str(path)], ["--fix", "-o", "b.vtt"]):
        assert main(["lint", str(path), "--target", "en", *wrong]) == 2
    assert main(["lint", str(path), str(path), "--target", "en", "--reference", str(path)]) == 2


def test_html_and_junit_hold_hostile_names(tmp_path, capsys):
    path = tmp_path / "<script>alert(1)<" / "\x1b[2Jx.srt"
    path.parent.mkdir()
    path.write_text(srt([(1000, 2000, "<script>" + "x" * 60)]), encoding="utf-8")
    assert main(["lint", str(path), "--target", "en", "--format", "html"]) == 3
    page = capsys.readouterr().out
    assert "<script>" not in page and "&lt;script&gt;" in page and "\x1b" not in page
    for form in ("table", "json", "junit"):
        assert main(["lint", str(path), "--target", "en", "--format", form]) == 3
        assert "\x1b" not in capsys.readouterr().out


def test_bad_targets_and_rates(tmp_path, capsys):
    path = tmp_path / "a.srt"
    path.write_text(srt([(1000, 3000, "Fine.")]), encoding="utf-8")
    assert main(["lint", str(path), "--target", "klingon!"]) == 2
    assert main(["lint", str(path), "--target", "en", "--fps", "0"]) == 2
    assert main(["lint", str(path), "--target", "en", "--tolerance", "-1"]) == 2
    assert capsys.readouterr().err.count("sandglass:") == 3


def test_characters_of_a_cue_exclude_tags(tmp_path):
    path = tmp_path / "a.srt"
    path.write_text(srt([(1000, 3000, '{\\an8}<font color="#ffff00">Hi</font>')]), encoding="utf-8")
    assert characters(read_document(path).skeletons[0].text, limits_for("en")) == 2


def test_a_file_without_a_cue_is_refused_and_never_mended(tmp_path, capsys):
    path, out = tmp_path / "empty.srt", tmp_path / "out.srt"
    path.write_text("", encoding="utf-8")
    assert main(["lint", str(path), "--target", "en"]) == 2
    assert "line 1: there is no cue in the file" in capsys.readouterr().out
    assert main(["lint", str(path), "--target", "en", "--fix", "-o", str(out)]) == 2
    assert not out.exists()
