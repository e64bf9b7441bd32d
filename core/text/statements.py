"""Splits the Markdown text of a spec into self-contained statements, each with its quote."""

import re
from collections.abc import Collection
from dataclasses import dataclass, field

from core.lazy_loading import lazy_pattern
from core.text import markdown_blocks, normalise, sentences
from core.text.inline_markdown import CJK, Prose, is_cjk
from core.text.markdown_blocks import BlockText, ContainerEnd, ContainerStart, Heading, Paragraph, TableRow

SEPARATOR = " › "  # between the headings above a statement
MAX_HEADING_CHARACTERS = 200  # characters that are kept of a heading
MAX_TITLE_CHARACTERS = 60  # of a first line that is taken for the title of a plain text
MAX_HEADER_CHARACTERS = 100  # and of a table's header cell, which every row repeats
MAX_LEAD_IN_CHARACTERS = 300  # of a lead-in that is prepended to the items of its list
MIN_WORDS = 4  # of a lead-in that no item repeats and that is a statement itself
MIN_JAPANESE_CHARACTERS = 10  # likewise

_ANNOUNCES = lazy_pattern(
    rf"\b(?:the following|as follows)\b|(?:次|つぎ|以下|下記)(?=[にのをがは、0-9０-９{CJK}])", re.IGNORECASE
)
_PICKS = lazy_pattern(r"\b(?:any )?one of\b|(?:いずれか|どれか)(?:一つ|ひとつ|[1１]つ)?", re.IGNORECASE)
_DIGIT = lazy_pattern(r"\d")
_SENTENCE_END = lazy_pattern("[.!?。．！？｡][\"'”’»)\\]）」』]*$")
_SEPARATOR_END = lazy_pattern("[;；,，、]$")
_NOUN = lazy_pattern("(?:こと|もの|場合|とき|時)[。．]?$")
_PREDICATE = lazy_pattern("(?:です|ます|ません|でした|ました|ください|である|だ|ない|する|できる|られる)$")


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement: `text` in plain words, and `quote`, the spec's characters from `start` to `end`."""

    text: str
    quote: str
    start: int
    end: int
    heading: str  # the headings above it, joined with `SEPARATOR`


def split_statements(markdown: str) -> list[Statement]:
    """The statements of a spec, in order: its sentences, list items and table rows. Their spans do not overlap.

    Code, HTML blocks, front matter and headings are left out, and so is a title that has no mark of a heading. The sentence that announces a list (its lead-in) is
    prepended to items that are no sentences. It is a statement itself where it has a figure (“There are three
    fouls:”), or where no item repeats it and it does more than announce the list.
    """
    blocks, references = markdown_blocks.read_blocks(markdown)
    reader = _StatementReader(markdown, references)
    for block in _mark_title(list(blocks)):
        reader.read(block)
    return [statement for statement in reader.found if statement is not None]


@dataclass(slots=True)
class _LeadIn:
    """A sentence that announces a list, and its index among the statements."""

    number: int
    text: str
    own: str  # the text without the lead-in before it
    is_used: bool = False  # whether it was prepended to an item


@dataclass(slots=True)
class _StatementReader:
    markdown: str
    references: Collection[str]
    found: list[Statement | None] = field(default_factory=list)
    headings: list[tuple[int, str]] = field(default_factory=list)
    heading: str = ""
    lead_ins: list[_LeadIn | None] = field(default_factory=list)  # of the lists and tables that are open
    last: _LeadIn | None = None  # the last sentence of the block before, where it may announce a list

    def read(self, block: markdown_blocks.Block) -> None:
        """Append the statements of the next block to `found`."""
        last, self.last = self.last, None
        match block:
            case Heading(level, raw):
                self._enter_heading(level, raw)
            case Paragraph(passage, begins_item):
                self._add_sentences(passage, self.lead_ins[-1] if begins_item and self.lead_ins else None, begins_item)
            case TableRow():
                self._add_row(block)
            case ContainerStart():
                self.lead_ins.append(last)
            case ContainerEnd():
                self._end_list(self.lead_ins.pop())

    def _enter_heading(self, level: int, raw: str) -> None:
        while self.headings and self.headings[-1][0] >= level:
            self.headings.pop()
        self.headings.append((level, self._plain(raw[:MAX_HEADING_CHARACTERS])))
        self.heading = SEPARATOR.join(text for _, text in self.headings if text)

    def _plain(self, raw: str) -> str:
        return Prose(raw, self.references).text()

    def _add(self, text: str, start: int, end: int) -> None:
        if any(map(str.isalnum, text)):
            self.found.append(Statement(text, self.markdown[start:end], start, end, self.heading))

    def _add_sentences(self, passage: BlockText, lead_in: _LeadIn | None, begins_item: bool) -> None:
        prose = Prose(passage.raw, self.references)
        parts = [(prose.text(start, end), start, end) for start, end in sentences.find_sentence_spans(prose.shadow)]
        before = len(self.found)
        for own, start, end in parts:
            text = own
            if lead_in and len(parts) == 1 and _is_fragment(own):
                lead_in.is_used = True
                text = _prepend_lead_in(lead_in.text, own)
            self._add(text, passage.place(start), passage.place(end - 1) + 1)
        if len(self.found) > before and _announces_list(own, begins_item) and len(text) <= MAX_LEAD_IN_CHARACTERS:
            self.last = _LeadIn(len(self.found) - 1, text, own)

    def _add_row(self, row: TableRow) -> None:
        header = [self._plain(raw[:MAX_HEADER_CHARACTERS]) for raw in row.header]
        cells = [self._plain(raw) for raw in row.cells]
        wide = any(map(is_cjk, header + cells))
        colon, comma = ("：", "、") if wide else (": ", "; ")
        pairs = [(name, cell) for name, cell in zip(header, cells, strict=False) if cell]
        self._add(comma.join(f"{name}{colon}{cell}" if name else cell for name, cell in pairs), row.start, row.end)

    def _end_list(self, lead_in: _LeadIn | None) -> None:
        """Drop a lead-in that adds nothing to its items: one without a figure."""
        if lead_in is None or _DIGIT.search(normalise.normalise(_PICKS.sub("", lead_in.own))):
            return
        says = (
            len(lead_in.own) >= MIN_JAPANESE_CHARACTERS
            if is_cjk(lead_in.own)
            else len(lead_in.own.split()) >= MIN_WORDS
        )
        if lead_in.is_used or not says or _ANNOUNCES.search(lead_in.own):
            self.found[lead_in.number] = None


def _mark_title(blocks: list[markdown_blocks.Block]) -> list[markdown_blocks.Block]:
    """The blocks; a title in plain text is a heading: a short first line that ends as no sentence, where the next one does."""
    match blocks:
        case [Paragraph(first, False), Paragraph(second, False), *_]:
            title = first.raw.strip()
            is_line = "\n" not in title and len(title) <= MAX_TITLE_CHARACTERS
            ends = _SENTENCE_END.search(title) or _SEPARATOR_END.search(title) or title.endswith((":", "："))
            if is_line and not ends and not _PREDICATE.search(title) and _SENTENCE_END.search(second.raw.strip()):
                return [Heading(1, first.raw), *blocks[1:]]
    return blocks


def _announces_list(text: str, begins_item: bool) -> bool:
    """Whether a sentence directly before a list announces the list."""
    return (
        text.endswith((":", "：")) or bool(_ANNOUNCES.search(text)) or (begins_item and not _SENTENCE_END.search(text))
    )


def _prepend_lead_in(lead_in: str, text: str) -> str:
    colon = "：" if is_cjk(lead_in) else ": "
    return f"{lead_in.rstrip(' :：。．.')}{colon}{_SEPARATOR_END.sub('', text)}"


def _is_fragment(text: str) -> bool:
    """Whether a list item is no sentence of its own: “pushing an opponent”, 「相手を押すこと」."""
    if is_cjk(text):
        return bool(_NOUN.search(text)) or not (_SENTENCE_END.search(text) or _PREDICATE.search(text))
    return text[:1].islower() or not _SENTENCE_END.search(text)
