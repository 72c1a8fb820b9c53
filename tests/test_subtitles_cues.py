"""Reading cues: encodings, broken files, sizes, and formats."""

import pytest

from harness.errors import UserError
from harness.subtitles import Problem, read_cues, read_document
from harness.subtitles.entry import MAX_BYTES
from harness.subtitles.write import render

CHINESE = "你们两个人之间的关系怎么越来越亲密了，我看不是这么回事。"
TEXTS = {
    "utf-8": "Grüße — 你好 ♪",
    "utf-8-sig": "Grüße — 你好 ♪",
    "utf-16": "Grüße — 你好 ♪",
    "utf-16-le": "Plain words, no mark.",
    "utf-16-be": "Plain words, no mark.",
    "utf-32": "Grüße",
    "gb18030": CHINESE,
    "gbk": CHINESE,
    "big5": "你們兩個人之間的關係怎麼越來越親密了，我看不是這麼回事。",
    "shift_jis": "ふたりの関係はますます親密になっていく。",
    "iso2022_jp": "ふたりの関係はますます親密になっていく。",
    "euc-kr": "두 사람의 관계는 점점 더 가까워지고 있습니다.",
    "latin-1": "Über die Größe läßt sich im Café streiten.",
    "cp1252": "“Ça alors”, dit-il… l’été à Nîmes.",
}


def srt(*texts, step=2):
    """Return a SubRip file with one cue a text."""
    return "".join(
        f"{n}\n00:00:{n * step:02},000 --> 00:00:{n * step + 1:02},500\n{text}\n\n"
        for n, text in enumerate(texts, start=1)
    )


def write(path, text, encoding="utf-8"):
    path.write_bytes(text.encode(encoding) if isinstance(text, str) else text)
    return path


@pytest.mark.parametrize("encoding", TEXTS)
def test_encoding_is_found(tmp_path, encoding):
    path = write(tmp_path / "a.srt", srt(TEXTS[encoding], "ok"), encoding)
    assert [cue.text for cue in read_cues(path)] == [TEXTS[encoding], "ok"]


OTHERS = {
    "cp1250": "Przecież mówiłem ci, że nie chcę o tym słyszeć. Dlaczego się śmiejesz?",
    "iso8859_2": "Vždyť jsem ti říkal, že o tom nechci slyšet. Proč se směješ, když pláču?",
    "cp1254": "Sana söylemiştim, bunu duymak istemiyorum. Niçin gülüyorsun, anlamıyorum.",
    "cp1251": "Я же говорил тебе, что не хочу об этом слышать. Почему ты смеёшься?",
    "koi8_r": "Я же говорил тебе, что не хочу об этом слышать. Почему ты смеёшься?",
    "cp1253": "Σου είπα ότι δεν θέλω να ακούσω γι' αυτό. Γιατί γελάς;",
    "cp1255": "אמרתי לך שאני לא רוצה לשמוע על זה. למה אתה צוחק?",
    "cp1256": "قلت لك إنني لا أريد أن أسمع عن هذا. لماذا تضحك؟",
    "cp874": "ฉันบอกคุณแล้วว่าฉันไม่อยากได้ยินเรื่องนี้ คุณหัวเราะทำไม",
    "iso8859_16": "Ți-am spus că nu vreau să aud de asta. De ce râzi, mă rog? Știi foarte bine.",
    "cp1257": "Aš tau sakiau, kad nenoriu apie tai girdėti. Kodėl tu juokiesi, žmogau?",
    "iso8859_9": "Bunun doğru olmadığını biliyorsun, değil mi?",
    "hungarian": "Mondtam már, hogy erről nem akarok hallani. Miért nevetsz, te őrült? Jól tűröd.",
}


@pytest.mark.parametrize("encoding", OTHERS)
def test_encoding_that_cannot_be_told_is_refused_and_read_when_named(tmp_path, encoding):
    text = OTHERS[encoding]
    encoding = "cp1250" if encoding == "hungarian" else encoding
    path = write(tmp_path / "a.srt", srt("ascii", text), encoding)
    with pytest.raises(UserError, match=r"a.srt, line 7: not UTF-8.*Name the encoding"):
        read_cues(path)
    assert read_cues(path, encoding=encoding)[1].text == text


def test_two_characters_do_not_tell_an_encoding(tmp_path):
    with pytest.raises(UserError, match="cannot be told"):
        read_cues(write(tmp_path / "a.srt", srt("你好"), "gb18030"))


def test_wrong_encoding_names_the_line(tmp_path):
    path = write(tmp_path / "a.srt", srt("ok", "Grüße"), "latin-1")
    with pytest.raises(UserError, match="line 7: byte 0xfc is not utf-8"):
        read_cues(path, encoding="utf-8")
    with pytest.raises(UserError, match="no encoding 'utf-9'"):
        read_cues(path, encoding="utf-9")


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig", "UTF_16", "utf-32"])
def test_a_named_mark_that_is_missing(tmp_path, encoding):
    bare = {"utf-8-sig": "utf-8", "utf-32": "utf-32-le"}.get(encoding, "utf-16-le")
    path = write(tmp_path / "a.srt", srt("Grüße"), bare)
    assert read_cues(path, encoding=encoding)[0].text == "Grüße"
    assert render(read_document(path, encoding=encoding), {}) == path.read_bytes()


@pytest.mark.parametrize("encoding", ["punycode", "idna", "base64", "undefined"])
def test_codecs_that_are_no_encodings_of_files(tmp_path, encoding):
    with pytest.raises(UserError):
        read_cues(write(tmp_path / "a.srt", srt("Grüße")), encoding=encoding)


def test_problems_of_several_files_go_into_one_list(tmp_path):
    problems: list[Problem] = []
    for name in ("a.srt", "b.srt"):
        read_cues(write(tmp_path / name, ""), problems=problems)
    assert len(problems) == 2


def test_zero_bytes_are_refused(tmp_path):
    with pytest.raises(UserError, match="zero bytes"):
        read_cues(write(tmp_path / "a.srt", srt("a" * 500 + "\0")))


def test_what_goes_through(tmp_path):
    text = (
        "\n00:00:05,000 --> 00:00:09,000\n<i>no number</i>\n\n"  # unordered too
        "7\n00:00:01,000 --> 00:00:06,000 X1:100\n{\\an8}overlaps\n42\n\n"  # a number is text
        "8\n0:00:10.5 --> 0:00:11\n\nafter a blank\n\nand another\n"  # no blank line to the next
        "00:00:12,000 --> 00:00:13,000\n你好\nHello\n"
        "10\n00:00:14,000 --> 00:00:15,000\n"  # no text
    )
    cues = read_cues(write(tmp_path / "a.srt", text))
    assert [(c.index, c.start, c.end, c.text, c.line) for c in cues] == [
        (1, 5.0, 9.0, "no number", 2),
        (2, 1.0, 6.0, "overlaps\n42", 6),
        (3, 10.5, 11.0, "after a blank\nand another", 11),
        (4, 12.0, 13.0, "你好\nHello", 16),
        (5, 14.0, 15.0, "", 20),
    ]


def test_every_line_end_doubled(tmp_path):
    text = srt("one", "two\nlines", "3", "4").replace("\n", "\r\r\n")
    assert [cue.text for cue in read_cues(write(tmp_path / "a.srt", text))] == ["one", "two\nlines", "3", "4"]


def test_many_blank_lines_take_no_time(tmp_path):
    text = "1\n00:00:01,000 --> 00:00:02,000\n" + "\n" * 500_000 + "late\n"
    assert [cue.text for cue in read_cues(write(tmp_path / "a.srt", text))] == ["late"]


BAD = {
    "00:00:03,000 --> 00:00:02,000": "ends 1.000 s before",
    "00:00:03,000 --> 00:00:03,000": "lasts no time",
    "00:00:03,000 --> 00:75:03,000": "no times",
    "00:00:03,000 --> 999:00:03,000": "after 100 hours",
    "-00:00:03,000 --> 00:00:03,000": "no times",
    "00:00:03 000 --> 00:00:03,000": "no times",
}


@pytest.mark.parametrize("times", BAD)
def test_cue_that_cannot_be_used(tmp_path, times):
    path = write(tmp_path / "a.srt", srt("first") + f"2\n{times}\nbad\n\n" + srt("last"))
    with pytest.raises(UserError, match=f"a.srt, line 6: .*{BAD[times]}.*"):
        read_cues(path)
    problems: list[Problem] = []
    assert [cue.text for cue in read_cues(path, problems=problems)] == ["first", "last"]
    assert [problem.line for problem in problems] == [6] and BAD[times] in problems[0].what


def test_bounds(tmp_path):
    with pytest.raises(UserError, match="text has 10,001 characters"):
        read_cues(write(tmp_path / "a.srt", srt("a" * 10_001)))
    with pytest.raises(UserError, match="the cue has 1,000,008 characters"):
        read_cues(write(tmp_path / "a.srt", srt("{\\" + "a" * 1_000_000 + "}hello")))
    path = tmp_path / "big.srt"
    with path.open("wb") as file:
        file.truncate(MAX_BYTES + 1)
    with pytest.raises(UserError, match="over 32 MiB"):
        read_cues(path)
    with pytest.raises(UserError, match="over 2,000,000 lines"):
        read_cues(write(path, "\n" * 4_000_001))


@pytest.mark.parametrize("name, text", [("a.srt", ""), ("a.srt", "words\n"), ("a.vtt", "WEBVTT\n"), ("a.ass", "x")])
def test_file_without_cues_is_refused(tmp_path, name, text):
    with pytest.raises(UserError, match=r"line 1: (there is no cue|text before)"):
        read_cues(write(tmp_path / name, text))


@pytest.mark.slow
def test_hundred_thousand_cues(tmp_path):
    stamps = [f"{n // 3600:02}:{n // 60 % 60:02}:{n % 60:02}" for n in range(100_000)]
    text = "".join(f"{n}\n{t},000 --> {t},900\n<b>cue {n}</b>\n\n" for n, t in enumerate(stamps))
    cues = read_cues(write(tmp_path / "a.srt", text))
    assert len(cues) == 100_000 and cues[-1].text == "cue 99999" and cues[-1].start == 99_999.0


VTT = """WEBVTT - a film
X-TIMESTAMP-MAP=MPEGTS:0

NOTE
a note --> with an arrow

STYLE
::cue { color: red }

intro
00:01.000 --> 00:02.500 align:start line:0%
<v Ann>Rock &amp; <c.loud>roll</c></v>
- <i>Yes.</i>

01:00:00.000 --> 01:00:01.000
<00:19.000>kara<00:20.000>oke
"""


def test_vtt(tmp_path):
    cues = read_cues(write(tmp_path / "a.vtt", VTT))
    assert [(c.start, c.end, c.text) for c in cues] == [
        (1.0, 2.5, "Rock & roll\n- Yes."),
        (3600.0, 3601.0, "karaoke"),
    ]
    with pytest.raises(UserError, match="no WEBVTT header"):
        read_cues(write(tmp_path / "b.vtt", srt("no header")))
    with pytest.raises(UserError, match="line 3: text of no cue: 'stray'"):
        read_cues(write(tmp_path / "b.vtt", "WEBVTT\n\nstray\n"))
    with pytest.raises(UserError, match="line 3: no times"):
        read_cues(write(tmp_path / "b.vtt", "WEBVTT\n\n00:01,000 --> 00:02,000\nx\n"))


ASS = """[Script Info]
Title: x

[V4+ Styles]
Format: Name, Fontname
Style: Default,Arial

[Events]
Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text
Comment: 0,0:00:00.00,0:00:01.00,Default,,0,0,0,,not shown
Dialogue: 0,0:00:01.00,0:00:02.50,Default,Ann,0,0,0,,{\\pos(1,2)}Well, {\\i1}yes{\\i0}\\Nand\\hno
Dialogue: 0,0:00:03.00,0:00:04.00,Sign,,0,0,0,,{\\p1}m 0 0 l 100 0 100 100{\\p0}
"""


def test_ass(tmp_path):
    cues = read_cues(write(tmp_path / "a.ass", ASS))
    assert [(c.start, c.end, c.text, c.style, c.actor, c.line) for c in cues] == [
        (1.0, 2.5, "Well, yes\nand\xa0no", "Default", "Ann", 11),
        (3.0, 4.0, "", "Sign", "", 12),
    ]
    with pytest.raises(UserError, match="line 11: 7 columns"):
        read_cues(write(tmp_path / "b.ass", ASS.replace("Ann,0,0,0,,", "Ann|", 1)))


TTML = """<?xml version="1.0" encoding="{encoding}"?>
<tt xmlns="http://www.w3.org/ns/ttml" xmlns:tts="x" ttp:frameRate="25" ttp:frameRateMultiplier="1 1" xmlns:ttp="y">
 <body><div begin="10s">
  <p xml:id="a" begin="00:00:01:05" end="2.5s">
    <span tts:fontStyle="italic">Grüße &amp; Küsse,</span><br/>
    Ann &#9834;
  </p>
  <p begin="3000ms" dur="25f"/>
 </div></body></tt>
"""


@pytest.mark.parametrize("encoding", ["utf-8", "iso-8859-1", "utf-16"])
def test_ttml(tmp_path, encoding):
    cues = read_cues(write(tmp_path / "a.ttml", TTML.replace("{encoding}", encoding), encoding))
    assert [(c.start, c.end, c.text, c.line) for c in cues] == [
        (11.2, 12.5, "Grüße & Küsse,\nAnn ♪", 4),
        (13.0, 14.0, "", 8),
    ]


def test_ttml_times_of_the_element_around(tmp_path):
    text = (
        '<tt><body begin="1s"><div begin="1s" end="9s"><p>all of it</p><p begin="2s">to the end</p>'
        '<p end="3s">from its beginning</p><p begin="1s" end="4s" dur="1s">the shorter</p></div></body></tt>'
    )
    cues = read_cues(write(tmp_path / "a.ttml", text))
    assert [(cue.start, cue.end) for cue in cues] == [(2, 10), (4, 10), (2, 5), (3, 4)]
    with pytest.raises(UserError, match=r"line 1: a paragraph without times \(begin '19.764', end '21'\)"):
        read_cues(write(tmp_path / "b.ttml", '<tt><p begin="19.764" end="21">x</p></tt>'))


def test_ttml_that_expands_or_is_broken_is_refused(tmp_path):
    bomb = '<!DOCTYPE tt [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><tt><body><p begin="1s" end="2s">&b;</p></body></tt>'
    with pytest.raises(UserError, match="line 1: the file declares entities"):
        read_cues(write(tmp_path / "a.ttml", bomb))
    with pytest.raises(UserError, match=r"line 2: no well-formed XML \(mismatched tag\)"):
        read_cues(write(tmp_path / "a.ttml", "<tt><body>\n<p></tt>"))
    with pytest.raises(UserError, match=r"line 1: a paragraph without times \(begin '1s'\)"):
        read_cues(write(tmp_path / "a.ttml", '<tt><p begin="1s">x</p></tt>'))


def test_unknown_format_and_missing_file(tmp_path):
    with pytest.raises(UserError, match=r"\.docx is no subtitle format"):
        read_cues(tmp_path / "a.docx")
    with pytest.raises(UserError, match="cannot be read"):
        read_cues(tmp_path / "a.srt")
