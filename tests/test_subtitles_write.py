"""Documents written back: not a byte changes that need not."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import UserError
from harness.subtitles import read_cues, read_document
from harness.subtitles.write import render
from tests.test_subtitles_cues import ASS, TTML, VTT, srt


def stl(*subtitles, rate=25, table="00"):
    """Return an EBU STL file; a subtitle is its in and out codes and its text field."""
    blocks = b"".join(
        bytes([0, n & 255, n >> 8, 0xFF, 0, *start, *end, 20, 2, 0]) + field.ljust(112, b"\x8f")
        for n, (start, end, field) in enumerate(subtitles, start=1)
    )
    header = f"850STL{rate}.01".encode().ljust(12) + table.encode()
    return header.ljust(238) + f"{len(subtitles):05}{len(subtitles):05}".encode().ljust(786) + blocks


STL = stl(
    ((10, 0, 1, 0), (10, 0, 2, 12), b"\x80Gr\xc8u\xfbe\x81,\x8aAnn"),
    ((10, 0, 3, 0), (10, 0, 4, 24), b"\x0d\x0b\x0bYes.\x0a\x0a"),
)
FILES = {
    "unix.srt": srt("<i>Hello,</i>\nAnn.", "- One\n- two", "{\\an8}last").encode(),
    "windows.srt": b"\xef\xbb\xbf" + srt("<i>Hello,</i>\nAnn.", "Two").replace("\n", "\r\n").encode(),
    "ragged.srt": b"\n\n00:00:01.5 --> 00:00:02\r\nA\r\n\r\nB  \n \n7\n0:00:03,000-->0:00:04,000 X1:1\n<i>C\\ND</i>",
    "old.srt": srt("Grüße", "Straße, ja").encode("latin-1"),
    "chinese.srt": srt("他们之间的关系越来越亲密", "是吗？").encode("gb18030"),
    "wide.srt": b"\xff\xfe" + srt("Grüße", "你好").encode("utf-16-le"),
    "a.vtt": VTT.encode(),
    "a.ass": ASS.replace("\n", "\r\n").encode("utf-8-sig"),
    "a.ttml": TTML.replace("{encoding}", "iso-8859-1").encode("iso-8859-1"),
    "a.stl": STL,
}


@pytest.fixture(params=FILES)
def file(request, tmp_path):
    path = tmp_path / request.param
    path.write_bytes(FILES[request.param])
    return path


def test_round_trip_is_byte_identical(file):
    document = read_document(file)
    assert render(document, {}) == file.read_bytes()
    same = {place: skeleton.text for place, skeleton in enumerate(document.skeletons)}
    assert render(document, same) == file.read_bytes()
    times = {place: (entry.start, entry.end) for place, entry in enumerate(document.entries)}
    assert render(document, {}, times) == file.read_bytes()


def test_new_texts_are_read_back_with_times_and_tags_unchanged(file):
    document = read_document(file)
    shown = [place for place, skeleton in enumerate(document.skeletons) if skeleton.text]
    texts = {place: f"Neu {place}" for place in shown}
    file.write_bytes(render(document, texts))
    again = read_document(file)
    assert [(e.start, e.end, e.style, e.actor) for e in again.entries] == [
        (e.start, e.end, e.style, e.actor) for e in document.entries
    ]
    for place in shown:
        assert again.skeletons[place].text.removeprefix("- ") == f"Neu {place}"
        kept = [tag.raw for tag in document.skeletons[place].tags if not tag.layout]
        assert [tag.raw for tag in again.skeletons[place].tags if not tag.layout] == kept
    file.write_bytes(render(again, {place: document.skeletons[place].text.split("\n")[0] for place in shown}))
    assert len(read_cues(file)) == len(document.entries)


def test_times_are_moved_where_they_can_be_written(file):
    document = read_document(file)
    moved = {0: (document.entries[0].start + 1, document.entries[0].end + Fraction(26, 25))}
    file.write_bytes(render(document, {}, moved))
    again = read_document(file).entries
    kept = file.suffix == ".ttml"  # its times count from a div's
    assert (again[0].start, again[0].end) == (
        (document.entries[0].start, document.entries[0].end) if kept else moved[0]
    )
    assert [entry.body for entry in again] == [entry.body for entry in document.entries]
    assert [(e.start, e.end) for e in again[1:]] == [(e.start, e.end) for e in document.entries[1:]]


def test_text_that_the_encoding_lacks_makes_the_file_utf8(tmp_path):
    path = tmp_path / "old.srt"
    path.write_bytes(FILES["old.srt"])
    written = render(read_document(path), {0: "你好"})
    assert written.decode("utf-8") == srt("你好", "Straße, ja")
    path = tmp_path / "a.ttml"
    path.write_bytes(FILES["a.ttml"])
    written = render(read_document(path), {0: "你好"}).decode("utf-8")
    assert 'encoding="UTF-8"' in written and "你" in written


def test_stl(tmp_path):
    path = tmp_path / "a.stl"
    path.write_bytes(STL)
    document = read_document(path)
    assert [(c.start, c.end, c.text, c.line) for c in read_cues(path)] == [
        (36001.0, 36002.48, "Grüße,\nAnn", 1),
        (36003.0, 36004.96, "Yes.", 2),
    ]
    long = (
        "Übrigens, das hier ist so lang, dass es in einen einzigen Block von einhundertzwölf Zeichen nicht passt. " * 2
    )
    written = render(document, {1: long})
    assert len(written) == len(STL) + 128 and written[238:243] == b"00003"
    assert [written[1024 + n * 128 + 3] for n in range(3)] == [0xFF, 0, 0xFF]
    path.write_bytes(written)
    assert read_cues(path)[1].text == long.strip()
    path.write_bytes(render(read_document(path), {1: "kurz"}))
    assert path.read_bytes()[1024 + 128 :] == STL[1024 + 128 :].replace(b"Yes.", b"kurz")
    with pytest.raises(UserError, match="block 1: '你' is not in the file's table"):
        render(document, {0: "你好"})


def test_stl_tables_comments_and_refusals(tmp_path):
    path = tmp_path / "a.stl"
    russian = stl(((0, 0, 1, 0), (0, 0, 2, 0), "Привет".encode("iso8859_5")), table="01", rate=30)
    comment = bytearray(russian[1024:])
    comment[15] = 1
    path.write_bytes(russian + comment)
    assert [cue.text for cue in read_cues(path)] == ["Привет"]
    assert "Пока".encode("iso8859_5") in render(read_document(path), {0: "Пока"})
    for broken in (russian[:1000], russian[:-1], russian.replace(b"STL30", b"STL99")):
        path.write_bytes(broken)
        with pytest.raises(UserError, match="no EBU STL"):
            read_cues(path)
    path.write_bytes(stl(((0, 0, 1, 25), (0, 0, 2, 0), b"x")))
    with pytest.raises(UserError, match=r"a.stl, block 1: no time codes"):
        read_cues(path)


BODIES = st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=40), min_size=1, max_size=5)


@given(BODIES)
def test_any_srt_round_trips_and_takes_any_text(tmp_path_factory, texts):
    path = tmp_path_factory.mktemp("any") / "a.srt"
    path.write_bytes(srt(*texts).encode("utf-8"))
    document = read_document(path, problems=[])
    assert render(document, {}) == path.read_bytes()
    replaced = render(document, dict(enumerate(texts)))
    path.write_bytes(replaced)
    again = read_document(path, problems=[])
    assert [(e.start, e.end) for e in again.entries] == [(e.start, e.end) for e in document.entries]


CHANGES = st.lists(st.tuples(st.floats(0, 1), st.binary(max_size=6)), min_size=1, max_size=8)


@given(st.sampled_from(sorted(FILES)), CHANGES)
def test_a_damaged_file_is_refused_or_round_trips(tmp_path_factory, name, changes):
    data = bytearray(FILES[name])
    for share, new in changes:
        at = int(share * len(data))
        data[at : at + len(new)] = new
    path = tmp_path_factory.mktemp("damaged") / name
    path.write_bytes(data)
    try:
        document = read_document(path, problems=[])
    except UserError:
        return
    if document.encoding != "iso2022_jp":  # its escapes may stand in more places than one
        assert render(document, {}) == bytes(data)
    render(document, dict.fromkeys(range(len(document.entries)), "Neu."))
