"""The screen texts for the forms of rows that are made without a model; each such row has its form as a tag."""

from collections.abc import Callable

from core.language import tr

_FORM_TEXTS: dict[str, Callable[[], str]] = {
    "age": lambda: tr("an age and a limit"),
    "allowed": lambda: tr("is it allowed?"),
    "clock": lambda: tr("a time of day and a limit"),
    "condition": lambda: tr("under what condition?"),
    "definition": lambda: tr("what does it mean?"),
    "end_time": lambda: tr("when is the end?"),
    "exception": lambda: tr("a rule and its exception"),
    "exception_case": lambda: tr("the case of an exception"),
    "false_premise": lambda: tr("something wrong taken for right"),
    "everyday": lambda: tr("everyday question"),
    "for_every": lambda: tr("one for every so many"),
    "how": lambda: tr("how?"),
    "how_long": lambda: tr("how long?"),
    "how_many": lambda: tr("how many?"),
    "how_much": lambda: tr("how much?"),
    "how_often": lambda: tr("how often?"),
    "hurried": lambda: tr("typed in a hurry"),
    "keywords": lambda: tr("only keywords"),
    "limit": lambda: tr("a figure and a limit"),
    "masked": lambda: tr("a sentence with gaps"),
    "may_i": lambda: tr("may I, must I?"),
    "membership": lambda: tr("is it on the list?"),
    "must": lambda: tr("must it be?"),
    "named_figure": lambda: tr("a figure by its name"),
    "not_stated": lambda: tr("what the text does not say"),
    "other_attribute": lambda: tr("said of another thing only"),
    "own_case": lambda: tr("one's own case"),
    "own_question": lambda: tr("written by a small model"),
    "percent": lambda: tr("a percentage of a sum"),
    "reverse": lambda: tr("from the answer to the thing"),
    "rule": lambda: tr("what applies?"),
    "several": lambda: tr("several facts of one heading"),
    "shuffled": lambda: tr("in another order"),
    "situation": lambda: tr("a situation"),
    "span": lambda: tr("within a span, or not"),
    "statement": lambda: tr("the fact itself"),
    "sum": lambda: tr("a sum"),
    "table": lambda: tr("a cell of a table"),
    "times": lambda: tr("so many times"),
    "two_facts": lambda: tr("two facts"),
    "two_questions": lambda: tr("two questions"),
    "two_topics": lambda: tr("two topics"),
    "units": lambda: tr("how many for a sum?"),
    "what": lambda: tr("what?"),
    "what_do": lambda: tr("what should one do?"),
    "what_happened": lambda: tr("it has happened: what now?"),
    "what_happens": lambda: tr("what happens?"),
    "what_if": lambda: tr("what if?"),
    "what_next": lambda: tr("what is next?"),
    "when": lambda: tr("when?"),
    "where": lambda: tr("where?"),
    "which": lambda: tr("which, what kind?"),
    "who": lambda: tr("who?"),
    "whole_list": lambda: tr("a whole list"),
    "why": lambda: tr("why?"),
    "with_what": lambda: tr("with what?"),
    "yes_no": lambda: tr("is it so? (it is)"),
    "yes_no_altered": lambda: tr("is it so? (it is not)"),
}


def form_text(tags: str) -> str:
    """The title of a form; other tags unchanged."""
    known = _FORM_TEXTS.get(tags)
    return known() if known else tags
