"""The graders. Each marks one answer to one question: a function, and a line in `GRADERS`."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import regex

from core.exam import key_points as exam_key_points
from core.exam import point_making
from core.exam.key_points import JudgedPoint
from core.language import tr
from core.lazy_loading import lazy_pattern
from core.text import clauses, grounding, grounding_texts, negation, quantities
from core.text.normalise import normalise

MAX_PATTERN_SECONDS = 0.5  # a pattern may take for one answer
MAX_PATTERN_CHARACTERS = 2000
MIN_STATEMENT_WORDS = 3  # content words of a reference that states something

_CONTRADICTIONS = (grounding.SWAPPED_FIGURE, grounding.NEGATION_DIFFERS, grounding.OPPOSITE_WORD, grounding.ONLY_LOST)
_YES = lazy_pattern(
    r"\s*(?:yes|yeah|yep|sure|of course|certainly|absolutely|definitely|はい|ええ|もちろん)(?![a-z])", re.IGNORECASE
)
_NO = lazy_pattern(r"\s*(?:no|nope|いいえ|いや)(?![a-z])", re.IGNORECASE)
# After the admission: what then is answered all the same, unless it only advises or says what else is told.
_CONTRAST = lazy_pattern(
    r"\b(?:but|however|though|although|nevertheless|instead)\b|(?:ません|ない|です|ます)が|けれど|けど|しかし|ただし|ただ、",
    re.IGNORECASE,
)
_ADVICE = lazy_pattern(
    r"\b(?:you (?:can|may|could|should|might)|please|contact|check|ask|consult|only|just|would|if|recommend|sorry)\b"
    r"|確認|問い合わせ|だけ|のみ|ください|思われ|かもしれ|推測",
    re.IGNORECASE,
)


class GradedQuestion(Protocol):
    """What a grader reads of a question; `key_points` as `grading.parse` reads them."""

    @property
    def question(self) -> str: ...
    @property
    def reference(self) -> str: ...
    @property
    def key_points(self) -> str: ...
    @property
    def kind(self) -> str: ...


@dataclass(frozen=True, slots=True)
class PlainQuestion:
    """A question that is marked outside an exam, as an exam would mark it."""

    question: str
    reference: str
    key_points: str
    kind: str = ""


@dataclass(frozen=True, slots=True)
class GraderMark:
    """A grader's mark of an answer: `score` is 0 to 1, None (as `passed`) where it could not mark; `reason` is in words."""

    score: float | None
    passed: bool | None
    reason: str = ""
    found: tuple[str, ...] = ()
    missed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Grader:
    """`title` is what the screen calls it; `grade` marks an answer to a question."""

    title: Callable[[], str]
    grade: Callable[[str, GradedQuestion], GraderMark]


def by_key_points(answer: str, question: GradedQuestion) -> GraderMark:
    """Whether the answer makes every key point (without any: the reference's figures and terms) and does not contradict the reference.

    A question of the kind `not_stated` is passed by an answer that only says that the text does not state it.
    """
    if question.kind == "not_stated":
        return _grade_admission(answer, question)
    if not answer.strip():
        return _fail(tr("The answer is empty."))
    if _repeats(answer, question.question):
        return _fail(tr("The answer only repeats the question."))
    wanted = _usable_key_points(question) or point_making.suggest_points(
        question.reference, question.reference, question.question, question.kind
    )
    judged = exam_key_points.judge_points(answer, wanted or question.reference, question.question, question.reference)
    if not judged:
        return GraderMark(None, None, tr("The question has neither key points nor a reference answer."))
    if evasion := _grade_evasion(answer, judged):
        return evasion
    met = sum(point.is_met for point in judged)
    against = _find_contradiction(answer, question)
    found = tuple(point.text for point in judged if point.is_met)
    missed = tuple(point.text for point in judged if not point.is_met)
    reason = "\n".join(filter(None, (_format_met_points(judged), against or _format_unmet_points(judged))))
    return GraderMark(met / (len(judged) + bool(against)), not missed and not against, reason, found, missed)


def _repeats(answer: str, question: str) -> bool:
    """Whether an answer is the question over and over, and nothing else."""
    said, asked = map(exam_key_points.normalise_wording, (answer, question))
    return bool(said and asked) and not said.replace(asked, "").strip()


def by_reference(answer: str, question: GradedQuestion) -> GraderMark:
    """Whether the answer is the reference, or the only key point, but for width, case, punctuation and how numbers are written."""
    wanted = [
        question.reference,
        *(question.key_points.split("|") if not re.search("[;\n]", question.key_points) else ()),
    ]
    answer_text = exam_key_points.normalise_wording(answer)
    passed = bool(answer_text) and any(answer_text == exam_key_points.normalise_wording(text) for text in wanted)
    return GraderMark(1.0, True) if passed else _fail(tr("The answer is not the reference word for word."))


def by_mention(answer: str, question: GradedQuestion) -> GraderMark:
    """Whether each key point (without any: the reference) occurs in the answer, affirmed or denied."""
    found = exam_key_points.find_points(answer, _usable_key_points(question) or question.reference)
    if not found:
        return GraderMark(None, None, tr("The question has neither key points nor a reference answer."))
    if evasion := _grade_evasion(answer, found):
        return evasion
    missed = tuple(point.text for point in found if not point.is_met)
    met = tuple(point.text for point in found if point.is_met)
    reason = "\n".join(filter(None, (_format_met_points(found), _format_unmet_points(found))))
    return GraderMark(len(met) / len(found), not missed, reason, met, missed)


def by_pattern(answer: str, question: GradedQuestion) -> GraderMark:
    """Whether the regular expression in the key points (without any: in the reference) is found in the answer.

    A pattern that is not valid, or takes longer than `MAX_PATTERN_SECONDS`, marks nothing; it raises nothing.
    """
    pattern = question.key_points.strip() or question.reference.strip()
    if not pattern or len(pattern) > MAX_PATTERN_CHARACTERS:
        return GraderMark(
            None, None, tr("The question has no regular expression.") if not pattern else tr("The pattern is too long.")
        )
    try:
        found = regex.search(
            pattern,
            answer[: exam_key_points.MAX_CHARACTERS_READ],
            regex.IGNORECASE | regex.V0,
            timeout=MAX_PATTERN_SECONDS,
        )
    except regex.error as error:
        return GraderMark(None, None, tr("The pattern is not valid: {why}.", why=str(error)))
    except (TimeoutError, MemoryError, RecursionError):
        return GraderMark(None, None, tr("The search for the pattern takes too long: it can match in too many ways."))
    return GraderMark(1.0, True, found=(found[0],)) if found else _fail(tr("The pattern is not in the answer."))


GRADERS = {
    "key_points": Grader(lambda: tr("Key points"), by_key_points),
    "exact": Grader(lambda: tr("Identical to the reference answer"), by_reference),
    "contains": Grader(lambda: tr("Contains the key points"), by_mention),
    "regex": Grader(lambda: tr("Regular expression"), by_pattern),
}


def format_key_points(grader: str, key_points: str) -> str:
    """The key points of a question as a text for the screen; a regular expression is unchanged."""
    return key_points if grader == "regex" else exam_key_points.format_points(key_points)


def _fail(reason: str) -> GraderMark:
    return GraderMark(0.0, False, reason)


def _usable_key_points(question: GradedQuestion) -> str:
    """The key points as they are written; '' where they have no word, as in "!" or ";"."""
    return question.key_points if exam_key_points.has_points(question.key_points) else ""


def _grade_evasion(answer: str, judged: Sequence[JudgedPoint]) -> GraderMark | None:
    """A fail for an answer that only admits not to know, where all key points are forbidden words; else None."""
    words = negation.find_unknown_phrase(answer) if all(point.text.startswith("!") for point in judged) else ""
    return _fail(tr("The answer says: “{words}”.", words=words)) if words else None


def _grade_admission(answer: str, question: GradedQuestion) -> GraderMark:
    words = negation.find_admission(answer[: exam_key_points.MAX_CHARACTERS_READ])
    if not words and not _makes_all(answer, question.key_points):
        return _fail(tr("The answer does not say that this is not in the text."))
    end = answer.find(words) + len(words)
    if any(
        _asserts(part)
        for part in _after_turn(answer[end - len(words) :][: exam_key_points.MAX_CHARACTERS_READ], len(words))
    ):
        return _fail(tr("The answer says that this is not in the text, and then answers anyway."))
    return GraderMark(1.0, True, found=(words,) if words else ())


def _makes_all(answer: str, key_points: str) -> bool:
    found = exam_key_points.find_points(answer, key_points)
    return bool(found) and all(point.is_met for point in found)


def _after_turn(answer: str, admitted: int) -> list[str]:
    """The rest of each sentence after a "but" that follows the admission, which the first `admitted` characters are."""
    turns = [match.end() for match in _CONTRAST.finditer(answer) if match.end() >= admitted]
    return [re.split(r"[.。\n]", answer[turn:].lstrip(" ,、"), maxsplit=1)[0] for turn in turns]


def _asserts(part: str) -> bool:
    admits = negation.find_admission(part) or _ADVICE.search(part)
    return len(part.strip()) > 3 and not admits


def _find_contradiction(answer: str, question: GradedQuestion) -> str:
    """By what an answer contradicts the reference, in words; '' where it does not."""
    reference = question.reference
    if (_NO.match(reference) and _YES.match(answer)) or (_YES.match(reference) and _NO.match(answer)):
        return tr("The answer says yes where the reference answer says no, or the other way round.")
    if other := quantities.find_other_rate(reference, answer[: exam_key_points.MAX_CHARACTERS_READ]):
        return tr("The answer has “{words}”, which the reference answer does not have.", words=other)
    if other := exam_key_points.find_other_figure(answer, question.key_points, question.question, reference):
        return tr("The answer has “{words}”, which the reference answer does not have.", words=other)
    found = grounding.find_doubts(question.question, answer, [reference], kind=question.kind) if reference else []
    # A fragment ("The rowing boats.") says nothing that could be denied, and a reference that concludes ("So yes.") may
    # have a rule that says the opposite: there the key point tells.
    is_fragment = len(clauses.list_content_words(normalise(reference))) < MIN_STATEMENT_WORDS
    has_no_denial = is_fragment or bool(negation.read_conclusion(reference))
    against = (doubt for doubt in found if doubt.why in _CONTRADICTIONS)
    return next(
        (
            grounding_texts.format_doubt(doubt)
            for doubt in against
            if not (has_no_denial and doubt.why == grounding.NEGATION_DIFFERS)
        ),
        "",
    )


def _format_met_points(judged: Sequence[JudgedPoint]) -> str:
    """Which words of the answer make a point."""
    words = tr(", ").join(tr("“{word}”", word=point.wording) for point in judged if point.is_met and point.wording)
    return tr("Found: {words}.", words=words) if words else ""


def _format_unmet_points(judged: Sequence[JudgedPoint]) -> str:
    return "\n".join(_format_point(point) for point in judged if not point.is_met)


def _format_point(point: JudgedPoint) -> str:
    match point.why:
        case exam_key_points.DENIED:
            return tr("The answer denies “{point}”.", point=point.wording)
        case exam_key_points.TURNED:
            return tr(
                "The answer confuses an upper and a lower limit: “{point}”.",
                point=point.wording,
            )
        case exam_key_points.OPEN:
            return tr("The answer contains “{point}” and something else, too.", point=point.wording)
        case exam_key_points.FORBIDDEN:
            return tr("The answer contains “{point}”, which is not allowed.", point=point.wording)
    if point.text.startswith("!"):
        return tr("The answer is empty.")
    return tr("The answer does not contain {words}.", words=exam_key_points.format_point(point.text))
