"""Tells whether two answers to the same question contradict each other, and in what."""

from itertools import combinations

from core.lazy_loading import lazy_pattern
from core.lazy_rapidfuzz import fuzz
from core.text import clauses, negation, quantities
from core.text.normalise import normalise

MAX_COMPARED_ANSWERS = 20  # to one question
MAX_COMPARED_CHARACTERS = 2000  # of an answer
MIN_SHARED_PERCENT = 50.0  # answers that share fewer words contradict each other
MAX_SHORT_WORDS = 3  # content words of an answer that only names something
MAX_PAIRED = 2  # numbers of two answers that are compared one by one: 20 and 10, 20 and 8
MIN_SAME_SHARE = 0.6  # of the words of the shorter answer, with which one that is denied says the reverse of the other
DIFFERENT_FIGURES, YES_NO, DIFFERENT_WORDS, NOT_STATED = "figures", "yes-no", "words", "not-stated"

_FIGURE = lazy_pattern(r"(?<![\d.])\d+(?:[./]\d+)*(?:h\d\d)?")
_LATE = lazy_pattern(r"(?<!\d)(1[3-9]|2[0-3])h(\d\d)")


def prepare_answer(answer: str) -> str:
    """An answer as `compare_answers` reads it: normalised, its quantities written one way."""
    normal = normalise(quantities.spell_out(answer[:MAX_COMPARED_CHARACTERS]))
    return quantities.normalise_quantities(normal)


def find_contradictions(answers: dict[int, str], question: str = "") -> list[tuple[int, int, str]]:
    """Each answer (by row id) to a question that another one contradicts: both ids, and the result of `compare_answers`."""
    normal = {id: prepare_answer(answer) for id, answer in answers.items()}
    contradicted: dict[int, tuple[int, str]] = {}
    for (id, one), (other, second) in combinations(normal.items(), 2):
        if reason := compare_answers(one, second, question):
            contradicted.setdefault(id, (other, reason))
            contradicted.setdefault(other, (id, reason))
    return [(id, *contradicted[id]) for id in normal if id in contradicted]


def compare_answers(one: str, other: str, question: str = "") -> str:
    """In what two answers, prepared by `prepare_answer`, contradict each other; '' where they do not.

    `NOT_STATED`: one says that the text does not say it. `YES_NO`: one begins with yes, the other says no.
    `DIFFERENT_FIGURES`: both name numbers, and no common one, or two of which one differs. `DIFFERENT_WORDS`: numbers do not decide, and the answers
    share too few words beside those of the `question`, or the same words and one is denied.
    """
    admits, also = (bool(negation.find_admission(text)) for text in (one, other))
    if admits or also:
        return NOT_STATED if one and other and admits is not also else ""
    if _differ_in_verdict(one, other):
        return YES_NO
    asked = _find_figures(normalise(quantities.spell_out(question)))
    numbers, others = (_find_figures(text) for text in (one, other))
    if numbers - asked and others - asked:
        numbers, others = numbers - asked, others - asked
    if numbers and others:
        alike = numbers & others and not (len(numbers) == len(others) <= MAX_PAIRED and numbers != others)
        return "" if alike else DIFFERENT_FIGURES
    return DIFFERENT_WORDS if _differ_in_words(one, other, question) else ""


def _differ_in_verdict(one: str, other: str) -> bool:
    spoken = [negation.read_verdict(text, spoken=True) for text in (one, other)]
    if negation.YES not in spoken or spoken == [negation.YES, negation.YES]:
        return False
    yes, rest = (one, other) if spoken[0] == negation.YES else (other, one)
    # "はい、だめです": a yes that agrees with a no.
    return negation.read_verdict(rest) == negation.NO and not negation.is_negative(yes)


def _find_figures(text: str) -> frozenset[str]:
    """The numbers of a text in the smallest units; of an hour after noon also that on a clock's face."""
    found = set(_FIGURE.findall(quantities.convert_to_smallest_unit(text)))
    return frozenset(found | {f"{int(hour) - 12}h{minute}" for hour, minute in _LATE.findall(text)})


def _differ_in_words(one: str, other: str, question: str) -> bool:
    known = clauses.extract_content_words(normalise(question)) | clauses.COMMON_STEMS
    words, others = (clauses.extract_content_words(text) - known for text in (one, other))
    same = words & others
    if words and others and max(len(words), len(others)) <= MAX_SHORT_WORDS:
        return not (words <= others or others <= words)
    if len(same) > 1 and len(same) >= MIN_SAME_SHARE * min(len(words), len(others)):
        return negation.is_negative(one) is not negation.is_negative(other)
    # Words in any order, and for Japanese, which sets no blanks, the part of the longer that is most like the shorter.
    shared = max(fuzz.token_set_ratio(one, other), fuzz.partial_ratio(one, other))
    return not same and shared < MIN_SHARED_PERCENT
