"""No text becomes markup, neither between tags nor in an attribute: read back, it is what was given."""

from html.parser import HTMLParser

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from core.documents.html_sanitizer import HtmlSanitizer
from core.exam.report.html_escape import escape, join, tag

SEEN = st.text(st.characters(exclude_categories=["Cc", "Cs", "Cf", "Zl", "Zp", "Cn"]))


class Read(HTMLParser):
    """What a browser would find: each tag with its attributes, and the text between."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.said = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, name: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append((name, dict(attributes)))

    def handle_data(self, data: str) -> None:
        self.said += data


@given(SEEN, SEEN)
@example('" onmouseover="x', "<script>alert(1)</script>")
@example("' onmouseover='x", "&lt;b&gt;")
def test_a_value_stays_in_its_attribute_and_a_text_between_its_tags(value, said):
    read = Read(tag("p", said, title=value, class_="note"))
    assert read.tags == [("p", {"title": value, "class": "note"})]
    assert read.said == said


def test_what_is_markup_already_is_not_escaped_again():
    inner = tag("b", "1 < 2")
    assert tag("p", inner, " & ", join("<", inner)) == "<p><b>1 &lt; 2</b> &amp; &lt;<b>1 &lt; 2</b></p>"
    assert escape(inner) is inner


def test_attributes_are_named_and_left_out_as_html_wants_it():
    made = tag("text", "", class_="x", text_anchor="end", hidden=True, lang=None, open=False, x=0)
    assert made == '<text class="x" text-anchor="end" hidden="" x="0"></text>'
    assert (tag("br"), tag("meta", charset="utf-8")) == ("<br>", '<meta charset="utf-8">')


@pytest.mark.parametrize("sign", ["\0", "\x1b", "\x7f", "\u202e", "\u2066", "\ud800", "\u2028", "\uffff"])
def test_signs_that_cannot_be_seen_are_named(sign):
    assert escape(f"a{sign}b") == f"a⟨U+{ord(sign):04X}⟩b"
    assert escape("a\tb\r\nc") == "a\tb\nc"


@pytest.mark.parametrize(
    ("address", "kept"),
    [
        ("https://a.example/?a=1&amp;lt;b", "https://a.example/?a=1&lt;b"),
        ("https://a.example/&quot;onclick=&quot;x", "https://a.example/"),
    ],
)
def test_a_link_of_a_document_stays_in_its_attribute(address, kept):
    cleaner = HtmlSanitizer()
    cleaner.feed(f'<p><a href="{address}">y</a></p>')
    assert ("a", {"href": kept}) in Read("".join(cleaner.pieces())).tags
