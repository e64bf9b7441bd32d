"""Questions for what a page says of one thing and not of another: the price of the second walk, who leads the third one.

Whether it is open is looked up in the whole page: what the thing, its kind, its heading or a general rule may answer is
not asked. A question that is taught as open and is answered does more harm than ten that are left out.
"""

import random
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field

from core.lazy_loading import lazy_pattern
from core.text.clauses import stem
from core.text.questions.english_context import Told
from core.text.questions.english_forms import name_thing
from core.text.questions.english_unstated import find_thing
from core.text.questions.english_words import CLOCK, MONEY, MONTH, NUMBER, STOP, WEEKDAY
from core.text.questions.rows import PageFact
from core.text.questions.shared_other_attributes import Saying, WholePage

_MADE = "founded|built|made|invented|painted|designed|written|composed"
_LONG = r"\b(?:minutes?|hours?|days?|weeks?|months?)\b"


@dataclass(frozen=True, slots=True)
class _Attribute:
    """What can be said of a thing. `stated` tells that a text says it; `evidence` finds the least sign of an answer.

    `needs_kin`: it is asked only of things of the same kind as one of which it is said.
    """

    frames: tuple[str, ...]
    stated: re.Pattern[str]
    evidence: re.Pattern[str]
    header: re.Pattern[str] | None = None
    needs_kin: bool = False


def _attribute(stated: str, evidence: str, *frames: str, header: str = "", needs_kin: bool = False) -> _Attribute:
    of_column = lazy_pattern(header, re.IGNORECASE) if header else None
    return _Attribute(
        frames, lazy_pattern(stated, re.IGNORECASE), lazy_pattern(evidence, re.IGNORECASE), of_column, needs_kin
    )


_ATTRIBUTES = (
    _attribute(
        rf"^(?!.*\b(?:deposit|fine|late|lost)\b).*(?:{MONEY})",
        r"[€$£¥]|cost|pric|\bfees?\b|free|\bpa(?:y|id)|charg|money|cheap|expens|euro|dollar|pound|penc|cent\b|cents\b|includ|hire|rent|fare|admission",
        "How much does {n} cost?", "What is the price of {n}?", "How much do I pay for {n}?",
        header=r"^(?:price|cost|fee|fare)s?$",
    ),
    _attribute(
        rf"(?:lasts?|takes?|goes on for|duration|length)\b[^.;]*{_LONG}",
        rf"{_LONG}|(?<!km )(?<!metres )(?<!miles )\blong\b|\blasts?\b|\btakes?\b|duration|length|until|(?:to|till|by|[-–]) ?(?:{CLOCK})|\btimes?\b|short|ends? ",
        "How long does {n} last?", "How long does {n} take?",
        header=r"^(?:length|duration|time|how long)$", needs_kin=True,
    ),
    _attribute(
        rf"(?:starts?|begins?|leaves?|departs?) (?:[a-z]+ )*(?:at )?(?:{CLOCK})",
        rf"{CLOCK}|start|begin|leav|depart|morning|evening|afternoon|\bwhen\b|\btimes?\b|early|late",
        "When does {n} start?", "At what time does {n} begin?", header=r"^(?:start|begins?|starts?|starting time)$", needs_kin=True,
    ),
    _attribute(
        rf"\bopen\b[^.;]*(?:{CLOCK}|{WEEKDAY}|{MONTH})",
        rf"\bopen|clos|shut|{CLOCK}|day|\bhours\b|season|{MONTH}|night",
        "When is {n} open?", "What are the opening hours of {n}?", needs_kin=False,
    ),
    _attribute(
        r"\bweigh|\bheavy\b|\d ?(?:kg|kilos?|grams?|tonnes?)\b", r"weigh|heav|light|kilo|\bkg\b|gram|tonne|load",
        "How heavy is {n}?", "What does {n} weigh?", header=r"^weight$",
    ),
    _attribute(
        rf"{NUMBER} ?(?:km|kilometres?|miles?) long", r"\bkm\b|kilomet|\bmiles?\b|metre|\blong\b|distance|\bfar\b|length|short",
        "How many kilometres long is {n}?", "How long is {n} in kilometres?", needs_kin=True,
    ),
    _attribute(
        rf"{NUMBER} ?(?:m|cm|metres?|centimetres?|feet|foot) (?:tall|high)", r"\btall\b|high|height|metre|\bcm\b|\bm\b|feet|foot|big|siz|small|large",
        "How high is {n}?", "How tall is {n}?", header=r"^height$",
    ),
    _attribute(
        rf"{NUMBER} ?(?:m|cm|metres?|centimetres?|feet|foot) deep", r"\bdeep|depth|metre|\bcm\b|\bm\b|feet|foot|shallow",
        "How deep is {n}?", header=r"^depth$",
    ),
    _attribute(
        rf"\b(?:seats|holds|carries) {NUMBER} (?:people|persons|guests|passengers|visitors|children)", r"\bseats?\b|\bholds?\b|carr|people|person|guest|passenger|visitor|child|capacity|places|groups?\b|\bfor (?:two|three|four|\d)",
        "How many people does {n} hold?", "How many people are there seats for in {n}?", header=r"^(?:places|people|capacity)$", needs_kin=True,
    ),
    _attribute(
        r"\b(?:led by|leads)\b", r"\bled\b|\blead|guid|\brun\b|\bruns\b|teach|taught|(?-i:\bby [A-Z]|\bwith [A-Z])|instruct|coach|tutor|\bwho\b|takes you",
        "Who leads {n}?", "Who is the leader of {n}?", header=r"^(?:leader|guide|led by)$", needs_kin=True,
    ),
    _attribute(
        r"\b(?:taught by|teaches)\b", r"\bled\b|\blead|guid|\brun\b|\bruns\b|teach|taught|(?-i:\bby [A-Z]|\bwith [A-Z])|instruct|coach|tutor|\bwho\b",
        "Who teaches {n}?", "Who is the teacher of {n}?", header=r"^(?:teacher|tutor|instructor|taught by)$", needs_kin=True,
    ),
    _attribute(
        rf"\b(?:{_MADE}) by\b", rf"{_MADE}|creat|(?-i:\bby [A-Z])|\b1\d\d\d\b|\b20\d\d\b|\bwork of\b|(?-i:\bfrom [A-Z])|maker|artist|author|wrote",
        "Who made {n}?", "Whose work is {n}?", header=r"^(?:maker|artist|author|made by|painter|composer)$", needs_kin=True,
    ),
    _attribute(
        rf"\bdeposit\b[^.;]*(?:{MONEY})|(?:{MONEY})[^.;]*\bdeposit\b", r"deposit|securit",
        "How much is the deposit for {n}?", "What deposit do I leave for {n}?", header=r"^deposit$",
    ),
    _attribute(
        r"\baged (?:[a-z]+ )*\d|\b(?:under|over|at least) \d+\b(?! ?(?:minutes|hours|days|people|km|m\b|metres|cm|kilos|kg|guests|steps))(?![:.]\d)|years old",
        r"\bage|\bold|\byears?\b|under \w+|over \w+|child|adult|young|junior|senior|minimum|teen|kids",
        "Is there an age limit for {n}?", "How old do I have to be for {n}?", header=r"^(?:age|ages|for ages)$", needs_kin=True,
    ),
)  # fmt: skip
_PRICE = _ATTRIBUTES[0]
_TICKET = lazy_pattern(
    r"\b(?:tickets?|pass(?:es)?|cards?|fees?|admission|entry|entrance|memberships?|fares?|vouchers?)$", re.IGNORECASE
)
_SALE = lazy_pattern(r"\b(?:hir|rent|sale|sell|sold|buy|bought|borrow|len[dt]|menu|shop|extras?|book)", re.IGNORECASE)
_GENERAL = lazy_pattern(
    r"\b(?:all|both|either|every|everything|everyone|anyone|any|each (?!other)[a-z]+|everybody|anything|others?|otherwise|the rest|the same"
    r"|in general|generally|always|whatever|whichever|only|remaining|unless|except|these|those|they|them|as well|prices include|admission|tickets?|entry|entrance)\b",
    re.IGNORECASE,
)
_ANYTHING = lazy_pattern(
    r"^(?:it|they|we|you|i|he|she|this|that|these|those|there|one|nobody|whoever|who|what)\b"
    r"|\b(?:admission|entry|entrance|tickets?|fees?|prices?|visits?|tours?|rates?|lessons?|sessions?|classes|courses?|events?|activities|rooms?|things?|items?|hire|rental|bookings?|reservations?|opening|costs?)$",
    re.IGNORECASE,
)
_VALUE = lazy_pattern(
    r"\d|\bfree\b|[€$£¥]|\b(?:hour|half|day|week|night|morning|evening|one|two|three)|\bby (?-i:[A-Z])", re.IGNORECASE
)
_RULES = lazy_pattern(
    r"\b(?:rules?|conditions|general|terms|about|information|good to know|notes?|everyone|prices?|costs?|fees?|fares?|charges|tickets|times|opening|hours|figures|data)\b",
    re.IGNORECASE,
)
_OPEN_START = lazy_pattern(r"^(?:it|they|this|that|these|those|both|he|she|then|there|here|also|but)\b", re.IGNORECASE)


@dataclass(slots=True)
class _Thing:
    """Something that statements are about: how a question names it, the words of its name, and where they stand."""

    name: str
    key: str
    sort: str
    told: Told
    is_plural: bool = False
    is_person: bool = False
    texts: list[str] = field(default_factory=list)

    @property
    def headings(self) -> tuple[str, ...]:
        return self.told.fact.headings

    @property
    def words(self) -> list[str]:
        return [word for word in re.findall(r"[a-z]{3,}", self.key.lower()) if word not in STOP]

    @property
    def kind(self) -> str:
        """Its main noun."""
        return stem(self.words[-1]) if self.words else ""

    def is_concerned(self, text: str) -> bool:
        """Whether a text may be about it: it has a word of its name, or a word for all things."""
        stems = {stem(word) for word in re.findall(r"[a-z]{3,}", text.lower())}
        if any(stem(word) in stems for word in self.words):
            return True
        return _GENERAL.search(re.sub(r"each(?=[.,;]|$)", "", text)) is not None


def ask_other_attributes(
    all_told: Sequence[Told], elsewhere: Sequence[PageFact], names: Collection[str], dice: random.Random
) -> Iterator[tuple[Told, str]]:
    """Yield open questions, each with the statement of the thing that it asks about, at most two for a thing."""
    things = _find_things(all_told, [*names])
    page = _Page(all_told, elsewhere, things)
    seen: set[str] = set()
    for thing in things:
        if thing.headings and thing.key.lower() in thing.headings[0].lower():
            continue  # what the page is about, of which all of it may tell something
        found = [*_ask_of_columns(thing, things, page), *_ask_of_others(thing, things, page)]
        dice.shuffle(found)
        forms: set[tuple[str, ...]] = set()
        for frames in found:
            frame = dice.choice(frames)
            if thing.is_plural:
                frame = frame.replace("does {n}", "do {n}").replace("is {n}", "are {n}")
            question = frame.format(n=thing.name)
            question = question[:1].upper() + question[1:]
            if frames not in forms and len(forms) < 2 and question.casefold() not in seen:
                forms.add(frames)
                seen.add(question.casefold())
                yield thing.told, question


def _find_things(all_told: Sequence[Told], names: list[str]) -> list[_Thing]:
    found: dict[tuple[str, tuple[str, ...]], _Thing] = {}
    for told in all_told:
        thing = _read_thing(told, names)
        if thing is None:
            continue
        known = found.setdefault((thing.key.lower(), thing.headings), thing)
        known.texts.append(told.answer)
    return list(found.values())


def _read_thing(told: Told, names: list[str]) -> _Thing | None:
    if told.cells:
        header, entry = told.cells[0]
        entry = re.sub(r"\s*\([^)]*\)", "", entry)
        is_name = bool(re.search("[A-Z]", entry[1:]))
        head = header.lower() if re.fullmatch("[A-Za-z]+", header) and header.lower() not in _NO_KIND else ""
        named = head and not head.endswith("s") and not is_name and len(entry.split()) <= 3
        name = f"the {entry[0].lower()}{entry[1:]} {head}" if named else entry if is_name else f"“{entry}”"
        return _Thing(name, entry, "row", told)
    if told.label:
        is_act = re.search(r"^\w+ing\b|ing$|\b(?:for|with|in|on)\b", told.label)
        name = f"“{told.label}”" if is_act else name_thing(told.label, ())
        return _Thing(name, told.label, "label", told, not is_act and told.label.endswith("s"))
    if told.term or len(told.names) > 1:
        return None
    name, is_person, _head, plural = find_thing(told, names)
    # What a ticket costs is what many things cost.
    if not name or not re.match(r"the |[A-Z]", name) or _TICKET.search(name):
        return None
    return _Thing(name, re.sub("^the ", "", name), "sentence", told, plural, is_person)


_NO_KIND = ("item", "name", "what", "type", "thing", "kind")


class _Page(WholePage):
    """All that the page says, and what each text is about."""

    def __init__(self, all_told: Sequence[Told], elsewhere: Sequence[PageFact], things: Sequence[_Thing]) -> None:
        by_text = {text: thing.key for thing in things for text in thing.texts}
        by_fact = {told.fact.name: by_text[told.answer] for told in all_told if told.answer in by_text}
        # “Ines leads it.”, told with the sentence before, is about what that one is about.
        owners = [by_text.get(told.answer) or by_fact.get(told.names[0], "") for told in all_told]
        said = [
            Saying(told.answer, told.fact.headings, owner, _has_subject(told))
            for told, owner in zip(all_told, owners, strict=True)
        ]
        said += [Saying(one.text, one.headings) for one in elsewhere]
        super().__init__(said, (one.key for one in things), (one.headings for one in things), _RULES, _OPEN_START)

    def is_open_of(self, thing: _Thing, evidence: re.Pattern[str]) -> bool:
        """Whether nothing on the page can be about the thing, its kind or all things, and have evidence."""
        if any(evidence.search(one) and _VALUE.search(one) for one in thing.headings[1:]):
            return False
        return self.is_open(thing.key, thing.headings, evidence, thing.is_concerned)


def _has_subject(told: Told) -> bool:
    """Whether a statement is about something that it names itself, and that is no visit, ticket or rule for all."""
    subjects = [clause.subject for clause in told.clauses if clause.is_main]
    return bool(subjects) and not any(not one or _ANYTHING.search(one) for one in subjects)


def _is_for_sale(thing: _Thing) -> bool:
    """Whether it is among things that are lent or sold, so that any of them may have a price."""
    return _SALE.search(" ".join((*thing.headings[-1:], *thing.texts))) is not None


def _ask_of_columns(thing: _Thing, things: Sequence[_Thing], page: _Page) -> Iterator[tuple[str, ...]]:
    """Yield frames for the columns that this row has nothing in, and another one has."""
    if thing.sort != "row":
        return
    own = {name for name, _value in thing.told.cells}
    kin = [one for one in things if one.sort == "row" and one.headings == thing.headings and one is not thing]
    others = [name for one in kin if one.told.cells[0][0] == thing.told.cells[0][0] for name, _value in one.told.cells]
    for header in dict.fromkeys(name for name in others if name not in own):
        attribute = next((one for one in _ATTRIBUTES if one.header and one.header.match(header)), None)
        if attribute and page.is_open_of(thing, attribute.evidence):
            yield attribute.frames
        elif attribute is None and re.fullmatch("[A-Z][a-z]+(?: [a-z]+)?", header):
            is_price = any(
                re.search("[€$£¥]", value) for one in kin for name, value in one.told.cells if name == header
            )
            words = [word for word in header.lower().split() if word not in STOP]
            if words and page.is_open_of(thing, re.compile("|".join(map(re.escape, words)), re.IGNORECASE)):
                is_plural = header.endswith("s") and not header.endswith("ss")
                frames: tuple[str, ...] = (f"What {'are' if is_plural else 'is'} the {header.lower()} of {{n}}?",)
                if not is_plural:
                    frames += (f"Which {header.lower()} does {{n}} have?",)
                yield (f"How much is {{n}} ({header.lower()})?",) if is_price else frames


def _ask_of_others(thing: _Thing, things: Sequence[_Thing], page: _Page) -> Iterator[tuple[str, ...]]:
    """Yield frames for what is said of other things under the same heading."""
    if thing.is_person or thing.sort == "row":
        return
    others = [one for one in things if one.headings == thing.headings and one is not thing and one.sort == thing.sort]
    for attribute in _ATTRIBUTES:
        having = [one for one in others if any(attribute.stated.search(text) for text in one.texts)]
        if thing.sort != "label" and (attribute.needs_kin or (attribute is _PRICE and not _is_for_sale(thing))):
            having = [one for one in having if one.kind == thing.kind]
        if having and page.is_open_of(thing, attribute.evidence):
            quoted = thing.sort == "label" and attribute.needs_kin and not thing.name.startswith("“")
            yield tuple(frame.replace("{n}", f"“{thing.key}”") if quoted else frame for frame in attribute.frames)
