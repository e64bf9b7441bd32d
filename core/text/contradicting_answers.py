"""Tells whether two answers to the same question contradict each other, and in what."""

import re
from itertools import combinations

from rapidfuzz import fuzz

from core.text import negation, normalise

MAX_COMPARED_ANSWERS = 20  # to one question
MAX_COMPARED_CHARACTERS = 2000  # of an answer
MIN_SHARED_PERCENT = 50.0  # answers that share fewer words contradict each other
DIFFERENT_FIGURES, YES_NO, DIFFERENT_WORDS, NOT_STATED = "figures", "yes-no", "words", "not-stated"

_FIGURE = re.compile(r"[0-9]+(?:[./][0-9]+)*")
_YES = re.compile(r"(?:yes|はい|ええ)(?![a-z])")
_NO = re.compile(r"(?:no|いいえ|いや)(?![a-z])")


def find_contradictions(answers: dict[int, str]) -> list[tuple[int, int, str]]:
    """Each answer (by row id) that another one contradicts: both ids, and the result of `compare_answers`."""
    normal = {id: normalise.normalise(answer[:MAX_COMPARED_CHARACTERS]) for id, answer in answers.items()}
    contradicted: dict[int, tuple[int, str]] = {}
    for (id, one), (other, second) in combinations(normal.items(), 2):
        if reason := compare_answers(one, second):
            contradicted.setdefault(id, (other, reason))
            contradicted.setdefault(other, (id, reason))
    return [(id, *contradicted[id]) for id in normal if id in contradicted]


def compare_answers(one: str, other: str) -> str:
    """In what two answers, normalised by `normalise.normalise`, contradict each other; '' where they do not.

    `DIFFERENT_FIGURES`: both name numbers, and neither has all those of the other. `YES_NO`: one begins with yes, the other with
    no. `NOT_STATED`: one says that the text does not say it. `DIFFERENT_WORDS`: numbers do not decide, and the shorter shares less than half with the longer.
    """
    if (_YES.match(one) and _NO.match(other)) or (_NO.match(one) and _YES.match(other)):
        return YES_NO
    if one and other and bool(negation.find_unknown_phrase(one)) is not bool(negation.find_unknown_phrase(other)):
        return NOT_STATED
    numbers, others = set(_FIGURE.findall(one)), set(_FIGURE.findall(other))
    if numbers and others:
        return "" if numbers <= others or others <= numbers else DIFFERENT_FIGURES
    # Words in any order, and for Japanese, which sets no blanks, the part of the longer that is most like the shorter.
    shared = max(fuzz.token_set_ratio(one, other), fuzz.partial_ratio(one, other))
    return DIFFERENT_WORDS if shared < MIN_SHARED_PERCENT else ""
