"""Finds what an answer says although a fact only denies it: "with a match", where the fact has "never with a match"."""

from core.lazy_loading import lazy_pattern
from core.text import clauses
from core.text.clauses import Clause, ParsedText

_DENIAL = lazy_pattern(r"(?:and |but )?(?:never|not)\b(?! (?:only|just|more|less|fewer|later|before|until))")
_DENIES = lazy_pattern(r"\b(?:not?|never|none|nobody|nothing|neither|nor|cannot|without|instead|\w+nt)\b")


def find_denied(question: str, parsed_answer: ParsedText, parsed_basis: ParsedText) -> str:
    """The first clause of an answer with a word that the facts have only after “never” or “not”; '' for none.

    Of English texts. Words of the question do not count, and neither does a clause that denies something itself.
    """
    denied, stated = _split_words(parsed_basis.clauses)
    only_denied = denied - stated
    if not only_denied:
        return ""
    asked = clauses.parse_text(question, polite=False)
    if _DENIES.search(asked.text):
        return ""
    for clause in parsed_answer.clauses:
        if not _DENIES.search(clause.text) and clause.words & (only_denied - asked.words):
            return clause.text
    return ""


def _split_words(parts: tuple[Clause, ...] | list[Clause]) -> tuple[frozenset[str], frozenset[str]]:
    """The words of the clauses that begin with a denial, and those of the others."""
    denied = [one.words for one in parts if _DENIAL.match(one.text)]
    stated = [one.words for one in parts if not _DENIAL.match(one.text)]
    return frozenset().union(*denied), frozenset().union(*stated)
