"""Questions for a rule with an exception, for the exception itself, for a whole list, and for one thing of a list."""

import random
import re
from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence

from core.lazy_loading import lazy_pattern
from core.text.questions.english_asking import to_asker
from core.text.questions.english_context import Told
from core.text.questions.english_turning import turn_to_question

MAX_ITEMS, MAX_ITEM_WORDS = 9, 6
_EXCEPT = lazy_pattern(
    r"^(?P<rule>.+?),? (?:except(?: for)?|apart from|other than|with the exception of|excluding|save for) (?P<exception>[^,;]+?)(?P<rest>(?:, (?:which|who|where)\b.*)?)$",
    re.IGNORECASE,
)
_BUT_NOT = lazy_pattern(r"^(?P<rule>[^,;]+?),? but not (?P<exception>[^,;]+)$", re.IGNORECASE)
_UNLESS = lazy_pattern(r"^(?P<rule>[^,;]+?),? unless (?P<condition>[^;]+)$", re.IGNORECASE)
_EVERY = lazy_pattern(r" (?P<to>for|to|in|on|with) (?:any|all|every|each|anyone|everyone)\b[^,]*$")
_EVER = lazy_pattern(
    r" (?:all year(?: round)?|always|every day|daily|at any time|at all times|all day|all week|from [A-Z][a-z]+ to [A-Z][a-z]+)\b"
)
_PREPOSITION = lazy_pattern(
    r"(?P<word>on|in|at|to|for|from|with|during|after|before|under|near|inside|outside|when|if|where) "
)
_DENIES = lazy_pattern(r"\b(?:not|never|no|nobody|none|nothing|cannot)\b", re.IGNORECASE)
_ITEM = r"(?:[\w’'&-]+(?: [\w’'&()-]+){0,4})"
_LIST = lazy_pattern(rf"^(?P<all>{_ITEM}(?:, {_ITEM})+,? (?:and|or) {_ITEM})$")
_HALF_VERB = lazy_pattern(r"\b(?:is|are|was|were|be|been|has|have|had)$")
_OF_VERB = lazy_pattern(r"(?:with|by|from|in|on|at|to|for|of|as|into|through|between)\b")
_LISTED_FIRST = lazy_pattern(
    rf"^(?P<all>{_ITEM}(?:, {_ITEM})+,? (?:and|or) [\w’'-]+(?: [\w’'-]+){{0,2}}?) (?P<helper>are|can|may|must|should|cannot) (?P<rest>(?!not\b)[^.]+)$"
)
_VERB_IN_LIST = lazy_pattern(
    r"\b(?:is|are|was|were|has|have|had|can|may|must|should|will|do|does|which|who|that|if|when|then|you|we|it|they|not|by|from|until)\b"
)


def ask_exceptions(told: Told, names: Collection[str], dice: random.Random) -> Iterator[tuple[str, str, str]]:
    """Yield questions of a rule with an exception, each with what the answer adds to the statement ('': nothing) and its form."""
    text = told.rest.strip().rstrip(".!")
    is_clear = not re.search(r"[.!?:] |\b(?:it|them|these|those)\b", text)
    if told.cells or told.term or len(told.names) != 1 or not is_clear:
        return
    if found := _EXCEPT.match(text):
        yield from _ask_except(found, told, names, dice)
    elif found := _BUT_NOT.match(text):
        yield from _ask_but_not(found, told, names)
    elif found := _UNLESS.match(text):
        yield from _ask_unless(found, told, names)


def _ask_except(
    found: re.Match[str], told: Told, names: Collection[str], dice: random.Random
) -> Iterator[tuple[str, str, str]]:
    rule, exception = found["rule"], found["exception"]
    question = turn_to_question(rule, told.clauses, [*names])
    if question:
        yield f"{question}?", "", "exception"
    said = _say(rule, names)
    if _is_request(rule) or not question:
        has_verb = any(re.search(rf"\b{re.escape(one.verb)}\b", rule) for one in told.clauses if one.verb)
        if not has_verb and not _is_request(rule):
            return  # “Everyone except members pays”: the rule goes on behind the exception
        yield f"What is the exception here: {said}?", "", "exception"
    else:
        yield (
            dice.choice(
                (f"Is there an exception to the rule that {said}?", f"What is the exception to the rule that {said}?")
            ),
            "",
            "exception",
        )
    denies = bool(_DENIES.search(rule))
    if _PREPOSITION.match(exception):
        if question:
            plain = _EVER.sub("", question)
            yield (
                f"{plain} {to_asker(exception)}?",
                "So yes." if denies else f"So not {to_asker(exception)}.",
                "exception_case",
            )
    elif question and (every := _EVERY.search(question)):
        one = f"{question[: every.start()]} {every['to']} {to_asker(exception)}"
        yield f"{one}?", "So yes." if denies else f"So not {every['to']} {to_asker(exception)}.", "exception_case"
    elif question:
        yield (
            f"{said[0].upper()}{said[1:]}. Does that go for {to_asker(exception)}, too?",
            f"So not for {to_asker(exception)}.",
            "exception_case",
        )


def _ask_but_not(found: re.Match[str], told: Told, names: Collection[str]) -> Iterator[tuple[str, str, str]]:
    rule, exception = found["rule"], found["exception"]
    question = turn_to_question(rule, told.clauses, [*names])
    if not question:
        return
    yield f"{question}? And {to_asker(exception)}?", "", "exception"
    preposition = _PREPOSITION.match(exception)
    place = rule.rfind(f" {preposition['word']} ") if preposition else -1
    if place < 0:
        yield f"{question}?", "", "exception"
    elif other := turn_to_question(f"{rule[:place]} {exception}", told.clauses, [*names]):
        yield (
            f"{other}?",
            f"So not {to_asker(exception)}.",
            "exception_case",
        )  # too near to the question for the rule to have both


def _ask_unless(found: re.Match[str], told: Told, names: Collection[str]) -> Iterator[tuple[str, str, str]]:
    rule, condition = found["rule"], to_asker(found["condition"])
    question = turn_to_question(rule, told.clauses, [*names])
    if not question:
        return
    yield f"{question}?", "", "exception"
    denies = bool(_DENIES.search(rule))
    if denies:
        yield f"When {question[0].lower()}{question[1:]}?", "", "exception"
    if not re.match(r"(?:otherwise|it|they|he|she|this|that|stated|agreed|told|asked)\b", condition):
        yield (
            f"{condition[0].upper()}{condition[1:]}. {question}?",
            "So yes." if denies else f"So not if {condition}.",
            "exception_case",
        )


def _is_request(rule: str) -> bool:
    return bool(
        re.match(r"(?:bring|do not|don't|never|always|please|use|keep|take|put|wear|leave)\b", rule, re.IGNORECASE)
    )


def _say(rule: str, names: Collection[str]) -> str:
    first = rule.split()[0]
    return to_asker(rule if first in names or re.match("[A-Z]{2}|I\\b", rule) else rule[0].lower() + rule[1:])


def ask_lists(told: Told, names: Collection[str], dice: random.Random) -> Iterator[tuple[str, str, str]]:
    """Yield the question for all things that a statement lists, and whether one of them is among them."""
    text = told.rest.strip().rstrip(".!")
    if told.cells or told.term or len(told.names) != 1:
        return
    for lead, verb, rest in _split_at_verbs(text, told):
        items = _read_list(rest)
        if not items or _HALF_VERB.search(lead) or _OF_VERB.match(rest.strip()):  # “was built with …”
            continue
        item = dice.choice(items)
        subject = lead if lead.split()[0] in names else lead[0].lower() + lead[1:]
        if verb in ("is", "are", "was", "were"):
            if verb == "are" and re.match(r"the [a-z]", subject):
                yield f"Is {item} one of {to_asker(subject)}?", "", "membership"
                yield f"What are all {to_asker(subject)}?", "", "whole_list"
            continue
        question = turn_to_question(f"{lead} {verb} {item}", told.clauses, [*names])
        if question:
            yield f"{question}?", "", "membership"
        if not re.fullmatch("(?i)you|we|they|it", subject):
            yield f"List everything that {to_asker(subject)} {verb}.", "", "whole_list"
        return
    if found := _LISTED_FIRST.match(text):
        yield from _ask_of_first(found, names, dice)
    items = _read_list(text) if told.label else []
    if items:
        yield f"{told.label}: does that include {dice.choice(items)}?", "", "membership"
        yield f"What belongs to “{told.label}”?", "", "whole_list"


def _ask_of_first(found: re.Match[str], names: Collection[str], dice: random.Random) -> Iterator[tuple[str, str, str]]:
    """The same for a list before its verb: “Soap, towels and combs are free.”"""
    items = _read_list(found["all"])
    if not items or re.search(r"[,;]| and ", found["rest"]):
        return
    item = dice.choice(items)
    helper = found["helper"]
    is_one = not re.search(r"(?:[^s]s|children|people)$", item)
    be = "is" if helper == "are" and is_one else helper
    small = item if item.split()[0] in names or re.match("[A-Z]{2}", item) else item[0].lower() + item[1:]
    rest = to_asker(found["rest"])
    yield f"{be[0].upper()}{be[1:]} {small} {rest}?", "", "membership"
    what = "is" if helper == "are" else helper
    yield f"What {what} {rest}? Please list everything.", "", "whole_list"


def _split_at_verbs(text: str, told: Told) -> Iterator[tuple[str, str, str]]:
    """Yield what stands before a main verb, the verb with its helpers, and what stands behind it."""
    for clause in told.clauses:
        if (
            not clause.is_main
            or not clause.subject
            or clause.is_negative
            or not text.lower().startswith(clause.subject.lower())
        ):
            continue
        verbs = " ".join([*clause.helpers, clause.verb])
        behind = text[len(clause.subject) :].strip()
        for verb in (verbs, clause.verb):
            if behind.startswith(f"{verb} "):
                yield text[: len(clause.subject)], verb, behind[len(verb) + 1 :]
                break


def _read_list(text: str) -> list[str]:
    """The things of “soup, bread and apple cake”; none where the text is more than a list."""
    found = _LIST.match(text)
    if not found or _VERB_IN_LIST.search(text):
        return []
    items = [one.strip() for one in re.split(r", (?:and |or )?| and | or ", found["all"])]
    good = all(0 < len(one.split()) <= MAX_ITEM_WORDS and not re.search(r"\d", one) for one in items)
    return items if good and 3 <= len(items) <= MAX_ITEMS else []


def ask_heading_lists(
    all_told: Sequence[Told], dice: random.Random
) -> Iterator[tuple[str, str, tuple[Told, ...], str]]:
    """Yield questions for the things that are only named under a heading: for all of them, and for each one.

    With each question come the answer, the statements that it states, and the form.
    """
    groups: dict[tuple[str, ...], list[Told]] = defaultdict(list)
    for told in all_told:
        groups[told.fact.headings].append(told)
    for headings, group in groups.items():
        if not headings or not 2 <= len(group) <= MAX_ITEMS or not all(_is_item(told) for told in group):
            continue
        heading = headings[-1].rstrip(":")
        answer = ", ".join(told.answer.rstrip(".,;") for told in group)
        for pattern in dice.sample(_WHOLE, 2):
            yield pattern.format(h=heading), answer, tuple(group), "whole_list"
        for told in group:
            item = told.answer.rstrip(".,;")
            small = item[0].lower() + item[1:] if re.match(r"[A-Z][a-z]+ [a-z]|[A-Z][a-z]+$", item) else item
            yield f"{heading}: does that include {small}?", told.answer, (told,), "membership"


_WHOLE = (
    "What belongs to “{h}”?",
    "Which are all the things under “{h}”?",
    "What is on the list “{h}”?",
    "{h}: which are they?",
)


def _is_item(told: Told) -> bool:
    return (
        not (told.cells or told.label or told.term or told.clauses)
        and len(told.names) == 1
        and len(told.answer.split()) <= MAX_ITEM_WORDS
        and not _VERB_IN_LIST.search(told.answer)
    )
