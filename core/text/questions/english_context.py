"""Makes the statements of an English page self-contained: what “It”, a label or a heading leaves open is filled in."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from core.lazy_loading import lazy_pattern
from core.text.questions import english_plain_parser
from core.text.questions.english_clauses import Clause
from core.text.questions.english_sentences import Reader, read_sentences
from core.text.questions.english_words import STOP
from core.text.questions.rows import Page, PageFact

MAX_LABEL_WORDS = 6
_ROW = lazy_pattern(r"^[^:;]{1,60}: [^;]+(?:; [^;]{1,80}: [^;]+)+$")
_INLINE = lazy_pattern(r"^(?P<label>[^:.!?;,]{2,60}): (?P<rest>.+)$")
_OPEN = lazy_pattern(
    r"^(?:it|they|this|that|these|those|both|either|neither|he|she|if it|if they|if that|the same|otherwise|one of them|instead|then"
    r"|after that|before that|however|but|so|an? \w+ one|the \w+ one|here|also|that way|in that case|in this case)\b(?! of\b)",
    re.IGNORECASE,
)
_OPEN_OBJECT = lazy_pattern(r"\b(?:it|them)\b", re.IGNORECASE)
_FINITE = lazy_pattern(
    r"\b(?:is|are|was|were|has|have|had|can|cannot|may|must|should|will|does|do|did|costs?|lasts?|takes?|needs?|gets?|goes|comes?|makes?)\b"
)
_DEFINITION = lazy_pattern(
    r"^(?:an?|the|one|our|your|their|to|what|where|when|how|who|any|every|each|some|two|three|half)\b", re.IGNORECASE
)


@dataclass(slots=True)
class Told:
    """A statement that stands alone. `answer` is what a row answers; `names` are the facts that it states.

    `label` is what the statement is about where the page writes that before it (“Rowing boat: …”), and `rest` the
    statement without it. `term` and `meaning` are those of a definition, `cells` those of a table's row.
    """

    fact: PageFact
    answer: str
    names: tuple[str, ...]
    rest: str
    label: str = ""
    term: str = ""
    meaning: str = ""
    cells: list[tuple[str, str]] = field(default_factory=list)
    clauses: list[Clause] = field(default_factory=list)


def tell(page: Page, reader: Reader, names: set[str], people: Sequence[str]) -> list[Told]:
    """The page's statements in order, those left out that are labels of others."""
    teller = _Teller(page, reader, names, people)
    return [told for at in range(len(page.facts)) if (told := teller.tell(at)) is not None]


class _Teller:
    """Goes through a page and keeps what the statements before said."""

    def __init__(self, page: Page, reader: Reader, names: set[str], people: Sequence[str]) -> None:
        self._facts = page.facts
        self._reader, self._names, self._people = reader, names, people
        self._label = ""  # the label that the statements after it belong to
        self._term = ""  # and how a sentence names it: “a tammet”
        self._label_fact = ""
        self._label_block = 0  # the paragraph or list item that it tells about
        self._before: Told | None = None
        self._has_labels = sum(self._looks_like_label(fact.text) for fact in self._facts) >= 3

    def tell(self, at: int) -> Told | None:
        """The statement at a place."""
        fact = self._facts[at]
        first = at == 0 or self._facts[at - 1].headings != fact.headings
        if first:
            self._label = self._term = ""
            self._before = None
        if fact.block != self._label_block:  # what stands behind, such as a quotation, is about something else
            self._label = self._term = ""
        if self._is_label(at):
            self._label, self._term, self._label_fact = fact.text.rstrip(" .:"), "", fact.name
            self._label_block = self._facts[at + 1].block
            self._before = None
            return None
        told = self._read(fact, first)
        told.clauses = self._clauses(told)
        self._before = told
        return told

    def _clauses(self, told: Told) -> list[Clause]:
        if told.cells or told.term:
            return []
        earlier = self._before.clauses if self._before and len(told.names) > 1 else []
        found = read_sentences(told.rest, self._reader, self._names, self._people, earlier)
        # A noun and a verb that the parser took for two nouns: the closed list of verbs knows better.
        return found or read_sentences(told.rest, english_plain_parser, self._names, self._people, earlier)

    def _looks_like_label(self, text: str) -> bool:
        plain = text.rstrip(" .:")
        return (
            len(plain.split()) <= 4 and not re.search(r"\d", plain) and not _FINITE.search(plain) and text.endswith(".")
        )

    def _is_label(self, at: int) -> bool:
        text = self._facts[at].text
        follows = at + 1 < len(self._facts) and self._facts[at + 1].headings == self._facts[at].headings
        if (
            not follows
            or not self._looks_like_label(text)
            or text.lower().startswith(("our ", "your ", "a ", "an ", "one "))
        ):
            return False
        behind = self._facts[at + 1].text
        defines = (bool(_DEFINITION.match(behind)) and not self._reader.stands_alone(behind)) or bool(
            re.match(r"(?:It|They) ", behind)
        )
        # A short request in a list (“Wash your hands.”) is a label of nothing that stands behind the item.
        return defines or (self._has_labels and self._facts[at].block == self._facts[at + 1].block)

    def _read(self, fact: PageFact, first: bool) -> Told:
        text = fact.text.strip()
        if _ROW.match(text):
            cells = [
                (name.strip(), value.strip()) for name, _, value in (cell.partition(": ") for cell in text.split("; "))
            ]
            return Told(fact, text, (fact.name,), text, cells=cells)
        if self._label:
            return self._read_labelled(fact, text)
        if (
            (match := _INLINE.match(text))
            and len(match["label"].split()) <= MAX_LABEL_WORDS
            and not _FINITE.search(match["label"])
        ):
            return Told(fact, text, (fact.name,), match["rest"], label=match["label"])
        if self._is_open(text):
            return self._fill(fact, text, first)
        return Told(fact, text, (fact.name,), text)

    def _read_labelled(self, fact: PageFact, text: str) -> Told:
        """A statement under a label of its own: a definition, or what is told about the term."""
        names = (self._label_fact, fact.name)
        is_meaning = re.match(r"(?:an?|one|our|to|what) ", text, re.IGNORECASE) and not self._is_named(text)
        if not self._term and (is_meaning or (_DEFINITION.match(text) and not self._reader.stands_alone(text))):
            self._term = _name_term(self._label, text)
            link = "means" if self._label.startswith("To ") and not text.startswith("To ") else "is"
            link = (
                "are" if self._label.endswith("s") and not re.match(r"(?:an?|one|the)\b", text, re.IGNORECASE) else link
            )
            meaning = text[0].lower() + text[1:] if text.split()[0].lower() in STOP else text
            answer = f"{self._term[0].upper()}{self._term[1:]} {link} {meaning}"
            return Told(fact, answer, names, answer, term=self._label, meaning=meaning.rstrip("."))
        term = self._term or self._label
        filled = re.sub(r"^(?:It|They)\b", _capital(term), text)
        filled = re.sub(r"^((?:An?|The) \w+ of|There (?:is|are) (?:\w+ ){0,3}for) it\b", rf"\1 {term}", filled)
        if self._is_named(filled):
            return Told(fact, filled, (fact.name,), filled)
        return Told(fact, f"{self._label}: {text}", (fact.name,), text, label=self._label)

    def _is_named(self, text: str) -> bool:
        """Whether a text has a word of the label, in any form."""
        words = [word for word in re.findall(r"[a-z]+", self._label.lower()) if word not in STOP]
        return any(word[: max(3, len(word) - 1)] in text.lower() for word in words)

    def _is_open(self, text: str) -> bool:
        """Whether a statement needs another one to be understood."""
        if _OPEN.match(text) and not re.match(r"(?:It|This|That) (?:is|was|takes?) \w+ (?:to|that)\b", text):
            return True
        words = text.rstrip(".").split()
        pronoun = next((at for at, word in enumerate(words) if _OPEN_OBJECT.fullmatch(word.strip(",;"))), -1)
        is_request = bool(re.match(r"(?:do not|don't|never|please|always) ", text, re.IGNORECASE))
        return pronoun >= 0 and ((pronoun <= 3 and is_request) or (pronoun == len(words) - 1 and len(words) <= 6))

    def _fill(self, fact: PageFact, text: str, first: bool) -> Told:
        """A statement with what it leaves open: its subject from before, or from its heading, else the one before it."""
        pronoun = re.match(r"(It|They) (?!is (?:\w+ )?(?:to|that)\b)", text)
        subject = self._subject_before(pronoun[1]) if pronoun else ""
        heading = fact.headings[-1] if first and pronoun and fact.headings else ""
        if not subject and heading and _is_noun_phrase(heading, pronoun[1] if pronoun else ""):
            subject = heading
        if subject and pronoun:
            filled = f"{_capital(subject)} {text[pronoun.end() :]}"
            return Told(fact, filled, (fact.name,), filled)
        every = re.match(r"(?:both|either|neither|all) ", text, re.IGNORECASE) and fact.headings
        if every and _is_noun_phrase(fact.headings[-1], "They"):
            return Told(fact, f"{fact.headings[-1]}: {text}", (fact.name,), text, label=fact.headings[-1])
        if self._before is not None:
            return Told(fact, f"{self._before.answer} {text}", (*self._before.names, fact.name)[-3:], text)
        if heading := fact.headings[-1].split(":")[0] if fact.headings else "":
            return Told(fact, f"{heading}: {text}", (fact.name,), text, label=heading)
        return Told(fact, text, (fact.name,), text)

    def _subject_before(self, pronoun: str) -> str:
        clauses = [one for one in self._before.clauses if one.is_main] if self._before else []
        if len({one.subject for one in clauses}) != 1 or len(self._before.names if self._before else ()) > 1:
            return ""
        first = clauses[0]
        fits = first.is_plural == (pronoun == "They") and first.subject.lower() not in (
            "we",
            "you",
            "i",
            "there",
            "nobody",
        )
        short = 0 < len(first.subject.split()) <= 5 and not re.search(r"\b(?:no|every|each|who|that)\b", first.subject)
        return first.subject if fits and short else ""


def _name_term(label: str, meaning: str) -> str:
    """How a sentence names a term: “a tammet”, “the Aunt”, “pellow”, “to mellin”."""
    if label.startswith(("To ", "The ", "A ", "An ")):
        return label if label.startswith("The ") else label[0].lower() + label[1:]
    small = label[0].lower() + label[1:] if not re.search(r"[A-Z]", label[1:]) else label
    article = re.match(r"(?:a|an|one|the|any)\b (?!kind|sort|type|mixture|piece)", meaning, re.IGNORECASE)
    if not article or label.endswith("s") or (" " in label and small == label):
        return small
    return f"a{'n' if small[0] in 'aeiou' else ''} {small}"


def _is_noun_phrase(heading: str, pronoun: str) -> bool:
    """Whether a heading can be the subject of a sentence, and of the number of the pronoun."""
    words = heading.split()
    plural = words[-1].endswith("s") and not words[-1].endswith("ss")
    joined = re.search(r"[:,;?!&]|\b(?:and|or|how|what|when|why)\b", heading, re.IGNORECASE)
    gerund = words[0].lower().endswith("ing")
    return len(words) <= 4 and not joined and not gerund and plural == (pronoun == "They")


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
