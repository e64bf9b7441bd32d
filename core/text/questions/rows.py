"""What is made from a page's statements: rows, each with the statements that it teaches."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

SOURCE = "offline"  # the source of rows made without a model
KEYWORDS = "keywords"  # the form of rows that ask with words of the fact alone, as nobody would in an exam


@dataclass(frozen=True, slots=True)
class PageFact:
    """A fact of a page: its name, its sentence, and the headings above it from the outer to the inner one.

    `block` is the number of the paragraph or list item that it stands in, 0 where that is not known.
    """

    name: str
    text: str
    headings: tuple[str, ...] = ()
    block: int = 0


@dataclass(frozen=True, slots=True)
class QuestionRow:
    """A question with its answer.

    `kind` is a kind of example (core/dataset/examples.py): direct, reworded, reverse, applied, combined, statement,
    not_stated, false_premise. `facts` are the names of the facts that the answer states; for a question that the page
    does not answer, that of the fact whose subject it asks about. `form` names what made it ("who", "how_many",
    "keywords", "masked"), so that a person can keep or delete all rows of one form.

    `answer` says no more than what is asked for, as an exam expects it. `recited` is what a training row answers where
    that is more, and `recited_facts` are those that it states (see shared_passages.py).
    """

    question: str
    answer: str
    kind: str
    facts: tuple[str, ...]
    form: str
    recited: str = ""
    recited_facts: tuple[str, ...] = ()

    @property
    def trained_answer(self) -> str:
        """What a model is trained to answer."""
        return self.recited or self.answer

    @property
    def trained_facts(self) -> tuple[str, ...]:
        """The facts that it then states; the one asked for is the first."""
        return self.recited_facts or self.facts


@dataclass(frozen=True, slots=True)
class Page:
    """All facts of a page in their order. `subject` is what the page is about, as its title says.

    `elsewhere` are the passages of the text that no fact states word for word, each under its headings, with the name of
    the fact that stands on it or ''. No row teaches them, but what they say is no open question.
    """

    subject: str
    facts: Sequence[PageFact]
    elsewhere: Sequence[PageFact] = ()


def drop_ambiguous(rows: Iterable[QuestionRow], find_key: Callable[[str], str]) -> list[QuestionRow]:
    """The rows without questions that have several answers; `find_key` gives the same for questions that are the same."""
    answers: dict[str, set[str]] = {}
    keyed = [(find_key(row.question), row) for row in rows]
    for key, row in keyed:
        answers.setdefault(key, set()).add(row.answer)
    return [row for key, row in keyed if len(answers[key]) == 1]
