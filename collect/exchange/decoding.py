"""Which encoding a text file is in: every byte of it is decoded strictly, and where two readings make sense we ask."""

from __future__ import annotations

import codecs
import hashlib
import re
import unicodedata
from dataclasses import dataclass

from collect.domain.errors import Refusal
from collect.exchange import columns
from collect.exchange.cells import CHUNK, Source

_MARKS = (
    (b"\xef\xbb\xbf", "utf-8"),
    (b"\xff\xfe\x00\x00", "utf-32-le"),
    (b"\x00\x00\xfe\xff", "utf-32-be"),
    (b"\xff\xfe", "utf-16-le"),
    (b"\xfe\xff", "utf-16-be"),
    (b"\x84\x31\x95\x33", "gb18030"),
)
_WIDE = ("utf-16", "utf-32")
_SAME = {"gbk": "gb18030", "gb2312": "gb18030", "ascii": "utf-8", "utf-8-sig": "utf-8"}
_CODECS = re.compile(
    r"utf-8|utf-16(?:-[lb]e)?|utf-32(?:-[lb]e)?|gb18030|big5|big5hkscs|shift_jis|euc_jp|euc_kr|iso8859-\d{1,2}|koi8-[ru]|mac-roman|"
    r"cp(?:125\d|437|85\d|86\d|874|932|949|950)"
)
_SAMPLE = 1 << 18
"""Bytes of lines with other than ASCII that are looked at where two readings are possible."""


@dataclass(frozen=True, slots=True)
class Text:
    """What one pass over the bytes of a text file learned.

    `codec` decodes the bytes after the first `skip` (a byte order mark); `label` is its name for people. `lines` is the
    number of physical lines, `longest` the bytes of the longest one, `lone_returns` whether a carriage return ends one.
    """

    label: str
    codec: str
    skip: int
    sha256: str
    lines: int
    longest: int
    lone_returns: bool


def survey(source: Source, encoding: str | None = None) -> Text:
    """Read the whole file once: fingerprint, encoding, lines.

    A byte order mark decides, else UTF-16 by its zero bytes, else UTF-8 or GB18030 (which holds GBK and GB2312) by
    strict decoding of everything. Raises Refusal `unreadable_encoding` (no reading fits), `unlikely_encoding` (one fits
    but is no Chinese), `ambiguous_encoding` (two make sense, `reliability` Files), `not_in_encoding` (the one that was
    asked for does not fit), `unknown_encoding`, `binary_file` (zero bytes), `line_too_long` (beyond all its cells).
    """
    head = source.head(4096)
    codec, skip = _first_guess(head, encoding)
    scan = _Scan(source, [codec] if codec else ["utf-8", "gb18030"], skip)
    digest = hashlib.sha256()
    left = skip
    for chunk in source.chunks():
        digest.update(chunk)
        if left:
            chunk, left = chunk[left:], max(0, left - len(chunk))
        scan.feed(chunk)
    scan.finish()
    if codec is None:
        codec = _choose(scan, source.name)
    label = codec[:6] if codec.startswith(_WIDE) else codec
    return Text(label, codec, skip, digest.hexdigest(), scan.lines, scan.longest, scan.lone_returns)


def _first_guess(head: bytes, encoding: str | None) -> tuple[str | None, int]:
    """The codec that the option or the first bytes settle, if any, and the length of the byte order mark."""
    marked = next(((len(mark), codec) for mark, codec in _MARKS if head.startswith(mark)), None)
    if encoding is None:
        return (marked[1], marked[0]) if marked else (_by_zero_bytes(head), 0)
    codec = _named(encoding)
    if codec in _WIDE:
        codec = marked[1] if marked and marked[1].startswith(codec) else _by_zero_bytes(head) or f"{codec}-le"
    return codec, marked[0] if marked and marked[1] == codec else 0


def wide_codec(head: bytes) -> str | None:
    """The codec of a file in UTF-16 or UTF-32, by its byte order mark or its zero bytes; None for every other."""
    marked = next((codec for mark, codec in _MARKS if head.startswith(mark)), None)
    found = marked or _by_zero_bytes(head)
    if found is None or not found.startswith(_WIDE):
        return None
    return found[:6] if marked else found


def _named(encoding: str) -> str:
    """The codec of a name people use (`GBK`, `utf8`, `cp1252`); Refusal `unknown_encoding` for anything else."""
    try:
        name = codecs.lookup(encoding.strip()).name
    except (LookupError, ValueError):
        name = ""
    codec = _SAME.get(name, name)
    if not _CODECS.fullmatch(codec):
        raise Refusal("unknown_encoding", "encoding", value=encoding)
    return codec


def _by_zero_bytes(head: bytes) -> str | None:
    """UTF-16 without a mark: its ASCII signs have a zero byte, always on the same side, and are never control characters."""
    head = head[: len(head) & ~1]
    if 5 * head.count(0) < 2 * len(head) and _is_utf_8(head.replace(b"\0", b"")):
        return None  # half of plain UTF-16 is zeros, and Chinese in it is no UTF-8: these zeros are none of an encoding
    even, odd = head[0::2].count(0), head[1::2].count(0)
    if even == odd or min(even, odd):
        return None
    plain = [other for zero, other in (zip(head[1::2], head[0::2], strict=True) if odd else zip(head[0::2], head[1::2], strict=True)) if zero == 0]
    if any(byte < 32 and byte not in (9, 10, 13) for byte in plain):
        return None
    return "utf-16-le" if odd else "utf-16-be"


def _is_utf_8(data: bytes) -> bool:
    try:
        codecs.getincrementaldecoder("utf-8")("strict").decode(data)
    except UnicodeDecodeError:
        return False
    return True


class _Scan:
    """The state of one pass: which codecs still decode everything, the lines, and a sample of lines for evidence."""

    def __init__(self, source: Source, candidates: list[str], skip: int) -> None:
        self.name = source.name
        self.alive = {codec: codecs.getincrementaldecoder(codec)("strict") for codec in candidates}
        self.asked = candidates[0] if len(candidates) == 1 else None
        self.wide = candidates[0].startswith(_WIDE)
        self.lines = 0
        self.longest = 0
        self.lone_returns = False
        self.header = b""
        self.sample: list[bytes] = []
        self._room = _SAMPLE
        self._carry = b""
        self._most = max(CHUNK, source.limits.max_cell * source.limits.max_columns * 4)

    def feed(self, chunk: bytes, final: bool = False) -> None:
        """Take the next bytes: decode them in every way that is still open, and cut them into lines."""
        if self.wide:
            chunk = self._decode(self.asked or "", chunk, final).encode("utf-8", "surrogatepass")
        if b"\0" in chunk:
            raise Refusal("binary_file", None, name=self.name)
        if not self.wide and (final or not chunk.isascii() or any(decoder.getstate()[0] for decoder in self.alive.values())):
            for codec in list(self.alive):
                self._decode(codec, chunk, final)
        self._cut(chunk, final)

    def finish(self) -> None:
        """The end of the file: half a character or a last line without an end."""
        self.feed(b"", True)

    def _decode(self, codec: str, chunk: bytes, final: bool) -> str:
        try:
            return self.alive[codec].decode(chunk, final)
        except UnicodeDecodeError as problem:
            del self.alive[codec]
            if not self.alive:
                line = self.lines + problem.object[: problem.start].count(b"\n") + 1
                if self.asked:
                    raise Refusal("not_in_encoding", "encoding", name=self.name, encoding=codec, line=line) from None
                raise Refusal("unreadable_encoding", "encoding", name=self.name, line=line) from None
            return ""

    def _cut(self, chunk: bytes, final: bool) -> None:
        data = self._carry + chunk if self._carry else chunk
        end = len(data) if final else data.rfind(b"\n") + 1 or data.rfind(b"\r", 0, len(data) - 1) + 1
        body, self._carry = data[:end], data[end:]
        if body:
            if b"\r" in body:
                self.lone_returns = self.lone_returns or body.count(b"\r") != body.count(b"\r\n")
            lines = body.splitlines()
            self.longest = max(self.longest, max(map(len, lines), default=0))
            self._keep(lines)
            self.lines += len(lines)
        if max(self.longest, len(self._carry)) > self._most:
            raise Refusal("line_too_long", None, name=self.name, limit=self._most)

    def _keep(self, lines: list[bytes]) -> None:
        if not self.header:
            self.header = next((line for line in lines if line.strip()), b"")
        if self.asked or self._room <= 0:
            return
        for line in lines:
            if not line.isascii() and self._room > 0:
                self.sample.append(line)
                self._room -= len(line)


def _choose(scan: _Scan, name: str) -> str:
    """UTF-8 or GB18030, by the names in the header line, else by what the text would say in each."""
    alive = set(scan.alive)
    if not scan.sample or alive == {"utf-8"}:
        return "utf-8"
    headers = {codec for codec in alive if _has_known_header(scan.header, codec)}
    if len(headers) == 1:
        return headers.pop()
    text = b"\n".join(scan.sample)
    chinese = _is_chinese(text.decode("gb18030"))
    if alive == {"gb18030"}:
        if chinese:
            return "gb18030"
        raise Refusal("unlikely_encoding", "encoding", name=name, value=text.decode("gb18030").splitlines()[0].strip())
    odd = _odd_words(text.decode("utf-8"))
    if not chinese or odd is None:
        return "utf-8"
    seen = odd.encode("utf-8").decode("gb18030", "replace")
    raise Refusal("ambiguous_encoding", "encoding", name=name, first=odd, second=seen)


def _has_known_header(line: bytes, codec: str) -> bool:
    """Whether a name other than ASCII in the header line is one that people give to a column."""
    names = re.split("[,;\t]", line.decode(codec, "replace"))
    return any(not name.isascii() and columns.known(name.strip().strip('"')) for name in names)


def _is_chinese(text: str) -> bool:
    """Whether text decoded as GB18030 looks like Chinese and not like another encoding's bytes.

    Six of ten signs must be Chinese characters or punctuation of GB 2312 and two of five characters common ones (its
    level 1). Western letters decode to rare characters outside GB 2312, Japanese to kana, Russian to level 2, and
    Korean never leaves the first rows of level 1, where twenty different Chinese characters do.
    """
    signs = [char for char in text if char > "\x7f"]
    place = {char: _place(char) for char in set(signs)}
    hanzi = [place[char] for char in signs if place[char] >= 0xB0]
    good = len(hanzi) + sum(place[char] in (0xA1, 0xA3) for char in signs)
    common = sum(row <= 0xD7 for row in hanzi)
    korean = sum(row >= 0xB0 for row in place.values()) >= 20 and max(hanzi) <= 0xC8
    return good >= 0.6 * len(signs) and common >= 0.4 * len(hanzi) and not korean


def _place(char: str) -> int:
    """The row of a character in GB 2312 as its first byte: A1–A9 signs, B0–D7 common, D8–F7 rarer characters; 0 outside."""
    try:
        return char.encode("gb2312")[0]
    except UnicodeEncodeError:
        return 0


_TOKEN = re.compile(r"[^\W\d_]+|[^\x00-\x7f]")
_AMOUNT = re.compile(r"(?<!\w)[¥£] ?[0-9]")
_SCRIPTS = ((0x370, 0x3FF), (0x401, 0x45F), (0x5D0, 0x5EA), (0x621, 0x64A))
"""Greek, today's Cyrillic, Hebrew, Arabic: letters of two bytes in UTF-8, as GBK characters are."""


def _odd_words(text: str) -> str | None:
    """The first word that makes no sense in this reading, where more than one in ten does not; else None."""
    total, odd = 0, []
    for found in _TOKEN.finditer(text):
        word = found.group()
        if word.isascii():
            continue
        total += 1
        if not (_is_word(word) or (word in "¥£" and _AMOUNT.match(text, found.start()))):
            odd.append(word)
    return odd[0] if len(odd) > total / 10 else None


def _is_word(word: str) -> bool:
    """Whether a word can be meant: signs of three bytes (Chinese among them), Latin with plain letters and sane capitals, or one living script.

    Pairs of bytes that make characters of GBK make three-byte signs of UTF-8 about once in ten thousand names.
    """
    others = [ord(char) for char in word if char > "\x7f"]
    plain = len(word) - len(others)
    if min(others) >= 0x800:
        return all(unicodedata.category(chr(code)) not in ("Cn", "Co") for code in others)
    if max(others) <= 0x24F:
        sane = word.islower() or word.isupper() or (word[0].isupper() and word[1:].islower())
        return sane and (plain >= 2 or (plain == 1 and len(word) >= 4))
    return len(others) == len(word) >= 3 and any(all(low <= code <= high for code in others) for low, high in _SCRIPTS)
