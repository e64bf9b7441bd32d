"""What a row is trained to answer: the heading, and the whole passage of the fact that its question asks for.

“Parking is free with it.” means nothing to who has not read the sentence before, and a small model that finds the right
item of a page often takes the wrong sentence of it. So what stands together in a short paragraph or list item is
recited together. The heading comes first, since its words are nearer to those of a question than how a sentence begins:
a model that was asked about a fever finds “Illness” more easily than “When you …”. Figures are in docs/teaching.md.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from core.text.questions.rows import Page, QuestionRow
from core.text.recited_headings import MARKS

MAX_WORDS, MAX_CHARACTERS = 40, 80  # of a passage: words, or characters of Japanese
MAX_PASSAGES = 2  # lengths of a passage that an answer may have
MAX_HEADING_CHARACTERS = 60  # of a heading that is recited
_WHOLE = ("statement", "not_stated")  # kinds of rows that keep their answers
_BARE = ("masked", "shuffled")  # forms of rows that are about sentences: their answers have no heading


@dataclass(frozen=True, slots=True)
class Passage:
    """The text of a passage, and the names of the facts that it states."""

    text: str
    facts: tuple[str, ...]


class Passages:
    """The passages and headings of a page. `stated`: by its name, each fact as a sentence that stands alone."""

    def __init__(self, page: Page, stated: Mapping[str, str], language: str) -> None:
        self._stated, self._is_japanese = stated, language == "ja"
        self._texts = {fact.name: fact.text.strip() for fact in page.facts}
        self._headings = _find_headings(page)
        self._passages = {name: passage for passage in self._read(page) for name in passage.facts}

    def recite(self, name: str) -> Passage:
        """The passage of a fact after its heading; the fact asked for is the first one. Raises `KeyError`."""
        passage = self._passages.get(name) or Passage(self._stated[name], (name,))
        text = self._put_heading(passage.text, name)
        return Passage(text, (name, *(other for other in passage.facts if other != name)))

    def widen(self, rows: Iterable[QuestionRow]) -> Iterator[QuestionRow]:
        """The rows with what they are trained to answer, where this is more than what they ask for."""
        for row in rows:
            text, names = row.answer, row.facts
            if row.kind not in _WHOLE:
                text, names = self._recite_all(row)
            if row.kind != "not_stated" and row.form not in _BARE:
                text = self._put_heading(text, row.facts[0])
            yield row if text == row.answer else replace(row, recited=text, recited_facts=names)

    def _read(self, page: Page) -> Iterator[Passage]:
        blocks: dict[int, list[str]] = defaultdict(list)
        for fact in page.facts:
            if fact.block and fact.name in self._stated:
                blocks[fact.block].append(fact.name)
        for names in blocks.values():
            for group in self._group(names):
                if len(group) > 1:
                    yield Passage(self._join(group), tuple(group))

    def _group(self, names: Sequence[str]) -> Iterator[list[str]]:
        """The facts of a block: all of a short one, else those that cannot be understood without the one before."""
        if self._fits(self._join(names)):
            yield [*names]
            return
        group: list[str] = []
        for name in names:
            follows = bool(group) and self._stated[name].startswith(self._stated[group[-1]])
            if group and not (follows and self._fits(self._join([*group, name]))):
                yield group
                group = []
            group.append(name)
        yield group

    def _join(self, names: Sequence[str]) -> str:
        whole = ""
        for name in names:
            stated, own = self._stated[name], self._texts[name]
            if not whole or stated.startswith(whole):
                whole = stated
            else:  # behind its own sentence “It …” needs no name
                whole += self._space + (own if stated.endswith(own) else stated)
        return whole

    def _recite_all(self, row: QuestionRow) -> tuple[str, tuple[str, ...]]:
        """A row's answer with the passages of its facts, and the facts that it then states; unchanged if it gets too long."""
        text, names = row.answer, dict.fromkeys(row.facts)
        # The longest first: the statement of one fact can begin with that of the one before.
        for name in sorted(row.facts, key=lambda one: -len(self._stated.get(one, ""))):
            passage, own = self._passages.get(name), self._stated.get(name, "")
            place = passage and (_find_whole(passage.text, text) or _find_whole(own, text))
            if passage is None or not place:
                continue
            parts = [text[: place.start()], passage.text, text[place.end() :]]
            for number in (0, 2):  # what the passage says is not said again
                for other in passage.facts:
                    said = _find_whole(self._stated[other], parts[number])
                    cut = parts[number][: said.start()] + parts[number][said.end() :] if said else parts[number]
                    parts[number] = cut.strip()
            text = self._space.join(filter(None, parts))
            names |= dict.fromkeys(passage.facts)
        if text == row.answer or not self._fits(text, MAX_PASSAGES):
            return row.answer, row.facts
        return text, tuple(names)

    def _put_heading(self, text: str, name: str) -> str:
        heading = self._headings.get(name, "")
        if not heading or text.casefold().startswith(heading.casefold()):
            return text
        if heading.endswith(("?", "!", "？", "！")):
            return f"{heading}{self._space}{text}"
        return f"{heading}：{text}" if self._is_japanese else f"{heading}: {text}"

    @property
    def _space(self) -> str:
        return "" if self._is_japanese else " "

    def _fits(self, text: str, passages: int = 1) -> bool:
        length, most = (len(text), MAX_CHARACTERS) if self._is_japanese else (len(text.split()), MAX_WORDS)
        return length <= passages * most


def _find_whole(words: str, text: str) -> re.Match[str] | None:
    """Where these words stand in a text, not within a longer word: “Tea” is not in “Teams”."""
    before = r"(?<![A-Za-z0-9])" if words[:1].isascii() and words[:1].isalnum() else ""
    after = r"(?![A-Za-z0-9])" if words[-1:].isascii() and words[-1:].isalnum() else ""
    return re.search(before + re.escape(words) + after, text) if words else None


def _find_headings(page: Page) -> dict[str, str]:
    """By the fact's name, the heading that it stands under. The title of the page, which all share, is none."""
    tops = {fact.headings[:1] for fact in page.facts}
    title = tops.pop() if len(tops) == 1 else ()
    found = {fact.name: fact.headings[-1].strip(MARKS) for fact in page.facts if fact.headings[len(title) :]}
    return {name: heading for name, heading in found.items() if len(heading) <= MAX_HEADING_CHARACTERS}
