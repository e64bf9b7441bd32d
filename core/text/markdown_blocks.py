"""Reads the blocks of a Markdown text, with the position of each of their lines in the text."""

import re
from bisect import bisect_right
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from itertools import pairwise

from markdown_it import MarkdownIt
from markdown_it.token import Token

from core.lazy_loading import lazy_pattern

MAX_NESTING = 20  # a list in a list counts twice, a quote in a quote once; deeper blocks are not read
MAX_PARSES = 20  # of a text with blocks that are too deep: reading continues after each

_BREAK = lazy_pattern(r"\r\n?|\n")
_SETTING = lazy_pattern(r"[\w-]{1,100}[ \t]*:(?:[ \t]|$)|#")
_QUOTE_MARKS = lazy_pattern(r"[ \t>]*")
_TASK = lazy_pattern(r"\[[ xX]\][ \t]+")
# List items in Japanese and pasted texts; to Markdown they are lines of a paragraph.
_ITEM = lazy_pattern(
    r"(?:[・•●○■□◆◇▪►※][ \t\u3000]*(?=\S)"
    r"|(?:[①-⑳]|[(（][0-9０-９]{1,2}[)）]|[0-9０-９]{1,2}[.．)）、])[ \t\u3000]*(?=[\u3041-\u30ff\u3400-\u9fff「『]))"
)
# Lines that authors use as headings, though Markdown does not: “#Title”, “**Title**”, 【見出し】, ■見出し.
_HEADING = lazy_pattern(
    r"(?P<level>[#＃]{1,6})[ \t\u3000]*(?P<hash>[^#＃\s].*)|\*\*(?P<bold>[^*]+)\*\*|【(?P<box>[^【】]+)】|[■◆●□◇](?P<square>.+)"
)
_SENTENCE_END = lazy_pattern("[.!?:;,。．！？：；、，…—-][\"'”’»)\\]）」』]*$")
_SENTENCE = lazy_pattern(r"[.!?](?:\s|$)|[。！？]")
_UNFINISHED = lazy_pattern(
    r"\b(?:a|an|the|of|to|in|on|at|for|from|by|with|and|or|but|is|are|was|be|that|which|who|as|than|not)$|[のはがをにでともへや]$",
    re.IGNORECASE,
)
_MAX_TITLE_CHARACTERS, _MAX_TITLE_CHARACTERS_JA, _WIDE = (
    60,
    30,
    lazy_pattern("[\u3041-\u30ff\u3400-\u9fff]"),
)  # characters of a heading that nothing marks
_UNMARKED_LEVEL = 6  # the level of a heading without a mark
_CONTAINERS = ("bullet_list_open", "ordered_list_open", "list_item_open", "blockquote_open")
_ALERT = lazy_pattern(r"\[![A-Za-z]{1,20}\]")


@dataclass(frozen=True, slots=True)
class BlockText:
    """A block's lines without the marks before them, joined by line breaks: `raw`.

    `begins` has the position of each line in `raw`, `starts` its position in the text.
    """

    raw: str
    begins: list[int]
    starts: list[int]

    def place(self, position: int) -> int:
        """The position in the text of a position in `raw`."""
        number = bisect_right(self.begins, position) - 1
        return self.starts[number] + position - self.begins[number]


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading; `level` is 1 to 6, `raw` its Markdown."""

    level: int
    raw: str


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A paragraph, or a list item; `begins_item`: it is the first block of a list item."""

    passage: BlockText
    begins_item: bool


@dataclass(frozen=True, slots=True)
class TableRow:
    """A table's row below the header; `start` to `end` is its line in the text."""

    header: list[str]
    cells: list[str]
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class ContainerStart:
    """The start of a list or a table."""


@dataclass(frozen=True, slots=True)
class ContainerEnd:
    """The end of a list or a table."""


@dataclass(frozen=True, slots=True)
class OtherBlock:
    """A block without sentences: code, HTML, a rule."""


Block = Heading | Paragraph | TableRow | ContainerStart | ContainerEnd | OtherBlock


def read_blocks(markdown: str) -> tuple[list[Block], Collection[str]]:
    """The blocks in order, and the labels of the link definitions. Front matter is left out."""
    source = _Source(markdown)
    environment: dict[str, Collection[str]] = {}
    blocks: list[Block] = []
    for _ in range(MAX_PARSES):
        tokens = _PARSER.parse("\n".join(source.lines[source.first :]), environment)
        blocks += _iterate_blocks(tokens, source)
        # Where lists are too deep, the parser leaves the rest of the text unread.
        ends = [token.map[1] for token in tokens if token.map and token.type not in _CONTAINERS]
        source.first += max(ends, default=len(source.lines))
        if not any(map(str.strip, source.lines[source.first :])):
            break
    return blocks, environment.get("references", ())


class _Parser(MarkdownIt):
    """Parses blocks only. Link targets are not needed, and checking hostile ones is slow or fails."""

    def __init__(self) -> None:
        super().__init__("commonmark", {"maxNesting": MAX_NESTING})
        self.enable("table").disable(["inline", "text_join"])

    def normalizeLink(self, url: str) -> str:
        return url

    def validateLink(self, url: str) -> bool:  # noqa: ARG002
        return True


_PARSER = _Parser()


class _Source:
    """The text's lines, their positions, and the index of the `first` one that is parsed: the one after front matter."""

    def __init__(self, markdown: str) -> None:
        text = markdown.replace("\0", "\ufffd")  # as the parser does
        breaks = [found.span() for found in _BREAK.finditer(text)]
        self.starts = [0, *(end for _, end in breaks)]
        ends = [*(start for start, _ in breaks), len(text)]
        self.lines = [text[start:end] for start, end in zip(self.starts, ends, strict=True)]
        self.first = self._find_settings_end()

    def _find_settings_end(self) -> int:
        if self.lines[0].rstrip() != "---" or not _SETTING.match("".join(self.lines[1:2])):
            return 0
        ends = (number for number, line in enumerate(self.lines[1:], 2) if line.rstrip() in ("---", "..."))
        return next(ends, 0)

    def content(self, token: Token, begins_item: bool) -> list[tuple[int, str]]:
        """The lines of a paragraph without the marks before them, each with its position in the text."""
        first, last = (self.first + number for number in token.map or (0, 0))
        contents = [line.strip() for line in token.content.split("\n")]
        # A first line of nothing but odd blanks is not in the content.
        while last - first > len(contents) and not self.lines[first].rstrip().endswith(contents[0]):
            first += 1
        lines = [self._line(number, core) for number, core in enumerate(contents, first) if number < last]
        if begins_item and lines and (task := _TASK.match(lines[0][1])):
            lines[0] = lines[0][0] + task.end(), lines[0][1][task.end() :]
        return [(start, line) for start, line in lines if line and not _ALERT.fullmatch(line)]

    def _line(self, number: int, core: str) -> tuple[int, str]:
        line = self.lines[number].rstrip()
        return self.starts[number] + len(line) - len(core), core if line.endswith(core) else ""

    def row(self, number: int, header: list[str], cells: list[str]) -> TableRow:
        line, start = self.lines[self.first + number], self.starts[self.first + number]
        marks = _QUOTE_MARKS.match(line)
        return TableRow(header, cells, start + (marks.end() if marks else 0), start + len(line.rstrip()))


def _split_paragraph(lines: list[tuple[int, str]], begins_item: bool) -> Iterator[Block]:
    """Split a paragraph of Markdown at headings and list items that Markdown does not recognise."""
    start = 0
    if not begins_item:
        for at in range(len(lines)):
            if heading := _find_heading([line for _, line in lines[start:]], at - start):
                yield from _split_list_items(lines[start:at], begins_item)
                yield heading
                start = at + 1
    yield from _split_list_items(lines[start:], begins_item)


def _find_heading(lines: list[str], at: int) -> Heading | None:
    """The heading in line `at`, or None; a line without a mark can only be one at the beginning."""
    line, below = lines[at], "".join(lines[at + 1 : at + 2])
    match = _HEADING.fullmatch(line)
    if match and (match["level"] or ((below or not match["square"]) and not _HEADING.fullmatch(below))):
        title = next(filter(None, (match["hash"], match["bold"], match["box"], match["square"])))
        if not _SENTENCE_END.search(title):
            return Heading(len(match["level"] or "#" * _UNMARKED_LEVEL), title)
    if at == 0 and below and _is_title(line, below, max(map(len, lines[1:]))) and _SENTENCE.search(" ".join(lines[1:])):
        return Heading(_UNMARKED_LEVEL, line)
    return None


def _is_title(line: str, below: str, width: int) -> bool:
    """Whether a line is short, no sentence, and ends although the next word would have fitted."""
    wide = bool(_WIDE.search(line))
    if (
        len(line) > (_MAX_TITLE_CHARACTERS_JA if wide else _MAX_TITLE_CHARACTERS)
        or _SENTENCE_END.search(line)
        or _UNFINISHED.search(line)
    ):
        return False
    if _ITEM.match(line) or _ITEM.match(below):
        return False
    word = 4 if wide else len(below.split(" ", 1)[0]) + 1
    return len(line) + word <= width and (wide or (line[:1].isupper() and below[:1].isupper()))


def _split_list_items(lines: list[tuple[int, str]], begins_item: bool) -> Iterator[Block]:
    marks = [(number, mark.end()) for number, (_, line) in enumerate(lines) if (mark := _ITEM.match(line))]
    first = marks[0][0] if marks else len(lines)
    if first:
        yield from _split_item(lines[:first]) if begins_item else [Paragraph(_join_lines(lines[:first]), begins_item)]
    if marks:
        yield ContainerStart()
        for (number, width), (end, _) in pairwise([*marks, (len(lines), 0)]):
            start, line = lines[number]
            yield from _split_item([(start + width, line[width:]), *lines[number + 1 : end]])
        yield ContainerEnd()


def _split_item(lines: list[tuple[int, str]]) -> Iterator[Block]:
    """An item of a list; the first line of one such as “1. Hours”, with text in the next line, is its heading."""
    if heading := _find_heading([line for _, line in lines], 0):
        yield heading
        lines = lines[1:]
    if lines:
        yield Paragraph(_join_lines(lines), begins_item=not heading)


def _join_lines(lines: list[tuple[int, str]]) -> BlockText:
    begins = []
    position = 0
    for _, line in lines:
        begins.append(position)
        position += len(line) + 1
    return BlockText("\n".join(line for _, line in lines), begins, [start for start, _ in lines])


def _iterate_blocks(tokens: list[Token], source: _Source) -> Iterator[Block]:
    table = _Table()
    for number, token in enumerate(tokens):
        match token.type:
            case "bullet_list_open" | "ordered_list_open" | "table_open":
                yield ContainerStart()
            case "bullet_list_close" | "ordered_list_close" | "table_close":
                yield ContainerEnd()
            case "heading_open":
                yield Heading(int(token.tag[1:]), tokens[number + 1].content)
            case "paragraph_open":
                begins_item = number > 0 and tokens[number - 1].type == "list_item_open"
                yield from _split_paragraph(source.content(tokens[number + 1], begins_item), begins_item)
            case "fence" | "code_block" | "html_block" | "hr":
                yield OtherBlock()
            case _ if table.read(token, tokens[number + 1 : number + 2]):
                yield source.row(table.line, table.header, table.cells)


@dataclass(slots=True)
class _Table:
    """The table that is being read, and its current row."""

    header: list[str] = field(default_factory=list)
    cells: list[str] = field(default_factory=list)
    line: int = 0

    def read(self, token: Token, following: list[Token]) -> bool:
        """Whether a row below the header is complete with this token."""
        match token.type:
            case "tr_open":
                self.line, self.cells = (token.map or [0])[0], []
            case "th_open" | "td_open":
                self.cells.append(following[0].content)
            case "thead_close":
                self.header = self.cells
        return token.type == "tr_close" and following[0].type != "thead_close"
