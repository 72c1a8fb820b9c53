"""ISO 6937, the Latin table of EBU STL: marks stand before their letter, in a byte of their own."""

import unicodedata

HIGH = (
    "\xa0¡¢£$¥ §¤‘“«←↑→↓°±²³×µ¶·÷’”»¼½¾¿"  # A0 to BF
    "                —¹®©™♪¬¦    ⅛⅜⅝⅞"  # C0 to DF; C1 to CF are the marks
    "ΩÆĐªĦ ĲĿŁØŒºÞŦŊŉĸæđðħıĳŀłøœßþŧŋ\xad"  # E0 to FF
)
MARKS = {
    0xC1: "\u0300",
    0xC2: "\u0301",
    0xC3: "\u0302",
    0xC4: "\u0303",
    0xC5: "\u0304",
    0xC6: "\u0306",
    0xC7: "\u0307",
    0xC8: "\u0308",
    0xCA: "\u030a",
    0xCB: "\u0327",
    0xCD: "\u030b",
    0xCE: "\u0328",
    0xCF: "\u030c",
}
CHARACTERS = {byte: char for byte, char in enumerate(HIGH, start=0xA0) if char != " "}
BYTES = {char: byte for byte, char in CHARACTERS.items()}
BYTES |= {"Ð": BYTES["Đ"], "―": BYTES["—"]}
STAND_INS = {"…": "...", "–": "-", "‐": "-", "‑": "-"}
"""What is written for common characters that the table lacks."""
MARK_BYTES = {mark: byte for byte, mark in MARKS.items()}
UNKNOWN = "\N{REPLACEMENT CHARACTER}"


def decode(data: bytes) -> str:
    r"""Decode bytes; control codes come through as the characters of their number.

    Examples:
        >>> decode(b"Gr\xc8u\xfbe \xd5")
        'Grüße ♪'
    """
    text: list[str] = []
    mark = ""
    for byte in data:
        if byte in MARKS:
            mark = MARKS[byte]
            continue
        char = chr(byte) if byte < 0xA0 else CHARACTERS.get(byte, UNKNOWN)
        text.append(unicodedata.normalize("NFC", char + mark) if mark else char)
        mark = ""
    return "".join(text)


def encode(text: str) -> bytes:
    r"""Encode text; control codes go through as bytes of their number.

    Raises:
        UnicodeEncodeError: a character that the table lacks.

    Examples:
        >>> encode("Grüße ♪")
        b'Gr\xc8u\xfbe \xd5'
    """
    data = bytearray()
    for at, char in enumerate(text):
        if char != "$" and char < "\xa0":
            data.append(ord(char))
        elif char in BYTES:
            data.append(BYTES[char])
        elif char in STAND_INS:
            data += STAND_INS[char].encode("ascii")
        else:
            base, *marks = list(unicodedata.normalize("NFD", char))
            if len(marks) != 1 or marks[0] not in MARK_BYTES or base > "\x7f":
                raise UnicodeEncodeError("iso6937", text, at, at + 1, "not in the Latin table of EBU STL")
            data += bytes([MARK_BYTES[marks[0]], ord(base)])
    return bytes(data)
