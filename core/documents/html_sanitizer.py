"""Reduces any HTML to the few tags that Markdown has, well nested and never deep, in time linear in its length.

A page may come from anywhere: tags that nobody closes, a hundred thousand inside each other, half a tag at the end.
"""

import html
import re
from collections import Counter
from collections.abc import Set

from core.documents.reader_result import WIDE_CHARACTERS
from core.lazy_loading import lazy_pattern

Names = Set[str]

MAX_DEPTH = 40  # nested tags that are kept; of deeper ones only the text is
ELEMENTS_PER_PIECE = 200  # elements
MAX_INDENT = 200  # blanks at the start of a line of code

# Each alternative ends at its own end or at the page's: no character is scanned twice.
_TAG = lazy_pattern(
    r"<(?:!--.*?(?:-->|\Z)|[!?][^>]*+(?:>|\Z)|/[^a-zA-Z>][^>]*+(?:>|\Z)"
    r"|(/?)([a-zA-Z][^\s/>]*+)((?:[^>=]++|=\s*+(?:\"[^\"]*+(?:\"|\Z)|'[^']*+(?:'|\Z))?+)*+)(?:>|\Z))",
    re.DOTALL,
)
_HREF = lazy_pattern(r"\bhref\s*=\s*[\"']?\s*((?:https?://|mailto:)[^\s<>\"'()]+)", re.IGNORECASE)
_BACK_REFERENCE = lazy_pattern(r"\bhref\s*=\s*[\"']?#(?:foot|end)note-ref", re.IGNORECASE)
_START = lazy_pattern(r"\bstart\s*=\s*[\"']?(\d{1,6})\b", re.IGNORECASE)
_SPAN = lazy_pattern(r"\bcolspan\s*=\s*[\"']?(\d{1,2})\b", re.IGNORECASE)
_BLANKS = lazy_pattern(r"\s+")
_WIDE_BREAK = lazy_pattern(rf"(?<=[{WIDE_CHARACTERS}])[^\S\n]*+\n\s*+(?=[{WIDE_CHARACTERS}])")

HEADINGS = frozenset(f"h{level}" for level in range(1, 7))
PARAGRAPHS = HEADINGS | {"p", "pre"}
CELLS = frozenset({"td", "th"})
BLOCKS = (
    PARAGRAPHS | CELLS | {"ul", "ol", "li", "table", "thead", "tbody", "tr", "caption", "blockquote", "dl", "dt", "dd"}
)
INLINE = frozenset({"a", "strong", "em", "code", "del", "sub", "sup"})
TAG_ALIASES = {"b": "strong", "i": "em", "s": "del", "strike": "del", "kbd": "code", "samp": "code", "tfoot": "tbody"}
PARAGRAPH_CONTAINERS = CELLS | {
    "li",
    "blockquote",
    "dt",
    "dd",
    "caption",
}  # elements that contain paragraphs of their own
TEXTLESS_ELEMENTS = frozenset(
    {"ul", "ol", "table", "thead", "tbody", "tr", "dl"}
)  # elements that contain no text themselves
PARAGRAPH_BREAKS = frozenset(
    [
        "div",
        "section",
        "article",
        "main",
        "header",
        "footer",
        "aside",
        "figure",
        "figcaption",
        "address",
        "form",
        "fieldset",
        "details",
        "summary",
        "center",
        "body",
    ]
)
RAW_TEXT_ELEMENTS = frozenset({"script", "style", "title", "textarea", "iframe", "xmp"})  # what is in them is no HTML
DROPPED_ELEMENTS = frozenset(
    [
        "nav",
        "menu",
        "svg",
        "math",
        "template",
        "object",
        "select",
        "button",
        "canvas",
        "video",
        "audio",
        "noscript",
        "rp",
        "rt",
    ]
)
# Elements whose start closes earlier ones, as HTML allows: which ones, and inside which elements only.
IMPLICITLY_CLOSED = {
    "li": ({"li"}, {"ul", "ol"}),
    "tr": (CELLS | {"tr", "caption"}, {"table", "thead", "tbody"}),
    "td": (CELLS | {"caption"}, {"tr", "table"}),
    "th": (CELLS | {"caption"}, {"tr", "table"}),
    "tbody": (CELLS | {"tr", "thead", "tbody", "caption"}, {"table"}),
    "thead": (CELLS | {"tr", "caption"}, {"table"}),
    "dt": ({"dt", "dd"}, {"dl"}),
    "dd": ({"dt", "dd"}, {"dl"}),
    "a": ({"a"}, PARAGRAPH_CONTAINERS),
}


class HtmlSanitizer:
    """Sanitizes one page: call `feed` once, then `pieces`; `images` and `menus` count what was left out."""

    def __init__(self) -> None:
        self.images = self.menus = self.elements = 0
        self._out: list[str] = []
        self._pieces: list[str] = []
        self._full = ELEMENTS_PER_PIECE  # how many elements there are when the present piece has enough
        self._open: list[str] = []
        self._deeper: Counter[str] = Counter()  # tags that were too deep, whose ends are still to come
        self._dropped = ("", 0)  # the element that is being left out, and how many of its kind are open

    def pieces(self) -> list[str]:
        """The sanitized page in parts of about `ELEMENTS_PER_PIECE` elements, each well nested."""
        self._close_from(0)
        return [*self._pieces, "".join(self._out)]

    def feed(self, page: str) -> None:
        """Parse the whole page."""
        at = 0
        while (start := page.find("<", at)) >= 0:
            self._add_text(page[at:start])
            tag = _TAG.match(page, start)
            at = tag.end() if tag else start + 1
            if not tag:
                self._add_text("<")
            elif tag[2]:
                at = self._handle_tag(page, at, tag[1], tag[2].lower(), tag[3][:5000])
        self._add_text(page[at:])

    def _handle_tag(self, page: str, place: int, slash: str, name: str, attributes: str) -> int:
        """Process one tag; returns the position after it (or after the content of a script)."""
        if name in RAW_TEXT_ELEMENTS and not slash:
            end = re.compile(f"</{name}", re.IGNORECASE).search(page, place)
            return end.start() if end else len(page)
        name = TAG_ALIASES.get(name, name)
        if self._dropped[1]:
            if name == self._dropped[0] and not attributes.endswith("/"):
                self._dropped = (name, self._dropped[1] + (-1 if slash else 1))
        elif slash:
            self._end_element(name)
        else:
            self._start_element(name, attributes)
        return place

    def _start_element(self, name: str, attributes: str) -> None:
        if name in DROPPED_ELEMENTS or (name == "a" and _BACK_REFERENCE.search(attributes)):
            self.menus += name == "nav"
            self._dropped = (name, 0 if attributes.endswith("/") else 1)
        elif name == "img":
            self.images += 1
        elif name in ("br", "hr"):
            if name == "hr":
                self._end_paragraph()
            self._out.append(f"<{name}/>")
        elif name in PARAGRAPH_BREAKS:
            self._end_paragraph()
        elif name in BLOCKS or name in INLINE:
            self._push(name, attributes)

    def _push(self, name: str, attributes: str = "") -> None:
        if name in BLOCKS:
            self._end_paragraph()
        if name in IMPLICITLY_CLOSED:
            self._pop(*IMPLICITLY_CLOSED[name])
        if name in INLINE:
            self._ensure_paragraph()
        if len(self._open) >= MAX_DEPTH:
            self._deeper[name] += 1
            return
        self.elements += 1
        self._open.append(name)
        self._out.append(f"<{name}{_format_attributes(name, attributes)}>")

    def _end_element(self, name: str) -> None:
        if self._deeper[name]:
            self._deeper[name] -= 1
        elif name in PARAGRAPH_BREAKS or name == "p":
            self._end_paragraph()
        elif name in INLINE or name in PARAGRAPHS:
            self._close(name, PARAGRAPH_CONTAINERS)
        elif name in BLOCKS:
            self._close(name, frozenset({"table"}))

    def _end_paragraph(self) -> None:
        if not self._pop(PARAGRAPHS, PARAGRAPH_CONTAINERS) and self._open and self._open[-1] in PARAGRAPH_CONTAINERS:
            self._out.append(" ")

    def _close(self, name: str, within: Names) -> None:
        """Close the innermost open `name` and all in it, unless it is outside of a `within` element."""
        for place in range(len(self._open) - 1, -1, -1):
            if self._open[place] == name:
                self._close_from(place)
                return
            if self._open[place] in within:
                return

    def _pop(self, names: Names, within: Names) -> bool:
        """Close all open elements of these `names` that are not outside of a `within` element; False if there is none."""
        last = len(self._open)
        for place in range(len(self._open) - 1, -1, -1):
            if self._open[place] in names:
                last = place
            elif self._open[place] in within:
                break
        return self._close_from(last)

    def _close_from(self, place: int) -> bool:
        closed = self._open[place:]
        del self._open[place:]
        self._out += (f"</{name}>" for name in reversed(closed))
        if not self._open and self.elements >= self._full:
            self._pieces.append("".join(self._out))
            self._out = []
            self._full = self.elements + ELEMENTS_PER_PIECE
        return bool(closed)

    def _ensure_paragraph(self) -> None:
        """Open a paragraph for text outside of any block."""
        if not self._open or self._open[-1] == "blockquote":
            self._push("p")

    def _add_text(self, text: str) -> None:
        if not text or self._dropped[1]:
            return
        text = html.unescape(text)
        if "pre" in self._open:
            text = _shorten_indents(text)
        else:
            text = _BLANKS.sub(" ", _WIDE_BREAK.sub("", text))
            if text == " " and (not self._open or self._open[-1] in TEXTLESS_ELEMENTS):
                return
            self._ensure_paragraph()
        if not CELLS.isdisjoint(self._open):
            text = text.replace("|", "\\|")
        self._out.append(html.escape(text, quote=False))


def _format_attributes(name: str, attributes: str) -> str:
    """The attributes that are kept: the target of a link, the start of a list, the width of a cell."""
    if name == "a" and (match := _HREF.search(html.unescape(attributes))):
        return f' href="{html.escape(match[1])}"'
    if name == "ol" and (match := _START.search(attributes)):
        return f' start="{match[1]}"'
    if name in CELLS and (match := _SPAN.search(attributes)):
        return f' colspan="{match[1]}"'
    return ""


def _shorten_indents(text: str) -> str:
    """Code with at most `MAX_INDENT` blanks of indentation: the converter is slow on longer runs."""
    lines = (line.rstrip() for line in text.replace("\t", "    ").split("\n"))
    shorter = (
        line.lstrip().rjust(len(line.lstrip()) + MAX_INDENT) if line[:MAX_INDENT].isspace() else line for line in lines
    )
    return re.sub("\n{3,}", "\n\n\n", "\n".join(shorter))
