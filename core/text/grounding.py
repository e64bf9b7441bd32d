"""Tells whether a row follows from the spec: its quote is there, and its figures, terms and negations agree with it.

Rules on words, offline and the same each time. They lean to precision: what only a reader would notice passes.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations

from core.language import tr
from core.text import clauses
from core.text.clauses import Clause, Figure, ParsedText

CLAUSES = 200  # of an answer, and of its facts, that are compared with each other
FACTS, SENTENCES = 50, 5000  # of a row, and of a spec, that are compared
MAX_READ_CHARACTERS = 4000  # characters of a question or an answer that are compared
QUOTE, FIGURE, UNIT, SWAPPED, TERM, ELSEWHERE = "quote-missing", "figure", "unit", "swapped", "term", "elsewhere"
NEGATION, OPPOSITE, ONLY, ROLE = "negation", "opposite", "only-lost", "duty-as-foul"
DERIVING = ("applied", "statement")  # kinds whose figures may be worked out from others
FIGURES = 10  # different figures of a basis that others are worked out from
MAX_FIGURES = 100  # figures of an answer, a question and the facts that are compared

_MARKS = re.compile(r"(?m)[*_`~]|^[ \t>]*(?:[-*+]|\d{1,9}[.)])[ \t]+|<[a-z/][^<>\n]{0,80}>|\]\([^()\n]{0,300}\)")
_QUOTED = re.compile(r"[a-zß-öø-ÿā-ž]+|\d+(?:[.,:/]\d+)*|[^\W_]")
_ELLIPSIS = re.compile(r"\[…\]|\(…\)|…+|⋯+|\.{3,}|[(（〔]?中略[)）〕]?")
_NOT = re.compile(
    r"\b(?:not|never|none|nothing|nobody|neither|cannot|cant|dont|doesnt|didnt|isnt|arent|wont|mustnt|shouldnt|except|apart from"
    r"|other than|unless|forbidden|prohibited|banned|excludes?|excluded|no (?!more|less|fewer|later|longer than))\b ?|^no "
    r"|ません|(?<![少危])ない|なく(?![しすて])|禁止|禁じ|いけな|不可|できず|せずに"
)
# What looks like a negation and is none: duties, permissions, contrasts, losing things.
_NO_NOT = re.compile(
    r"な(?:ければ|くては|いと)(?:な[らり]|いけ|だめ)(?:ません|ない)|(?:かまい|構い|差し支えあり|かもしれ|すみ|済み)ません|(?:では|じゃ|だけで)なく"
    r"|少なくとも|not (?:only|just)|(?:no|not) (?:more|less|fewer|later|longer) than|whether or not"
)
# A condition in one clause with what follows from it; another text may have it in a clause of its own.
_CONDITION = re.compile(
    r"(?<=[a-z0-9] )(?:if|when|unless|until|where) .*"
    r"|^.*(?:ない(?:と|なら(?:ば)?|限り|(?:場合|とき|時|うち)[はにも]*)|なければ|なかったら)(?!な[らり]|いけ|だめ)(?=.{4})"
)
_EXCLUSIVE = re.compile(
    r"\bonly\b|\bsolely\b|\bnothing else\b|\bno other\b|\balone\b|\bexclusively\b|\bexcept\b|だけ|のみ|限[らりっる]|以外|しか"
)
_YES = re.compile(r"\s*(?:yes|はい|ええ)(?![a-z])", re.IGNORECASE)
_DUTY = re.compile(r"\b(?:must|ha(?:s|ve) to|duty|obliged|required)\b|なければな|なくてはな|義務|必ず")
_FOUL = re.compile(
    r"\b(?:fouls?|forbidden|prohibited|violations?|offences?|banned|illegal)\b|反則(?!では)|違反(?!では)|禁止|禁じ"
)
# Words of which one turns the other round; each pair is looked for in clauses that otherwise agree.
_OPPOSITES = [
    (re.compile(one), re.compile(other))
    for one, other in (
        (
            r"at most|up to|maximum|(?:no|not) (?:more|longer|later) than|or (?:less|fewer)|less than|fewer than|shorter|under\b|below"
            r"|最長|最大|最高|以内|以下|未満|まで",
            r"at least|minimum|(?:no|not) (?:less|fewer) than|or more|(?<!no )(?<!not )(?:more|longer) than|longer|above"
            r"|最短|最小|最低|以上|超え|少なくとも",
        ),
        (r"\bbefore\b|prior to|(?<=[日分間時月年])前|前日|前に", r"\bafter\b|following|(?<=[日分間時月年])後|翌日|後に"),
        (r"\bother\b|\bopponents?\b|\bopposing\b|相手", r"\bsame\b|\bown\b|自分"),
        (r"\bscor(?:ed?|es|ing)\b", r"\bconced(?:ed?|es|ing)\b"), (r"\bw[io]ns?\b|勝", r"\blos(?:es?|t)\b|負"),
        (r"\bfirst\b|最初", r"\blast\b|最後"), (r"\bopen", r"\bclos|\bshut"), (r"\bwith\b", r"\bwithout\b"),
        (r"\ball\b|\bboth\b|両方|どちらも|いずれも", r"\beither\b|one of|どちらか|いずれか|一方"),
        (r"\bincreas|増", r"\bdecreas|減"), (r"\binside\b|\bindoors?\b", r"\boutside\b|\boutdoors?\b"),
        (r"nearest|closest|近", r"farthest|furthest|遠"), (r"\bempty\b", r"\bfull\b"), (r"\bmust\b|義務", r"\boptional\b|任意"),
        (r"午前", r"午後"), (r"\bleft\b", r"\bright\b"),
    )
]  # fmt: skip
_SIDED = re.compile("|".join(pattern.pattern for pair in _OPPOSITES for pattern in pair))
_VOICE = re.compile(r"([\u3400-\u9fff]{2,8})(され|し(?=た|て|ま)|する)")


@dataclass(frozen=True, slots=True)
class Doubt:
    """`why` is one of the names above; `words` is what does not follow, in the row's own or in normalised words."""

    why: str
    words: str


@dataclass(frozen=True, slots=True)
class _Whole:
    """The spec, read once for all rows: `quoted` as `_in_words`, and what each of its sentences consists of."""

    quoted: str
    read: ParsedText
    sets: tuple[tuple[str, frozenset[str]], ...]
    counted: frozenset[tuple[float, str]]


def find_doubts(
    question: str, answer: str, basis: Sequence[str], spec: str = "", quote: str = "", kind: str = ""
) -> list[Doubt]:
    """What speaks against a row; none where it follows from `basis`, the facts it teaches and its quote.

    `spec` is the whole text, in which the quote must be. Without a basis, and for the kind `not_stated`, only the quote
    is looked at; `survey.admission` tells of answers that admit that the text does not say. Figures of the kinds
    `DERIVING` may be worked out: sums, differences, products, quotients of two, and what the answer itself adds up.
    """
    missing = _missing(quote, _whole(spec).quoted) if quote and spec else ""
    found = [Doubt(QUOTE, missing)] if missing else []
    if kind == "not_stated" or not any(basis):
        return found
    told, said = _basis(tuple(basis)), _read(answer[:MAX_READ_CHARACTERS], polite=True)
    if not said.clauses or said.text in told.sentences or answer in basis:
        return found
    whole, deriving = _whole(spec), kind in DERIVING
    found += _figure_doubts(said, question, told, whole, deriving) or _find_swapped(said, told)
    found += _find_turned(said, told) or _only_lost(answer, said, told) or _roles(said, told, whole)
    found += _terms(said, question, told, whole, deriving)
    return list(dict.fromkeys(found))


def format_doubt(doubt: Doubt) -> str:
    """A doubt as a sentence for the person."""
    words = doubt.words
    match doubt.why:
        case "quote-missing":
            return tr("The quotation is not in the spec: “{words}”.", words=words)
        case "figure":
            return tr("The figure {words} does not follow from the facts.", words=words)
        case "unit":
            return tr("The facts use another unit for this figure than “{words}”.", words=words)
        case "swapped":
            return tr("In the facts, {words} refers to something else.", words=words)
        case "elsewhere":
            return tr("“{words}” is in the spec, but not in the facts that this row is based on.", words=words)
        case "negation":
            return tr("The facts contradict “{words}”: one is negated, the other is not.", words=words)
        case "opposite":
            return tr("The facts say the reverse of the answer: “{words}”.", words=words)
        case "only-lost":
            return tr("The facts allow only one thing; the answer adds “{words}”.", words=words)
        case "duty-as-foul":
            return tr("The answer says “{words}” is forbidden; in the spec it is required.", words=words)
    return tr("“{words}” is neither in the facts nor in the question.", words=words)


def _missing(quote: str, spec: str) -> str:
    """The first part of `quote` that is not in `spec` (which went through `_in_words`); '' where all are, in order."""
    at = 0
    parts = [part for part in _ELLIPSIS.split(quote) if _QUOTED.search(_plain(part))]
    for part in parts:
        words = _in_words(part)
        place = spec.find(words, at)
        if place < 0:
            return part.strip()
        at = place + len(words) - 1
    return "" if parts else quote


def _plain(text: str) -> str:
    return _MARKS.sub("", unicodedata.normalize("NFKC", text).casefold())


def _in_words(text: str) -> str:
    """Words and single Japanese characters between blanks, so that a quote is found by its words and by nothing else."""
    return f" {' '.join(_QUOTED.findall(_plain(text)))} "


@lru_cache(maxsize=4)  # specs; one is used for all rows
def _whole(spec: str) -> _Whole:
    read = clauses.parse(spec, polite=False)
    sets: dict[str, frozenset[str]] = {}
    for clause in read.clauses:
        sets[clause.sentence] = sets.get(clause.sentence, frozenset()) | clause.words
    counted = frozenset((value, clauses.stem(figure.next)) for figure in read.figures for value in figure.values)
    return _Whole(_in_words(spec), read, tuple(sets.items())[:SENTENCES], counted)


@lru_cache(maxsize=2048)  # facts, each taught by many rows
def _basis(texts: tuple[str, ...]) -> ParsedText:
    return clauses.join_texts([clauses.parse(text[:MAX_READ_CHARACTERS], polite=False) for text in texts[:FACTS]])


@lru_cache(maxsize=1024)  # one answer, and one question, in many rows
def _read(text: str, polite: bool = False) -> ParsedText:
    return clauses.parse(text, polite)


def _figure_doubts(said: ParsedText, question: str, told: ParsedText, whole: _Whole, deriving: bool) -> list[Doubt]:
    open = [figure for figure in said.figures[:MAX_FIGURES] if not _is_given(figure, told.figures[:MAX_FIGURES])]
    if not open:
        return []
    asked = _read(question[:MAX_READ_CHARACTERS])
    given = [*told.figures[:MAX_FIGURES], *asked.figures[:MAX_FIGURES]]
    counted = clauses.count_words(told.text) | clauses.count_words(asked.text)
    worked = _derive_figures(given, said) if deriving else set()
    found = []
    for figure in open:
        named = any(_agree(figure, other) for other in given)
        if named and not _other_unit(figure, given):
            continue
        if not (_follows(figure, given, worked, said, deriving) or _counts_alike(figure, given, counted, whole)):
            found.append(Doubt(UNIT if named else FIGURE, figure.said))
    return found


def _agree(one: Figure, other: Figure) -> bool:
    return not set(one.values).isdisjoint(other.values)


def _is_given(figure: Figure, given: Sequence[Figure]) -> bool:
    return any(figure.values == other.values and figure.next == other.next for other in given)


def _counts_alike(figure: Figure, given: Sequence[Figure], counted: set[float], whole: _Whole) -> bool:
    """Whether a number without a unit is given in a word, stands before the same word in the spec, or counts nothing."""
    if figure.next in clauses.UNITS:
        return False
    in_spec = bool(figure.next) and (figure.values[0], clauses.stem(figure.next)) in whole.counted
    return in_spec or figure.values[0] in counted or _is_one(figure, given)


def _is_one(figure: Figure, given: Iterable[Figure]) -> bool:
    """Whether it is a one that counts nothing: "one of them", 1チームにつき."""
    return figure.values == (1.0,) and all(
        clauses.stem(other.next) != clauses.stem(figure.next) for other in given if other.next
    )


def _other_unit(figure: Figure, given: Sequence[Figure]) -> bool:
    """Whether this very number is given, but of another unit or of other things."""
    if figure.next not in clauses.UNITS:
        return False
    same = [other.next for other in given if _agree(figure, other)]
    units = {clauses.UNITS[other.next] for other in given if other.next in clauses.UNITS}
    if not same or any(clauses.UNITS.get(next) == clauses.UNITS[figure.next] for next in same):
        return False
    # "20 x 10 metre": the 20 has no unit of its own and may have that of the 10.
    return all(next in clauses.UNITS for next in same) or clauses.UNITS[figure.next] not in units


def _follows(figure: Figure, given: Sequence[Figure], worked: set[float], said: ParsedText, deriving: bool) -> bool:
    """Whether a figure is another one in another unit, or can be worked out."""
    if any(
        _near(value) in {_near(other) for one in given for other in clauses.in_units(one, {figure.next})}
        for value in figure.values
    ):
        return True
    if not deriving:
        return False
    others = [other.values[0] for other in said.figures if other is not figure][:6]
    shown = {sum(others)} | {a * b + c for a, b, c in _threes(others)}
    return any(_near(value) in worked or value in shown for value in figure.values)


def _threes(numbers: Sequence[float]) -> Iterator[tuple[float, float, float]]:
    for a, b, c in combinations(numbers, 3):
        yield from ((a, b, c), (a, c, b), (b, c, a))


def _near(value: float) -> float:
    return round(value, 4)


def _derive_figures(given: Sequence[Figure], said: ParsedText) -> set[float]:
    """What two of the given figures make, in the units of the answer."""
    units = {figure.next for figure in said.figures if figure.next}
    every = (value for figure in given for value in (*figure.values, *clauses.in_units(figure, units)))
    numbers = list(dict.fromkeys(every))[:FIGURES]
    made = {2 * value for value in numbers} | {value / 2 for value in numbers}
    for a, b in combinations(numbers, 2):
        made |= {a + b, abs(a - b), a * b} | ({a / b, b / a} if a and b else set())
    return {_near(value) for value in made}


def _find_swapped(said: ParsedText, told: ParsedText) -> list[Doubt]:
    """Figures that stand among the words of another figure, and among none of their own."""
    homes: dict[float, frozenset[str]] = {}
    for figure in told.figures[:MAX_FIGURES]:
        homes[figure.values[0]] = homes.get(figure.values[0], frozenset()) | figure.context
    for figure in said.figures[:MAX_FIGURES] if len(homes) > 1 else ():
        own = homes.get(figure.values[0])
        for value, home in homes.items() if own is not None else ():
            if value in figure.values or own is None or f"#{value}" in figure.context:
                continue
            if figure.context & (home - own) and not figure.context & (own - home):
                return [Doubt(SWAPPED, figure.said)]
    return []


def _closest(words: frozenset[str], clauses: Sequence[Clause]) -> list[Clause]:
    """The clauses that share the most with `words`: most of these, and two at least."""
    most = max((len(words & clause.words) for clause in clauses), default=0)
    if most < 2 or most < 0.6 * len(words):
        return []
    return [clause for clause in clauses if len(words & clause.words) == most]


def _is_negated(text: str) -> bool:
    return _NOT.search(_NO_NOT.sub("", text)) is not None


def _find_turned(said: ParsedText, told: ParsedText) -> list[Doubt]:
    """A clause that agrees with one of the facts but for a negation, an opposite or who did it."""
    same = {clause.text for clause in told.clauses}
    for clause in said.clauses[:CLAUSES]:
        if clause.text in same:
            continue
        reasons = [_reason(clause.text, other.text) for other in _closest(clause.words, told.clauses[:CLAUSES])]
        if reasons and all(reasons):
            return [Doubt(reasons[0], clause.text)]
    return []


def _reason(one: str, other: str) -> str:
    opposed = _is_opposed(one, other)
    if _is_negated(one) is _is_negated(other) or not _differ_in_what_follows(one, other):
        return OPPOSITE if opposed else ""
    return "" if opposed else NEGATION


def _differ_in_what_follows(one: str, other: str) -> bool:
    """Whether only one of two clauses is negated, also without a condition that only one of them has."""
    here, there = _CONDITION.sub("", one), _CONDITION.sub("", other)
    if (here == one) is (there == other):
        return _is_negated(one) is not _is_negated(other)
    return _is_negated(here) is not _is_negated(there)


def _is_opposed(one: str, other: str) -> bool:
    here, there = _sides(one), _sides(other)
    if any(-side in there and side not in there and -side not in here for side in here):
        return True
    done, suffered = ({match[1]: match[2] == "され" for match in _VOICE.finditer(text)} for text in (one, other))
    return any(done[verb] is not suffered[verb] for verb in done.keys() & suffered.keys())


@lru_cache(maxsize=4096)  # mostly clauses of facts
def _sides(text: str) -> frozenset[int]:
    """Which words of `_OPPOSITES` are in a clause: the number of the pair, negative for its right side."""
    if not _SIDED.search(text):
        return frozenset()
    left = (number for number, (pattern, _other) in enumerate(_OPPOSITES, 1) if pattern.search(text))
    right = (-number for number, (_other, pattern) in enumerate(_OPPOSITES, 1) if pattern.search(text))
    return frozenset((*left, *right))


def _only_lost(answer: str, said: ParsedText, told: ParsedText) -> list[Doubt]:
    """A yes to something beside the only thing that the facts allow."""
    if (
        not _YES.match(answer)
        or not _EXCLUSIVE.search(told.text)
        or _EXCLUSIVE.search(said.text)
        or _is_negated(said.text)
    ):
        return []
    added = [
        word
        for word in clauses.content_in_order(said.text)
        if clauses.stem(word) not in clauses.USUAL and not clauses.is_known(word, told.words, told.text)
    ]
    return [Doubt(ONLY, added[0])] if added else []


def _roles(said: ParsedText, told: ParsedText, whole: _Whole) -> list[Doubt]:
    """What the answer counts among the fouls, where the spec says that it must be done."""
    if not _FOUL.search(said.text):
        return []
    for clause in said.clauses[:CLAUSES]:
        if not _FOUL.search(clause.sentence) or _is_negated(clause.sentence) or _DUTY.search(clause.text):
            continue
        words = clause.words - clauses.USUAL - clauses.content(" ".join(_FOUL.findall(clause.sentence)))
        sets = [*whole.sets, *((one.sentence, one.words) for one in told.clauses[:CLAUSES])]
        most = max((len(words & other) for _text, other in sets), default=0)
        best = [text for text, other in sets if len(words & other) == most]
        if most > 1 and all(_DUTY.search(text) and not _FOUL.search(text) and not _is_negated(text) for text in best):
            return [Doubt(ROLE, clause.text)]
    return []


def _terms(said: ParsedText, question: str, told: ParsedText, whole: _Whole, deriving: bool) -> list[Doubt]:
    """The first clause with a word from nowhere, or with nothing but words from elsewhere."""
    for clause in said.clauses[:CLAUSES]:
        spoken = [word for word in clauses.content_in_order(clause.text) if clauses.stem(word) not in clauses.USUAL]
        strange = [word for word in spoken if not clauses.is_known(word, told.words, told.text)]
        if strange:
            asked = _read(question[:MAX_READ_CHARACTERS])
            days = clauses.WEEKDAYS if deriving and asked.words & clauses.WEEKDAYS else frozenset()
            strange = [word for word in strange if not clauses.is_known(word, asked.words | days, asked.text)]
        elsewhere = [word for word in strange if _is_in(whole, word)]
        if new := [word for word in strange if word not in elsewhere and len(word) > 1]:
            return [Doubt(TERM, new[0])]
        if len(strange) > 1 and _from_one(elsewhere, whole):
            return [Doubt(ELSEWHERE, " ".join(elsewhere))]
        if len(strange) > 1 and len(strange) == len(spoken):
            return [Doubt(TERM, clause.text)]
    return []


def _is_in(whole: _Whole, word: str) -> bool:
    return clauses.stem(word) in whole.read.words or (not word.isascii() and len(word) > 1 and word in whole.read.text)


def _from_one(words: Sequence[str], whole: _Whole) -> bool:
    """Whether two of the words and more come from one sentence of the spec."""
    stems = {clauses.stem(word) for word in words}
    return len(stems) > 1 and any(len(stems & other) > 1 for _text, other in whole.sets)
