"""Questions for the row of a Japanese table: its first cell is what it is about, each other one says something of it."""

from __future__ import annotations

import random
from collections.abc import Iterator

from core.text.questions.japanese_drafts import Draft
from core.text.questions.japanese_page import ReadFact, ReadPage, read_sentences
from core.text.questions.japanese_quantities import ask_for, find_figures
from core.text.questions.japanese_questions import iterate_part_questions, name_figure_form
from core.text.questions.japanese_reverse import tells_what_to_do
from core.text.questions.japanese_sentences import Sentence

MAX_CELL = 40  # characters of a cell that a question repeats


def iterate_table_questions(read: ReadFact, page: ReadPage, dice: random.Random) -> Iterator[tuple[str, str, str]]:
    """Yield questions for a row with their kinds and forms."""
    header, key = read.cells[0]
    event = _read_event(key)
    for name, cell in read.cells[1:]:
        if len(key) > MAX_CELL:
            continue
        whens = list(_iterate_whens(key, event))
        act = _read_event(cell, whole=False)
        if act is not None:
            yield from _ask_act(whens, key, act, name, dice)
        else:
            yield from _ask_value(key, event, name, cell, len(read.cells) == 2, dice)
        yield from _ask_back(read, header, name, cell, act, page, dice)


def _read_event(text: str, whole: bool = True) -> Sentence | None:
    """The cell as a sentence with a verb at its end; its first sentence where not the whole must be one."""
    found = read_sentences(text)
    first = found[0] if found and (len(found) == 1 or not whole) else None
    return first if first is not None and first.clauses[-1].predicate.kind == "verb" else None


def _iterate_whens(key: str, event: Sentence | None) -> Iterator[str]:
    """Yield ways to say that the case of the first cell is given."""
    if event is None:
        yield from (f"{key}の場合は、", f"{key}のときは、", f"{key}なんですが、")
        return
    predicate = event.clauses[-1].predicate
    yield from (f"{key}ときは、", f"{key}場合、")
    lead = event.text[: predicate.start]
    for one in predicate.happened():
        yield f"{lead}{one}んですけど、"
        if one.endswith(("た", "だ")):
            yield f"{lead}{one}ら、"


def _ask_act(
    whens: list[str], key: str, act: Sentence, name: str, dice: random.Random
) -> Iterator[tuple[str, str, str]]:
    ends = [
        "どうすればいいですか。",
        "どうしますか。",
        "どうしたらいい?",
        "何をすればいいんですか。",
        "どうすればいいの?",
        "どうしたらいいか教えてください。",
    ]
    if not tells_what_to_do(act) and act.clauses[-1].predicate.kind == "verb" and not act.clauses[-1].predicate.rule:
        ends += ["どうなりますか。"]
    for when in dice.sample(whens, min(4, len(whens))):
        yield when + dice.choice(ends), "direct", "what_happens"
    yield f"「{key}」の{name}を教えてください。", "direct", "table"
    for draft in iterate_part_questions(act, "", dice):
        if draft.predicate is not None:
            when = dice.choice(whens)
            question = draft.finish(dice.choice(("polite", "nda", "plain")), dice)
            yield when + question, "direct", draft.form


def _ask_value(
    key: str, event: Sentence | None, name: str, cell: str, is_only: bool, dice: random.Random
) -> Iterator[tuple[str, str, str]]:
    figures = find_figures(cell)
    names = [f"{key}の{name}は?", f"{key}の{name}を教えてください。", f"{key}の{name}はどうなっていますか。"]
    if event is not None:
        predicate = event.clauses[-1].predicate
        lead = f"{event.text[: predicate.start]}{predicate.plain()}"
        names = [f"{lead}と{name}は?", f"{lead}場合の{name}を教えてください。", f"{lead}ときの{name}は?"]
    yield from ((one, "direct", "table") for one in names)
    for figure in figures[:2]:
        for asked in ask_for(cell, figure):
            form = name_figure_form(figure, asked)
            if event is not None:
                yield f"{lead}と{asked}ですか。", "direct", form
                yield f"{event.text[: predicate.start]}{predicate.past_form()}ら{asked}?", "direct", form
            else:
                if len(figures) == 1 and (name_figure_form(figure) == "how_much" or is_only):
                    ends = ("polite", "plain", "kke", "tell")
                    yield Draft(key, asked, None, form).finish(dice.choice(ends), dice), "direct", form
                yield (
                    Draft(f"{key}の{name}", asked, None, form).finish(dice.choice(("polite", "nda")), dice),
                    "direct",
                    form,
                )
    if not figures and event is None:
        yield (
            Draft(f"{key}の{name}", "何", None, "what").finish(dice.choice(("polite", "kke", "tell")), dice),
            "direct",
            "what",
        )


def _ask_back(
    read: ReadFact, header: str, name: str, cell: str, act: Sentence | None, page: ReadPage, dice: random.Random
) -> Iterator[tuple[str, str, str]]:
    """The value is given and the first cell is asked for, where no other row has that value."""
    others = [
        one for one in page.facts if one is not read for other, text in one.cells if other == name and text == cell
    ]
    if others or len(cell) > MAX_CELL:
        return
    if act is not None:
        clause = act.clauses[-1]
        text = act.text[: clause.predicate.start] + clause.predicate.noun_like()
        ask = [
            "のはどんなときですか。",
            "のはどういう場合ですか。",
            "のって、どんなとき?",
            "必要があるのはどんなときですか。",
        ]
        if clause.predicate.negative or clause.predicate.rule:
            ask = ask[:3]
        yield text + dice.choice(ask), "reverse", "when"
        return
    yield f"{name}が{cell}なのはどの{header}ですか。", "reverse", "which"
    if any(cell in one.fact.text for one in page.facts if one is not read):
        return
    yield (
        f"{cell}なのは{dice.choice(['何ですか。', 'どれですか。'] if _read_event(read.cells[0][1]) is None else ['どんなときですか。', 'どんな場合ですか。'])}",
        "reverse",
        "what",
    )
    yield f"{header}で、{name}が{cell}のものを教えてください。", "reverse", "which"
