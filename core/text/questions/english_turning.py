"""Turns a statement into the question whether it is so, by its words alone: “The mill is open.” → “Is the mill open?”"""

import re
from collections.abc import Sequence

from core.lazy_loading import lazy_pattern
from core.text.questions.english_asking import to_asker
from core.text.questions.english_clauses import Clause

MAX_SUBJECT_WORDS = 8
_HELPERS = "is|are|was|were|can|may|must|should|will|could|cannot"
_HELPED = lazy_pattern(rf"^(?P<subject>[^,;:]+?) (?P<helper>{_HELPERS})\b(?P<rest>.*)$")
_NO_SUBJECT = lazy_pattern(
    r"^(?:if|when|while|because|since|after|before|unless|although|in|on|at|for|with|without|during|by|to|from|nothing|there|that|what"
    r"|who|it is|neither|but|and|or|so|then|please|only)\b",
    re.IGNORECASE,
)
_SECOND_VERB = lazy_pattern(
    r" (?:and|but|or) (?:it |they |then |also )?(?:is|are|was|has|can|may|must|[a-z]+s (?!and |or |in |on |of |for |at |to )\S)"
)
_NEGATED = lazy_pattern(r"^ (?:not|never)\b")
_VERB_INSIDE = lazy_pattern(r"\b(?:who|which|that|has|have|do|does)\b")


def turn_to_question(statement: str, clauses: Sequence[Clause], names: Sequence[str] = ()) -> str:
    """The question whether a statement of one clause is so, as the one who asks says it; '' where its verb isn't found.

    A word in `names` keeps its capital letter. What the statement denies, the question asks for: “May I pick fruit?”
    """
    text = statement.strip().rstrip(".!")
    if not text or _NO_SUBJECT.match(text):
        return ""
    helped = _HELPED.match(text)
    if helped and _is_subject(helped["subject"]):
        helper = "can" if helped["helper"] == "cannot" else helped["helper"]
        subject, rest = helped["subject"], helped["rest"]
        if helper in ("must", "should") and _NEGATED.match(rest):
            helper = "may"  # it denies that one may, not that one has to
    else:
        found = next((found for clause in clauses if clause.is_main and (found := _match_verb(text, clause))), None)
        if found is None:
            return ""
        helper, subject, rest = found
    if _SECOND_VERB.search(rest):
        return ""
    subject = re.sub("^[Nn]o ", "any ", re.sub("^[Nn]obody$", "anybody", subject))
    first = subject.split()[0]
    if first not in names and not re.match("[A-Z]{2}|I\\b", subject):
        subject = subject[0].lower() + subject[1:]
    subject = to_asker(subject) if not re.fullmatch("(?i)you", subject) else "I"
    if subject == "I":
        helper = {"are": "am", "were": "was"}.get(helper, helper)
    rest = to_asker(_NEGATED.sub("", rest))
    return re.sub(r"\s+", " ", f"{helper[0].upper()}{helper[1:]} {subject}{rest}").strip()


def _is_subject(text: str) -> bool:
    return len(text.split()) <= MAX_SUBJECT_WORDS and not _VERB_INSIDE.search(text)


def _match_verb(text: str, clause: Clause) -> tuple[str, str, str] | None:
    """The helping verb of a question, the subject, and the rest with the verb in its base form."""
    subject = clause.subject
    if not subject or clause.helpers or clause.lemma == "be" or not text.lower().startswith(f"{subject.lower()} "):
        return None
    after = text[len(subject) :]
    verb = re.match(rf" (?P<verb>{re.escape(clause.verb)})\b(?P<rest>.*)$", after)
    if verb is None or not _is_subject(text[: len(subject)]):
        return None
    helper = (
        "did"
        if clause.tense == "past" and clause.verb != clause.lemma
        else "do"
        if clause.verb == clause.lemma
        else "does"
    )
    return helper, text[: len(subject)], f" {clause.lemma}{verb['rest']}"
