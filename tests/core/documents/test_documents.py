"""Documents become Markdown whatever their format and encoding; broken and hostile ones are refused in words."""

import contextlib
import gzip
import io
import random
import sys
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import documents
from core.dataset import sample_projects
from core.documents import docx_reader, pdf_paragraphs
from core.documents.html_sanitizer import HtmlSanitizer
from core.errors import FormatError, JukuError
from core.progress import Cancelled, Reporter
from tests.support.patience import effort


@pytest.fixture
def read(tmp_path):
    def read(name, data, reporter=None):
        path = tmp_path / name
        path.write_bytes(data if isinstance(data, bytes) else data.encode())
        return documents.read(path, reporter)

    return read


@pytest.fixture
def page(read):
    pytest.importorskip("markdownify")
    return lambda body: read("page.html", f"<!doctype html><body>{body}").text.rstrip("\n")


# --- plain text

GAME = "# Hobannu\n\nA match lasts 60 minutes. Größe: 3 Bälle.\n"
SPIEL = "# ホバンヌ\n\n試合は60分である。選手は7人である。\n"


@pytest.mark.parametrize(
    ("text", "encoding", "note"),
    [
        (GAME, "utf-8", None),
        (SPIEL, "utf-8-sig", None),
        (SPIEL, "utf-16", "The text was read as UTF-16."),
        (SPIEL, "cp932", "The text was read as Shift_JIS (CP932)."),
        (GAME, "cp1252", "The text was read as Windows-1252."),
    ],
)
def test_plain_text_in_each_encoding(read, text, encoding, note):
    found = read("game.txt", text.encode(encoding))
    assert (found.text, found.notes) == (text, [note] if note else [])
    assert found.title == text[2:].split("\n")[0]


@pytest.mark.parametrize("name", ["hobannu-en", "hobannu-ja"])
def test_the_samples_stay_as_they_are(name):
    path = sample_projects.SAMPLES_FOLDER / name / "spec.md"
    found = documents.read(path)
    assert found.text.strip() == path.read_text(encoding="utf-8").strip()
    assert found.notes == []


def test_line_breaks_become_one_kind(read):
    assert read("a.md", b"one\r\ntwo\rthree\x07\n").text == "one\ntwo\nthree\n"


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("intro\n\n## **The rules** ##\n# later", "The rules"),
        ("The rules\n=========\n", "The rules"),
        ("```\n# no heading\n```\n# one", "one"),
        ("#hashtag", "my notes"),
        ("text only", "my notes"),
    ],
)
def test_title(read, text, title):
    assert read("my notes.md", text).title == title


# --- HTML


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("<h1>Rules</h1><p>One <b>two</b> <i>three</i>", "# Rules\n\nOne **two** *three*"),
        ("<p>one<p>two<div>three</div>four", "one\n\ntwo\n\nthree\n\nfour"),
        ("<ul><li>a<li>b<ul><li>c</ul><li>d</ul>e", "- a\n- b\n  - c\n- d\n\ne"),
        ("<ol start=3><li>a</li><li>b</li></ol>", "3. a\n4. b"),
        ("<table><tr><th>a<th>b<tr><td>1<td>2|3</table>", "| a | b |\n| --- | --- |\n| 1 | 2\\|3 |"),
        ("<table><tr><td>a</td></tr><tr><td><div>1</div><div>2</div></td></tr></table>", "| a |\n| --- |\n| 1 2 |"),
        ("a<script>if (1 < 2) alert('<p>x')</script><style>p{}</style>b<nav><a href=x>Home</a></nav>c", "abc"),
        ("<p>試合は\n  60分\nである。<p>one\ntwo", "試合は 60分である。\n\none two"),
        ("<p>選手は\n  走る。", "選手は走る。"),
        ("<a href='https://a.example/x'>y</a> <a href='javascript:x'>z</a>", "[y](https://a.example/x) z"),
        ("2 &lt; 3 &amp; 4 * 5 * 6_7_8 < 9", "2 < 3 & 4 * 5 * 6_7_8 < 9"),
        ("<pre>a\n  b</pre>", "```\na\n  b\n```"),
        ("<blockquote>a<p>b</blockquote>", "> a\n>\n> b"),
        ("<dl><dt>ball<dd>round</dl>", "ball\n:   round"),
        ("<!-- <p>hidden -->shown<!-- rest", "shown"),
    ],
)
def test_html(page, body, expected):
    assert page(body) == expected


def test_what_a_page_loses_is_told(read):
    pytest.importorskip("markdownify")
    found = read("a.txt", "<html><nav>x</nav><img src=a><img src=http://a.example/b.png>text</html>")
    assert found.text == "text\n"
    assert found.notes == ["2 images were left out.", "1 menu was left out."]


@pytest.mark.parametrize("encoding", ["utf-8", "shift_jis", "euc-jp", "iso-2022-jp"])
def test_pages_of_an_older_time(read, encoding):
    pytest.importorskip("markdownify")
    body = (
        f'<html><meta charset="{encoding}"><title>x</title><h1>ホバンヌ</h1><p>試合は六十分である。選手は七人である。'
    )
    found = read("a.html", body.encode(encoding))
    assert found.text == "# ホバンヌ\n\n試合は六十分である。選手は七人である。\n"
    assert bool(found.notes) == (encoding != "utf-8")


def test_markdown_with_a_tag_is_no_page(read):
    assert read("a.md", '<div align="center">\n\n# Rules\n').text.startswith("<div")


MANY = 20_000
HOSTILE = {
    "nested": "<div>" * 100_000 + "text",
    "nested lists": "<ul><li>" * MANY + "text",
    "nested tables": "<table><tr><td>" * MANY + "text",
    "nested words": "<b><i>" * MANY + "text",
    "unclosed paragraphs": "<p>text" * MANY,
    "half tags": "text" + "<a " * MANY,
    "half attributes": "text" + "<a href='" * MANY,
    "half comments": "text" + "<!--" * MANY,
    "brackets": "text" + "<" * MANY,
    "ends": "text" + "</p></table></b>" * MANY,
    "blanks": "text" + " \n" * MANY + "<pre>" + " \n " * MANY + "x",
    "scripts": "text" + "<script>" * MANY,
    "entities": "text" + "&amp" * MANY,
    "cells": "<table><tr><td colspan=99999999999>text",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_pages_end_soon(page, name):
    def read():
        try:
            assert "text" in page(HOSTILE[name])
        except FormatError as error:
            assert "is too long a page" in error.title

    assert effort(read) < 10


@given(st.lists(st.sampled_from(["<", ">", "</", "p>", "<ul>", "<li>", "</ul>", "<table>", "<td>", "</tr>", "<b>", "</b>", "<!--",
                                 "-->", "='", "'", " ", "a", "<pre>", "<nav>", "</nav>", "<dt>", "<svg/>", "<h1>"]), max_size=40))  # fmt: skip
def test_whatever_comes_out_is_well_nested(pieces):
    cleaner = HtmlSanitizer()
    cleaner.feed("".join(pieces))
    stack = []
    for tag in "".join(cleaner.pieces()).split("<")[1:]:
        name = tag.split(">")[0].split(" ")[0]
        if name.startswith("/"):
            assert stack.pop() == name[1:]
        elif not name.endswith("/"):
            stack.append(name)
    assert not stack


# --- DOCX

W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
TYPES = (
    '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="rels" '
    'ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Default Extension="xml" ContentType='
    '"application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"/></Types>'
)
RELS = (
    '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="r1" Type='
    '"http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="word/document.xml"/>'
    "</Relationships>"
)


def paragraph(text, style=""):
    kind = f'<w:pPr><w:pStyle w:val="{style}"/></w:pPr>' if style else ""
    return f"<w:p>{kind}<w:r><w:t>{text}</w:t></w:r></w:p>"


def table(*rows):
    cells = ("".join(f"<w:tc>{paragraph(cell)}</w:tc>" for cell in row) for row in rows)
    return f"<w:tbl>{''.join(f'<w:tr>{row}</w:tr>' for row in cells)}</w:tbl>"


def docx(body, **more):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", TYPES)
        archive.writestr("_rels/.rels", RELS)
        archive.writestr(
            "word/document.xml",
            body if body.startswith("<!") else f"<w:document {W}><w:body>{body}</w:body></w:document>",
        )
        for name, data in more.items():
            archive.writestr(f"word/{name}.bin", data)
    return packed.getvalue()


def test_docx(read):
    pytest.importorskip("mammoth")
    body = (
        paragraph("Rules of Hobannu", "Heading1")
        + paragraph("試合は60分である。")
        + paragraph("Points", "Heading2")
        + table(("Act", "Points"), ("goal", "1"), ("long goal", "2"))
    )
    found = read("rules.docx", docx(body))
    assert found.title == "Rules of Hobannu"
    assert found.text == (
        "# Rules of Hobannu\n\n試合は60分である。\n\n## Points\n\n"
        "| Act | Points |\n| --- | --- |\n| goal | 1 |\n| long goal | 2 |\n"
    )
    assert found.notes == []


def test_docx_is_known_by_its_content(read):
    pytest.importorskip("mammoth")
    assert read("rules.txt", docx(paragraph("text"))).text == "text\n"


BOMB = '<!DOCTYPE a [<!ENTITY b "bbbbbbbbbb"><!ENTITY c "&b;&b;&b;&b;">]><w:document ' + W + ">&c;</w:document>"
OUTSIDE = (
    '<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/hostname">]><w:document ' + W + "><w:body>&b;</w:body></w:document>"
)


@pytest.mark.parametrize(
    ("data", "title"),
    [
        (lambda: docx("x", bomb=b"\0" * 2_100_000), "unpacks to far more"),
        (lambda: docx(paragraph("a" * 1_100_000)), "unpacks to far more"),
        (lambda: docx(BOMB), "is damaged"),
        (lambda: docx(OUTSIDE), "is damaged"),
        (lambda: docx("<w:p>"), "is damaged"),
        (lambda: docx("<w:tbl><w:tr><w:tc>" * 3000 + "</w:tc></w:tr></w:tbl>" * 3000), "is damaged"),
        (lambda: docx(paragraph("text"))[:-300], "is damaged"),
        (lambda: docx(paragraph("  ")), "has no text"),
        (lambda: _zip("mimetype"), "is a ZIP file without a document"),
    ],
)
def test_docx_that_is_refused(read, monkeypatch, data, title):
    pytest.importorskip("mammoth")
    monkeypatch.setattr(docx_reader, "MAX_UNPACKED_BYTES", 2_000_000)
    monkeypatch.setattr(docx_reader, "MAX_XML_BYTES", 1_000_000)
    with pytest.raises(FormatError, match=title) as raised:
        read("a.docx", data())
    assert raised.value.message.startswith("Nothing was changed.")


def _zip(name):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr(name, "x")
    return packed.getvalue()


# --- PDF


def pdf(*pages, encrypted=""):
    """A PDF with these pages of lines; one font for all letters there are, which says what each stands for."""
    letters = sorted({letter for lines in pages for line in lines for letter in line}) or ["x"]
    codes = {letter: f"{code:04x}" for code, letter in enumerate(letters, start=1)}
    means = "".join(f"<{code}> <{letter.encode('utf-16-be').hex()}>\n" for letter, code in codes.items())
    cmap = (
        "/CIDInit /ProcSet findresource begin 12 dict begin begincmap /CMapType 2 def 1 begincodespacerange <0000> <ffff> "
        f"endcodespacerange {len(codes)} beginbfchar\n{means}endbfchar endcmap end end"
    )
    kids = " ".join(f"{6 + 2 * number} 0 R" for number in range(len(pages)))
    bodies = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>",
        "<< /Type /Font /Subtype /Type0 /BaseFont /A /Encoding /Identity-H /DescendantFonts [4 0 R] /ToUnicode 5 0 R >>",
        "<< /Type /Font /Subtype /CIDFontType2 /BaseFont /A /CIDSystemInfo << /Registry (Adobe) /Ordering (Identity) "
        "/Supplement 0 >> /DW 500 >>",
        _stream(cmap),
    ]
    for number, lines in enumerate(pages):
        shown = "".join(f"<{''.join(codes[letter] for letter in line)}> Tj 0 -14 Td " for line in lines)
        bodies.append(
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 600 800] /Contents {7 + 2 * number} 0 R "
            "/Resources << /Font << /F 3 0 R >> >> >>"
        )
        bodies.append(_stream(f"BT /F 10 Tf 50 750 Td {shown}ET" if lines else ""))
    data, places = b"%PDF-1.4\n", []
    for number, body in enumerate(bodies, start=1):
        places.append(len(data))
        data += f"{number} 0 obj\n{body}\nendobj\n".encode()
    table = "".join(f"{place:010} 00000 n \n" for place in places)
    end = f"xref\n0 {len(bodies) + 1}\n0000000000 65535 f \n{table}trailer << /Size {len(bodies) + 1} /Root 1 0 R >>\n"
    return data + f"{end}startxref\n{len(data)}\n%%EOF".encode()


def _stream(text):
    return f"<< /Length {len(text)} >>\nstream\n{text}\nendstream"


def encrypted(data, password):
    import pypdf

    writer = pypdf.PdfWriter(clone_from=io.BytesIO(data))
    writer.encrypt(password, "owner", algorithm="RC4-128")
    written = io.BytesIO()
    writer.write(written)
    return written.getvalue()


ENGLISH = (
    "Rules of Hobannu",
    "A match of Hobannu lasts sixty minutes, which are di-",
    "vided into three rounds of twenty minutes by the ref-",
    "eree.",
    "Each team has seven players on the court, and a well-",
    "known rule is that none of them may kick the ball.",
    "• a goal counts one point",
    "• a goal from behind the line counts two, as the well-known rule of all says",
)
JAPANESE = (
    "試合は二十分ずつの三つのラウンドからなり、合計で六十分であ",
    "る。選手は七人である。",
    "・得点は一点である。",
)


def test_pdf_lines_become_paragraphs(read):
    pytest.importorskip("pypdf")
    found = read("rules.pdf", pdf(ENGLISH))
    assert found.text == (
        "Rules of Hobannu\n\n"
        "A match of Hobannu lasts sixty minutes, which are divided into three rounds of twenty minutes by the referee.\n\n"
        "Each team has seven players on the court, and a well-known rule is that none of them may kick the ball.\n\n"
        "- a goal counts one point\n\n"
        "- a goal from behind the line counts two, as the well-known rule of all says\n"
    )
    assert (found.title, found.notes) == ("rules", [])


def test_japanese_lines_are_joined_without_blanks(read):
    pytest.importorskip("pypdf")
    assert read("規則.pdf", pdf(JAPANESE)).text == (
        "試合は二十分ずつの三つのラウンドからなり、合計で六十分である。選手は七人である。\n\n- 得点は一点である。\n"
    )


def test_what_stands_on_every_page_is_dropped_and_told(read):
    pytest.importorskip("pypdf")
    pages = [
        ["Hobannu handbook", f"Round {number}", f"Text {'of the' * number} page", "ab" * number, f"– {number} –"]
        for number in range(1, 5)
    ]
    found = read("a.pdf", pdf(*pages))
    assert "handbook" not in found.text
    assert "–" not in found.text
    assert all(f"Round {number}" in found.text for number in range(1, 5))
    assert found.notes == ["“Hobannu handbook” is on every page and was left out."]


def test_a_page_without_text_is_told(read):
    pytest.importorskip("pypdf")
    assert read("a.pdf", pdf(["some text"], [])).notes == ["1 page has no text; it may be a picture."]


def test_pdf_that_is_refused(read):
    pytest.importorskip("pypdf")
    for data, title in (
        (pdf([], []), "has no text"),
        (encrypted(pdf(["text"]), "secret"), "is password-protected"),
        (b"%PDF-1.4\nnothing of the kind", "is damaged"),
    ):
        with pytest.raises(FormatError, match=title) as raised:
            read("a.pdf", data)
        assert raised.value.message.startswith("Nothing was changed.")
    assert read("a.pdf", encrypted(pdf(["text"]), "")).text == "text\n"


def test_a_cut_or_scrambled_pdf_never_crashes(read):
    """Each file is read, or refused with a FormatError; any other error fails the test."""
    pytest.importorskip("pypdf")
    whole, chance = pdf(ENGLISH, JAPANESE), random.Random(3)
    for _ in range(30):
        data = bytearray(whole[: chance.randrange(10, len(whole))])
        for place in chance.choices(range(9, len(data)), k=20):
            data[place] = chance.randrange(256)
        with contextlib.suppress(FormatError):
            read("a.pdf", bytes(data))


def test_reading_can_be_cancelled(read):
    pytest.importorskip("pypdf")
    reporter = Reporter()
    reporter.cancel()
    with pytest.raises(Cancelled):
        read("a.pdf", pdf(["text"]), reporter)


@given(st.lists(st.text(max_size=200), max_size=5))
def test_no_letter_of_a_single_page_is_lost(pages):
    text, _repeated = pdf_paragraphs.join_pages(pages[:1])
    kept = {letter for letter in "".join(pages[:1]) if letter.isascii() and letter.isalnum()}
    assert kept <= set(text)


# --- whatever else there is


@pytest.mark.parametrize(
    ("name", "data", "title"),
    [
        ("a.md", b"", "has no text"),
        ("a.md", b"\xef\xbb\xbf \n", "has no text"),
        ("a.md", random.Random(1).randbytes(5000), "is not a text"),
        ("a.pdf", random.Random(2).randbytes(5000), "is damaged"),
        ("a.doc", b"\xd0\xcf\x11\xe0" + b"\0" * 100, "has a format that Juku does not read"),
        ("a.rtf", b"{\\rtf1 text}", "has a format that Juku does not read"),
        ("a.txt", b"a" * (documents.MAX_DOCUMENT_BYTES + 1), "is too large"),
        ("a.txt.gz", gzip.compress(b"a" * (documents.MAX_DOCUMENT_BYTES + 1)), "is too large"),
    ],
)
def test_refused(read, name, data, title):
    with pytest.raises(FormatError, match=title):
        read(name, data)


def test_folders_and_missing_files(tmp_path):
    with pytest.raises(FormatError, match="It is a folder"):
        documents.read(tmp_path)
    with pytest.raises(FormatError, match="There is no such file"):
        documents.read(tmp_path / "missing.md")


@pytest.mark.parametrize(
    ("module", "name", "data"),
    [("markdownify", "a.html", "<html>text"), ("mammoth", "a.docx", docx("")), ("pypdf", "a.pdf", "%PDF-1.4")],
)
def test_a_missing_library_is_named_by_its_command(read, monkeypatch, module, name, data):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(JukuError, match="not installed") as raised:
        read(name, data)
    assert 'pip install "juku[documents]"' in raised.value.message
