"""Questions about statements that are no sentences: definitions, rows of a table, “Car park: €4 a day.”"""

import re
from collections.abc import Collection, Iterator, Sequence

from core.lazy_loading import lazy_pattern
from core.text.questions.english_asking import Ask, to_asker
from core.text.questions.english_clauses import Part, ask_for, is_money, is_person
from core.text.questions.english_context import Told
from core.text.questions.english_sentences import Reader, read_sentences
from core.text.questions.english_wh import ask_about
from core.text.questions.english_words import CLOCK, DATE_WORDS, STOP, WEEKDAY

_GENUS_END = lazy_pattern(
    r"(?:,| (?:that|which|in which|for|as|whose|from|with|you|we|they|on which|where|when|who|the size|used|made|packed|bought)\b).*$"
)
_PRICE = lazy_pattern(r"^(?:price|cost|fee|charge|rate|tariff)s?\b", re.IGNORECASE)


def ask_by_form(told: Told, all_told: Sequence[Told], reader: Reader, names: Collection[str]) -> list[Ask]:
    """All questions about a statement: by its form, else by its clauses."""
    if told.cells:
        return list(_ask_row(told, all_told, names))
    if told.term:
        return list(_ask_definition(told, reader, names))
    asks = [ask for clause in told.clauses for ask in ask_about(clause)]
    if told.label:
        asks = [*_ask_fragment(told, names), *(_under_label(ask, told.label, names) for ask in asks)]
    return asks


def shorten(meaning: str) -> str:
    """The first words of a meaning, to where it begins to explain: “a thin blade”."""
    return _GENUS_END.sub("", meaning)


def find_genera(all_told: Sequence[Told]) -> dict[str, str]:
    """What kind of thing each defined term is, as the page itself says it: a tammet is a “wooden frame”."""
    found = {}
    for told in all_told:
        if told.term and not told.term.startswith("To ") and not re.match(r"(?:to|what|where|how) ", told.meaning):
            genus = _GENUS_END.sub(
                "", re.sub(r"^(?:an?|the|one|our|your|any) ", "", told.meaning, flags=re.IGNORECASE)
            ).strip()
            if 0 < len(genus.split()) <= 4 and genus.lower() not in told.term.lower():
                found[told.term.removeprefix("The ")] = genus
    return found


def name_thing(label: str, names: Collection[str]) -> str:
    """A label as a sentence names it: “the car park”, “rowing boats”, “the Gold Card”."""
    words = label.split()
    small = label if words[0] in names or label[:2].isupper() else label[0].lower() + label[1:]
    head = re.split(r" (?:for|of|in|on|with|at|from) ", label)[0].split()[-1]
    if re.match(r"(?:the|an?|our|your|all|both|each|every|to) ", small, re.IGNORECASE):
        return small
    is_plural = head.endswith("s") and not head.endswith("ss")
    return small if is_plural or (small == label and words[0] in names) else f"the {small}"


def _under_label(ask: Ask, label: str, names: Collection[str]) -> Ask:
    """A question about the rest of a statement, with its label."""
    thing = name_thing(label, names)
    mentioned = any(word in ask.direct.lower() for word in re.findall(r"[a-z]{4,}", label.lower()))
    if mentioned:
        return ask
    if len(label) % 2:
        return Ask(f"{label}: {_lower_first(ask.direct)}", f"for {thing}, {ask.indirect}", ask.form, ask.kind)
    return Ask(f"About {thing}: {_lower_first(ask.direct)}", f"about {thing}, {ask.indirect}", ask.form, ask.kind)


def _lower_first(text: str) -> str:
    return text if re.match(r"I\b", text) else text[:1].lower() + text[1:]


def _ask_definition(told: Told, reader: Reader, names: Collection[str]) -> Iterator[Ask]:
    if told.term.startswith("To "):
        yield from _ask_verb(told, reader, names)
        return
    term = told.answer.split(" is ")[0].split(" are ")[0]
    term = term if told.term[:2].isupper() else term[0].lower() + term[1:]
    bare = re.sub("^The ", "the ", told.term)
    bare = bare if re.search("[A-Z]", bare[1:]) else bare.lower()
    bare = f"“{bare}”" if " " in bare else bare
    be, do = ("are", "do") if " are " in told.answer.split(",")[0] and bare.endswith("s") else ("is", "does")
    yield Ask(f"What {be} {term}?", f"what {term} {be}", "definition")
    yield Ask(f"What does {bare} mean?", f"what {bare} means", "definition", "reworded")
    yield Ask(f"What {do} the word {bare} stand for?", f"what the word {bare} stands for", "definition", "reworded")
    yield Ask(f"How would you recognise {term}?", f"how to recognise {term}", "definition", "reworded")
    yield Ask(f"Someone talked about {term}. What is that?", f"what {term} {be}", "definition", "reworded")
    for clause in read_sentences(told.answer, reader, names):
        for ask in ask_about(clause) if not clause.is_main else ():
            if clause.subject in ask.direct and ask.kind == "direct":
                texts = [text.replace(clause.subject, term) for text in (ask.direct, ask.indirect)]
                yield Ask(texts[0], texts[1], ask.form)
    if re.match(r"(?:what|where|how) ", told.meaning):
        yield _plain(f"Which word stands for {to_asker(re.split('[:;]', told.meaning)[0])}", "reverse", "reverse")
    else:
        yield from _ask_word_for(to_asker(told.meaning))


def _ask_verb(told: Told, reader: Reader, names: Collection[str]) -> Iterator[Ask]:
    """Yield the questions about a verb that the page defines: “To mellin. To soak the scales.”"""
    bare = told.term.removeprefix("To ")
    yield _plain(f"What does it mean to {bare}", "definition")
    yield _plain(f"What does “to {bare}” mean", "definition")
    yield Ask(f"What do I do when I {bare}?", f"what I do when I {bare}", "definition", "reworded")
    yield Ask(f"How do I {bare}?", f"how to {bare}", "how", "reworded")
    for clause in read_sentences(f"You {told.meaning.removeprefix('to ')}.", reader, names):
        for ask in ask_about(clause):
            if ask.form not in ("yes_no", "what_do") and len(ask.direct.split()) < 12:
                yield Ask(f"{ask.direct[:-1]} when I {bare}?", f"{ask.indirect} when I {bare}", ask.form, ask.kind)
    yield from _ask_word_for(to_asker(told.meaning))


def _ask_word_for(meaning: str) -> Iterator[Ask]:
    """Yield the questions from the meaning to the word."""
    short = _GENUS_END.sub("", meaning)
    for text in dict.fromkeys((" ".join(re.split(r"[,;:]", meaning)[0].split()[:14]), short)):
        if len(text.split()) < 2:
            continue
        if text.startswith("to "):
            yield _plain(f"What do you call it when you {text[3:]}", "reverse", "reverse")
        else:
            yield Ask(f"What do you call {text}?", f"what {text} is called", "reverse", "reverse")
            yield Ask(f"What is the word for {text}?", f"what the word for {text} is", "reverse", "reverse")
        yield _plain(f"Which word means {text}", "reverse", "reverse")


def _plain(text: str, form: str, kind: str = "direct") -> Ask:
    return Ask(f"{text}?", _lower_first(text), form, kind)


def _ask_fragment(told: Told, names: Collection[str]) -> Iterator[Ask]:
    """Yield questions about “Car park: €4 a day.” and what a label tells in other fragments."""
    thing = name_thing(told.label, names)
    be = "are" if not thing.startswith("the ") and thing.split(" for ")[0].endswith("s") else "is"
    pieces = filter(None, (piece.strip(" .") for piece in re.split(r"[,;] (?!\d{3})", told.rest)))
    for piece in pieces:
        money = re.match(
            r"^([€$£¥]\s?[\d.,]*\d|[\w.]+ (?:euros?|dollars?|pounds?|yen|cents?|pence|shillings?|crowns?))\b ?(.*)$",
            piece,
        )
        if money and is_money(piece):
            yield from _ask_price(thing, be, money)
        elif (
            re.fullmatch(r"(?:not )?[a-z]+(?: [a-z]+ed)?", piece)
            and not piece.endswith("ing")
            and piece.split()[0] not in STOP - {"not"}
        ):
            yield Ask(
                f"{be.capitalize()} {thing} {piece.removeprefix('not ')}?",
                f"whether {thing} {be} {piece.removeprefix('not ')}",
                "yes_no",
                "reworded",
            )
        else:
            for asking in ask_for(
                Part(piece, "preposition" if piece.split()[0] in ("for", "from", "until", "on") else "object")
            ):
                if asking.form not in ("what", "which", "who"):
                    yield Ask(
                        f"{told.label}: {_lower_first(f'{asking.words} {asking.rest}'.strip())}?",
                        f"{_lower_first(asking.words)} {asking.rest}".strip() + f" for {thing}",
                        asking.form,
                    )
    if not told.clauses:
        yield _plain(f"What applies to {thing}", "rule", "reworded")
        yield _plain(f"What is the rule for {thing}", "rule")
        yield Ask(f"What should I know about {thing}?", f"what to know about {thing}", "rule", "reworded")


def _ask_price(thing: str, be: str, money: re.Match[str]) -> Iterator[Ask]:
    """Yield questions about “€4 a day”."""
    do = "do" if be == "are" else "does"
    tail = f" {money[2]}" if money[2] else ""
    yield Ask(f"How much {be} {thing}{tail}?", f"how much {thing} {be}{tail}", "how_much")
    yield Ask(f"What {do} {thing} cost{tail}?", f"what {thing} cost{'' if be == 'are' else 's'}{tail}", "how_much")
    yield Ask(f"What is the price of {thing}{tail}?", f"what the price of {thing}{tail} is", "how_much", "reworded")
    yield Ask(f"How much do I pay for {thing}{tail}?", f"how much I pay for {thing}{tail}", "how_much", "reworded")
    yield _plain(f"What costs {money[1]}{tail}", "reverse", "reverse")
    yield Ask(
        f"{be.capitalize()} {thing} {money[1]}{tail}?",
        f"whether {thing} {be} {money[1]}{tail}",
        "yes_no",
        "reworded",
    )


def _ask_who_counts(small: str, person: bool) -> Ask:
    """The question for what stands in the brackets behind a row's name: “Adult (16 to 64)”."""
    article = ("an " if small[0] in "aeiou" else "a ") if person else ""
    return _plain(f"{'Who' if person else 'What'} counts as {article}{small}", "definition", "reworded")


def _ask_row(told: Told, all_told: Sequence[Told], names: Collection[str]) -> Iterator[Ask]:
    """Yield the questions about a table's row: each cell from its row and column, and the row from a cell."""
    (header, entry), *cells = told.cells
    entity = re.sub(r"\s*\([^)]*\)", "", entry)
    person = is_person(entity.split()[-1])
    small = entity if entity.split()[0] in names or entity[:2].isupper() else entity[0].lower() + entity[1:]
    head = header.lower() if re.fullmatch(r"[A-Za-z]+", header) else ""
    fits = (
        head
        and head not in ("name", "item", "what", "type", "kind", "day", "number", "who", "when")
        and head not in entity.lower()
    )
    thing = (
        f"{'an' if small[0] in 'aeiou' else 'a'} {small} {head}"
        if fits and small != entity
        else name_thing(entity, names)
    )
    for column, value in cells:
        where = place_column(column)
        others = [v for one in all_told if one.cells and one is not told for c, v in one.cells if c == column]
        if is_money(value):
            tail = "" if _PRICE.match(column) else f" {where}"
            yield Ask(f"How much is {thing}{tail}?", f"how much {thing} is{tail}", "how_much")
            yield Ask(f"What does {thing} cost{tail}?", f"what {thing} costs{tail}", "how_much")
            yield Ask(
                f"What is the price of {thing}{tail}?", f"what the price of {thing} is{tail}", "how_much", "reworded"
            )
            if person:
                article = "an" if small[0] in "aeiou" else "a"
                yield Ask(
                    f"How much does {article} {small} pay{tail}?",
                    f"how much {article} {small} pays{tail}",
                    "how_much",
                    "reworded",
                )
            if value not in others:
                yield _plain(f"Which {head or 'one'} costs {value}{tail}", "reverse", "reverse")
                yield _plain(f"Who pays {value}{tail}" if person else f"What costs {value}{tail}", "reverse", "reverse")
            yield Ask(f"Is {thing} {value}{tail}?", f"whether {thing} is {value}{tail}", "yes_no", "reworded")
        else:
            name = column if column.split()[0] in names else column[0].lower() + column[1:]
            yield Ask(f"What is the {name} of {thing}?", f"what the {name} of {thing} is", "what")
            yield _plain(f"Which {name} does {thing} have", "what", "reworded")
            yield Ask(f"{entity}: what is the {name}?", f"the {name} of {thing}", "what", "reworded")
            if value not in others:
                yield _plain(f"Which {head or 'one'} has the {name} {value}", "reverse", "reverse")
    if "(" in entry:
        yield _ask_who_counts(small, person)


_WEEK = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def list_days(span: str) -> list[str]:
    """The days inside a span such as “Monday to Friday”, or of “weekends”; none where it tells no days."""
    match = re.search(rf"({WEEKDAY})s? (?:to|until|–|-) ({WEEKDAY})", span, re.IGNORECASE)
    if match:
        first, last = (
            next((n for n, day in enumerate(_WEEK) if day.lower() == one.lower().removesuffix("s")), 0)
            for one in match.groups()
        )
        return list(_WEEK[first : last + 1]) if first < last else []
    return ["Saturday", "Sunday"] if re.search("weekend", span, re.IGNORECASE) else []


def place_column(column: str) -> str:
    """A column's name behind a question: “from Monday to Friday”, “at weekends and school holidays”."""
    if re.match(rf"{WEEKDAY} to {WEEKDAY}", column, re.IGNORECASE):
        return f"from {column}"
    if re.match(rf"{WEEKDAY}", column, re.IGNORECASE):
        return f"on {column}"
    if re.search(CLOCK, column) or re.match(r"(?:at|in|on|from|until|after|before|per|for) ", column, re.IGNORECASE):
        return column[0].lower() + column[1:]
    if re.search(DATE_WORDS, column, re.IGNORECASE):
        small = column[0].lower() + column[1:]
        return f"on {small}" if re.search(r"holiday|weekend|day", small) else f"in {small}"
    return f"({column})"
