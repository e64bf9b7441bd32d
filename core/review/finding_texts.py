"""The sentence that a person reads for each finding of the dataset check."""

import json
from collections.abc import Callable

from core.language import tr, trn
from core.text import contradicting_answers, grounding_texts
from core.text.grounding import Doubt

MODERATED = "moderated"


def format_finding(rule: str, detail: str) -> str:
    """The stored detail of a finding as a sentence, translated when it is read: the language may have changed."""
    format_detail = MESSAGES.get(rule)
    return format_detail(detail) if format_detail else tr("Found: {words}", words=detail)


def _format_near_duplicate(detail: str) -> str:
    return tr("Nearly the same question as row {row}.", row=detail) if detail else tr("Other rows ask nearly the same.")


def _format_leak(detail: str) -> str:
    if not detail:
        return tr("A question of the exam or the validation asks the same.")
    row, percent = detail.split()
    if percent == "100":
        return tr("Row {row}, which is used for training, asks the same.", row=row)
    return tr("Row {row}, which is used for training, asks nearly the same ({percent} %).", row=row, percent=percent)


def _format_contradiction(detail: str) -> str:
    row, reason = detail.split()
    if reason == contradicting_answers.DIFFERENT_FIGURES:
        return tr("Row {row} answers the same question with different figures.", row=row)
    if reason == contradicting_answers.YES_NO:
        return tr("This row and row {row} disagree: one says yes, the other no.", row=row)
    if reason == contradicting_answers.NOT_STATED:
        return tr("This row and row {row} disagree: one says that the text does not say it.", row=row)
    return tr("Row {row} gives another answer to the same question.", row=row)


def _format_imbalance(detail: str) -> str:
    fact, count, middle = detail.split()
    return tr("{fact} has {count} rows, where most facts have about {middle}.", fact=fact, count=count, middle=middle)


def _format_ungrounded(detail: str) -> str:
    why, words, *more = json.loads(detail)
    stated, passage, guess = more or ("", "", 0.0)
    sentences = [grounding_texts.format_doubt(Doubt(why, words, stated, passage))]
    if passage and not stated:
        sentences.append(tr("The text says: “{passage}”", passage=passage))
    if guess:
        sentences.append(tr("That the row is about this is a guess ({percent}).", percent=f"{guess:.0%}"))
    return " ".join(sentences)


def _format_alike_answers(detail: str) -> str:
    count, total = detail.split()
    return tr("{count} of {total} rows have the same answer.", count=count, total=total)


def _format_alike_questions(detail: str) -> str:
    count, total = detail.split()
    return tr("{count} of {total} rows ask the same question.", count=count, total=total)


MESSAGES: dict[str, Callable[[str], str]] = {
    "duplicate-row": lambda row: tr("The same as row {row}.", row=row),
    "same-contents": lambda row: tr("The same as row {row}, with other order of keys, blanks or escapes.", row=row),
    "answers-alike": _format_alike_answers,
    "questions-alike": _format_alike_questions,
    "near-duplicate": _format_near_duplicate,
    "split-leakage": _format_leak,
    "answers-contradict": _format_contradiction,
    "answer-admits-unknown": lambda words: tr(
        "The answer says: “{words}”. Where that is right, set the row's kind to “{kind}”.",
        words=words,
        kind=tr("not stated"),
    ),
    "ungrounded": _format_ungrounded,
    "system-prompt-differs": lambda _none: tr("The row has different instructions."),
    "too-few-rows": lambda n: trn(
        "{n} row is used for training; at least 10 are needed.",
        "{n} rows are used for training; at least 10 are needed.",
        int(n),
    ),
    "few-rows": lambda n: trn(
        "{n} row is used for training; 50 to 100 are recommended.",
        "{n} rows are used for training; 50 to 100 are recommended.",
        int(n),
    ),
    "fact-unbalanced": _format_imbalance,
    MODERATED: lambda names: tr("The server's moderation flags it: {categories}.", categories=names.replace(",", ", ")),
}
