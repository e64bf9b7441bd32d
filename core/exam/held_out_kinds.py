"""Which kinds of questions the exam asks: one question for each fact, and some of the other kinds over the page.

The others are questions of two facts at once, questions that the page does not answer, and questions whose premise is
false. One in five facts is enough: they tell what a model does with such a question, and not whether it knows a fact.
"""

from collections.abc import Iterator, Sequence
from typing import TypeVar

from core.exam import graders, key_points
from core.exam.graders import PlainQuestion
from core.lazy_loading import lazy_pattern
from core.text import sentences

FACT_KINDS = ("reworded", "direct", "applied", "reverse")  # what a fact is asked with, the best first
PAGE_KINDS = ("combined", "not_stated", "false_premise")  # of each of these some questions over the page
FACTS_PER_QUESTION = 5  # for so many facts one question of each of `PAGE_KINDS`
MIN_TRAINED_PER_HELD = 2  # rows of one of `PAGE_KINDS` that are trained on for each that the exam asks
_JAPANESE = lazy_pattern("[\u3041-\u30ff]")
_WRONG_VERDICTS = ("Yes.", "はい。")
_NUMBER = lazy_pattern(r"\d+(?:[.,]\d+)*")
_NUMBER_OR_TEXT = lazy_pattern(rf"({_NUMBER.pattern})")

T = TypeVar("T")


def count_wanted(facts: int) -> int:
    """How many questions of each of `PAGE_KINDS` the exam of a page with `facts` facts asks."""
    return -(-facts // FACTS_PER_QUESTION)


def spread(things: Sequence[T], count: int) -> list[T]:
    """`count` of the things, at most all, at even distances."""
    count = min(count, len(things))
    return [things[place * len(things) // count] for place in range(count)]


def can_be_marked(question: str, answer: str, points: str, kind: str) -> bool:
    """Whether the key points tell right from wrong: `answer` passes, and what a model often says instead does not.

    That is: yes, the question repeated after a yes, one half of an answer about two facts, the answer with the figure of
    a false premise. For the kind `not_stated` the grader needs no points.
    """
    asked = PlainQuestion(question, answer, points, kind)
    if not all(graders.by_key_points(text, asked).passed for text in _list_right_answers(answer, kind)):
        return False
    if kind != "not_stated" and all(one.is_met for one in key_points.judge_points(question, points, question, answer)):
        return False  # words that the question gives
    if kind == "combined" and len(sentences.find_sentence_spans(answer)) < 2:
        return False  # a half of it cannot be told from the whole
    return not any(graders.by_key_points(text, asked).passed for text in _list_wrong_answers(question, answer, kind))


def _list_right_answers(answer: str, kind: str) -> Iterator[str]:
    yield answer
    if kind == "false_premise":
        yield f"いいえ、{answer}" if _JAPANESE.search(answer) else f"No. {answer}"


def _list_wrong_answers(question: str, answer: str, kind: str) -> Iterator[str]:
    for verdict in _WRONG_VERDICTS:
        yield verdict
        yield f"{verdict} {question}"
    spans = sentences.find_sentence_spans(answer)
    if kind == "combined":
        yield from (answer[: spans[-1][0]], answer[spans[0][1] :])
    if kind == "false_premise":
        yield from _alter_figures(key_points.normalise_wording(question), key_points.normalise_wording(answer))


def _alter_figures(question: str, answer: str) -> Iterator[str]:
    """The answer with each figure of the question that it denies in the place of its own ones."""
    asked, told = ({*_NUMBER.findall(text)} for text in (question, answer))
    for number in asked - told:
        altered = (number if part in told - asked else part for part in _NUMBER_OR_TEXT.split(answer))
        yield "".join(altered)
