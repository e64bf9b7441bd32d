"""Reads the clauses of an English statement without a parser: by its first finite verb from a closed list.

Plainer than `english_parser`: only main clauses whose verb is certain, and parts that begin with a preposition or a
conjunction. What it does not understand has no questions of this form.
"""

import re
from collections.abc import Collection

from core.lazy_loading import lazy_pattern
from core.text.questions.english_clauses import Clause, Part, is_person
from core.text.questions.english_words import STOP

_MODALS = "can|cannot|may|must|should|will|shall|could|would"
_BE = "is|are|was|were"
# Verbs that are seldom nouns in this form, with their base form.
_VERBS = dict(
    pair.split(":")
    for pair in [
        "has:have",
        "have:have",
        "had:have",
        "costs:cost",
        "cost:cost",
        "lasts:last",
        "weighs:weigh",
        "weigh:weigh",
        "needs:need",
        "opens:open",
        "closes:close",
        "begins:begin",
        "begin:begin",
        "began:begin",
        "starts:start",
        "takes:take",
        "take:take",
        "gets:get",
        "get:get",
        "gives:give",
        "give:give",
        "makes:make",
        "make:make",
        "lives:live",
        "contains:contain",
        "contain:contain",
        "includes:include",
        "include:include",
        "belongs:belong",
        "belong:belong",
        "becomes:become",
        "become:become",
        "became:become",
        "goes:go",
        "go:go",
        "went:go",
        "comes:come",
        "come:come",
        "came:come",
        "stands:stand",
        "stood:stand",
        "lies:lie",
        "pays:pay",
        "pay:pay",
        "paid:pay",
        "wins:win",
        "win:win",
        "won:win",
        "loses:lose",
        "lose:lose",
        "lost:lose",
        "keeps:keep",
        "keep:keep",
        "kept:keep",
        "holds:hold",
        "held:hold",
        "measures:measure",
        "carries:carry",
        "carry:carry",
        "brings:bring",
        "bring:bring",
        "built:build",
        "founded:found",
        "serves:serve",
        "serve:serve",
        "teaches:teach",
        "teach:teach",
        "taught:teach",
        "receives:receive",
        "receive:receive",
        "requires:require",
        "require:require",
        "applies:apply",
        "apply:apply",
        "covers:cover",
        "stays:stay",
        "stay:stay",
    ]
)
_FINITE = lazy_pattern(
    rf"^(?P<subject>[^,;:]{{2,60}}?) (?P<verb>(?:(?:{_MODALS}|{_BE}|has|have|had|do|does|did)(?: not| never| only| always)?)|{'|'.join(_VERBS)}) (?P<rest>.+)$"
)
# A second predicate ("opens at 7:30 and closes at 22:00") or amount ("4 euros for members and 9 euros for guests").
_SECOND = lazy_pattern(rf",? and (?:then |also )?(?:{_BE}|has|have|{_MODALS}|{'|'.join(_VERBS)})\b.*"
                     r"|(?<= )(?P<first>(?:for|on|in|at|to) [A-Za-z ]+?),? and [€$£¥]?\d.*")  # fmt: skip
_SPLIT = lazy_pattern(
    r",? (?=(?:if|when|because|as long as|unless|until|before|after|from|at|in|on|for|with|without|by|behind|under|near|to|between|within|every)\b)"
)
_SUBORDINATE = lazy_pattern(r"^(?:if|when|because|as long as|unless)\b", re.IGNORECASE)
_PREPOSITION = lazy_pattern(
    r"^(?:from|at|in|on|for|with|without|by|behind|under|near|to|between|within|until|before|after)\b"
)


def stands_alone(text: str) -> bool:
    """Whether a text that follows “, and” is a main clause with a subject of its own."""
    return bool(read_clauses(text))


def find_people(_text: str) -> list[str]:
    """The names of people in a text: none can be told from other names without a parser."""
    return []


def read_clauses(text: str, names: Collection[str] = (), people: Collection[str] = ()) -> list[Clause]:
    """The main clause of a sentence, if its verb is certain; for `names` and `people` see `english_parser`."""
    plain = text.rstrip(" .!")
    match = _FINITE.match(plain)
    if not match or re.search(r"\b(?:who|which|that|where|if|when|whoever)\b", match["subject"], re.IGNORECASE):
        return []
    subject, verb = match["subject"], match["verb"]
    rest = _SECOND.sub(lambda second: second["first"] or "", match["rest"]).strip()
    if not rest:
        return []
    words = subject.split()
    is_article = words[0] == "A" and len(words) > 1
    if is_article or (words[0] not in names and not words[0].isupper() and len(words[0]) > 1):
        subject = subject[0].lower() + subject[1:]
    noun = words[-1] if words[-1].islower() and words[-1] not in STOP else ""
    plural = (
        (noun.endswith("s") and not noun.endswith("ss"))
        or subject.lower() in ("we", "you", "they")
        or noun in ("children", "people")
    )
    first, _, _ = verb.partition(" ")
    helpers: tuple[str, ...] = ()
    if re.fullmatch(rf"{_MODALS}|do|does|did", first):
        follow = rest.split(" ", 1)
        if len(follow) < 2 or not follow[0].isalpha():
            return []
        helpers = ("can", "not") if verb == "cannot" else tuple(verb.split())
        main, lemma, rest = follow[0], follow[0], follow[1]
    elif first in _BE.split("|"):
        main, lemma, helpers = first, "be", tuple(verb.split()[1:])
    else:
        main, lemma = first, _VERBS.get(first, "have")
    person = is_person(noun or subject) or words[-1] in people
    tense = "past" if main in ("was", "were", "had") or (main != lemma and not main.endswith("s")) else "present"
    return [Clause(subject, main, lemma, helpers, _read_parts(rest, lemma), (), "", tense, noun, person, plural)]


def _read_parts(rest: str, lemma: str) -> tuple[Part, ...]:
    found: list[Part] = []
    for at, piece in enumerate(_SPLIT.split(rest)):
        text = piece.strip(" ,;")
        if not text:
            continue
        if _SUBORDINATE.match(text):
            role = "clause"
        elif _PREPOSITION.match(text):
            role = "preposition"
        elif text.startswith("every"):
            role = "adverb"
        else:
            # A participle after “is” stays with its verb: “is closed on Mondays” asks for the days.
            single = lemma == "be" and (" " not in text or re.match(r"[a-z]+(?:ed|en)\b", text))
            role = ("particle" if single else "attribute" if lemma == "be" else "object") if at == 0 else "particle"
        found.append(Part(text, role, text.rsplit(" ", 1)[-1] if role in ("object", "attribute") else ""))
    return tuple(found)
