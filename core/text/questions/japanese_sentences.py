"""What a Japanese sentence is read into: clauses with phrases, their particles and a predicate."""

from __future__ import annotations

from dataclasses import dataclass

from core.text.questions.japanese_predicates import Predicate
from core.text.questions.japanese_words import Word


@dataclass(frozen=True, slots=True)
class Phrase:
    """Words with their particle, from the character `start` to `end`; `head` is the last noun.

    `words` are all without the particle. `relative` is the clause that describes the noun, where one does.
    """

    start: int
    end: int
    words: tuple[Word, ...]
    particle: str
    head: Word
    relative: Clause | None = None
    is_adverb: bool = False

    @property
    def noun_end(self) -> int:
        """Where the particle begins."""
        return self.words[-1].end


@dataclass(frozen=True, slots=True)
class Clause:
    """Phrases and their predicate; `link` says how the next clause is joined: and, if, even, because, but, after, …"""

    phrases: tuple[Phrase, ...]
    predicate: Predicate
    link: str
    start: int
    end: int  # with what joins it to the next clause
    is_open: bool = False  # joined by て without a comma: it may belong to a clause that describes a noun


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence, without the mark at its end, and its clauses; at least one."""

    text: str
    clauses: tuple[Clause, ...]

    def cut(self, start: int, end: int) -> str:
        """The text from `start` to `end` without commas at its ends."""
        return self.text[start:end].strip("、, 　")
