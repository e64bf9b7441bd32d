"""Judges which key points an answer makes: stated in any unit or wording, not denied, and without an alternative beside it."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import islice

from core.language import tr
from core.lazy_loading import lazy_pattern
from core.text import clauses, negation, quantities
from core.text.negation import CLAUSE, SENTENCE
from core.text.normalise import KeyPoint, build_pattern, normalise, parse_key_points

MAX_CHARACTERS_READ = 8000  # characters of an answer that are read: one that loops says nothing new after them
MAX_PLACES_PER_POINT = 20  # places of one point that are looked at
MISSING, DENIED, TURNED, OPEN, FORBIDDEN = "missing", "denied", "turned", "open", "forbidden"

_BREAK = lazy_pattern(
    r"(?P<sentence>[。！？!?\n]|\.(?=\s|$))|(?<!\d)[,:，：]|[,:，：](?!\d)|[、;；()（）「」『』“”\"—…]"
)
_NUMBER = lazy_pattern(r"(?<![\d.])\d+(?:\.\d+)?")
_COUNTED = lazy_pattern(r"(\d+(?:\.\d+)?) ?(\D+)")
_OR = "(?:to|or|から|か|または|あるいは|もしくは|ないし)"
_OR_BEFORE = lazy_pattern(rf"(?<![\d.])(\d+(?:\.\d+)?)[^\d{CLAUSE}{SENTENCE}]{{0,12}}?(?<![a-z]){_OR} ?$")
_OR_AFTER = lazy_pattern(rf"^[^\d{CLAUSE}{SENTENCE}]{{0,3}}?(?<![a-z]){_OR} ?(?:maybe |perhaps )?(\d+(?:\.\d+)?)")
_UNSURE = lazy_pattern(
    r"\b(?:actually|no wait|correction|maybe|perhaps|might|possibly|not sure)\b|いや(?!な)|訂正|もしかし|かもしれ|やっぱり|たぶん|おそらく"
)
_WORKED = lazy_pattern(
    r"\b(?:so|therefore|thus|total|altogether|makes?|plus|times|half of|less|minus|equals|x|because|since)\b|なので|ので|だから|よって|合計|合わせて|足|(?:の|した)(?:あと|後)に"
)
# After a bare number no noun may come that it counts.
_ENDED = (
    rf"(?= ?(?:$|[{CLAUSE}{SENTENCE}]|(?:on|per|in|for|each|at|since|because|as|max|maximum|altogether)\b"
    r"|です|だ|でし|にな|とな|まで))"
)
_ONLY = lazy_pattern(r"\b(?:only|solely|nothing else|alone|exclusively)\b|だけ|のみ|しか|以外")
_ANOTHER = lazy_pattern(
    rf"^ ?(?:{CLAUSE} )?(?:(?:and|or) )?(?:also )?(?:your |their |the |his |her )?(?P<item>[a-z]+)(?= ?(?:$|[{CLAUSE}{SENTENCE}]|and|or))"
    r"|^(?:と|や|か|または|も)(?!は)(?P<thing>[\u3400-\u9fff\u30a1-\u30fc]+)"
)
_DAY = lazy_pattern(r"^ (?:and|or) (?P<day>[a-z]+days?)|^日?(?:と|や|か)(?P<youbi>[月火水木金土日]曜)")
_SPELLINGS = {
    "center": "centre", "theater": "theatre", "color": "colour", "gray": "grey", "program": "programme", "defense": "defence",
}  # fmt: skip
_AMERICAN = lazy_pattern(rf"(?<![a-z])({'|'.join(_SPELLINGS)})(?=s?(?![a-z]))")


@dataclass(frozen=True, slots=True)
class JudgedPoint:
    """A key point as it was written, and why it is not met: '' where it is. `wording` is the one that the answer has."""

    text: str
    why: str = ""
    wording: str = ""

    @property
    def is_met(self) -> bool:
        """Whether the answer makes it."""
        return not self.why


class NormalisedAnswer:
    """An answer in the normalised forms that key points are searched in; each form is computed once, when it is first read.

    `kilo` is the unit that キロ alone stands for. Of a long answer, the first `MAX_CHARACTERS_READ` characters are read.
    """

    def __init__(self, text: str, kilo: str = "kilogram") -> None:
        self._text = text[:MAX_CHARACTERS_READ]
        self._kilo = kilo

    @cached_property
    def _long_form(self) -> str:
        return quantities.spell_out(self._text)

    @cached_property
    def clauses(self) -> str:
        """Quantities written one way, each clause and sentence followed by its mark; '' for an answer without words."""
        return _mark_clauses(self._long_form, self._kilo)

    @cached_property
    def smallest_units(self) -> str:
        """As `clauses`, quantities in the smallest unit."""
        return quantities.convert_to_smallest_unit(self.clauses)

    @cached_property
    def without_marks(self) -> str:
        """Quantities written one way, without marks: words are found across a comma."""
        return _write_quantities(normalise(self._long_form), self._kilo)

    @cached_property
    def verdict(self) -> str:
        """Whether it says yes or no, or means it (see `negation.read_verdict`)."""
        return negation.read_verdict(self._text)

    @cached_property
    def spoken_verdict(self) -> str:
        """Whether it begins with yes or no."""
        return negation.read_verdict(self._text, spoken=True)

    @cached_property
    def normal(self) -> str:
        """As `normalise` returns it: quantities in the units that the answer has."""
        return normalise(self._text)


@dataclass(frozen=True, slots=True)
class _Alternative:
    """One wording of a key point, with the patterns that find it in each form of an answer; None where none can."""

    text: str  # as it was written
    sought: re.Pattern[str]
    smallest_units: re.Pattern[str] | None
    normal: re.Pattern[str] | None
    bare_number: re.Pattern[str] | None
    bound: int  # of its number in the reference: 1 at least, -1 at most, 0 neither
    denials_count: bool


@dataclass(frozen=True, slots=True)
class _QuestionContext:
    """What the question and the reference answer imply for reading an answer."""

    known: str  # question, reference and points: their numbers and words are no other answer
    numbers: frozenset[str]
    is_exclusive: bool
    bans_count: bool
    kilo: str
    points: tuple[tuple[KeyPoint, tuple[_Alternative, ...]], ...]


def judge_points(answer: str, key_points: str, question: str = "", reference: str = "") -> list[JudgedPoint]:
    """Each of the `key_points` (see `normalise.parse_key_points`) with whether `answer` makes it.

    It is said in any of its wordings, in any unit that measures the same, or as a bare number whose noun the question
    names. It does not count where it is denied, unless `question` or `reference` deny it too, nor where another number
    is offered beside it.
    """
    context = _read_context(key_points, question, reference)
    normalised = NormalisedAnswer(answer, context.kilo)
    if not normalised.clauses:
        return [JudgedPoint(point.text, MISSING) for point, _alternatives in context.points]
    return [_judge_point(point, alternatives, normalised, context) for point, alternatives in context.points]


@lru_cache(maxsize=512)
def _read_points(key_points: str) -> tuple[KeyPoint, ...]:
    return tuple(parse_key_points(key_points))


def has_points(key_points: str) -> bool:
    """Whether `key_points` name anything: "!" and ";" alone do not."""
    return bool(_read_points(key_points))


@lru_cache(maxsize=512)  # a question is context of several models, several times
def _read_context(key_points: str, question: str, reference: str) -> _QuestionContext:
    kilo = "kilometre" if re.search(r"キロメートル|km|kilomet", key_points + reference + question) else "kilogram"
    texts = [normalise_wording(text, kilo) for text in (question.replace("何", "1"), reference, key_points)]
    marked_reference = _mark_clauses(quantities.spell_out(reference), kilo)
    denials_count = not negation.is_about_absence(normalise(question))
    points = []
    for point in _read_points(key_points):
        parts = [part.strip() for part in point.text.removeprefix("!").split("|")]
        wordings = [(part, wording) for part in parts if (wording := normalise_wording(part, kilo))]
        points.append((
            point,
            tuple(_read_alternative(*one, texts[0], marked_reference, denials_count) for one in wordings),
        ))  # fmt: skip
    return _QuestionContext(
        " ".join(texts),
        frozenset(_NUMBER.findall(" ".join([*texts, *map(quantities.convert_to_smallest_unit, texts)]))),
        _ONLY.search(texts[1]) is not None,
        not negation.is_about_bans(normalise(f"{question}\n{reference}")),
        kilo,
        tuple(points),
    )


def _read_alternative(text: str, wording: str, question: str, reference: str, denials_count: bool) -> _Alternative:
    """`wording` is the `text` with its quantities written one way, as are `question` and (with marks) `reference`."""
    sought = re.compile(build_pattern(wording, inflected=True))
    match = sought.search(reference)
    normal = (
        "" if _NUMBER.search(wording) else normalise(text)
    )  # a unit alone stands beside a number in the other forms
    bare = _build_bare_number_pattern(wording, question)
    return _Alternative(
        text,
        sought,
        re.compile(build_pattern(quantities.convert_to_smallest_unit(wording)))
        if quantities.QUANTITY.search(wording)
        else None,
        re.compile(build_pattern(normal)) if normal else None,
        re.compile(bare) if bare else None,
        negation.find_bound(reference, *match.span()) if match and _NUMBER.search(match[0]) else 0,
        denials_count and not (match and negation.is_denied(reference, *match.span())),
    )


def _build_bare_number_pattern(wording: str, question: str) -> str:
    """A pattern for the number alone, where the question already names what is counted."""
    match = _COUNTED.fullmatch(wording)
    if not match or not re.search(build_pattern(match[2].strip()), question):
        return ""
    return rf"(?<![\d.])(?<!\d ){re.escape(match[1])}{_ENDED}"


def normalise_wording(text: str, kilo: str = "kilogram") -> str:
    """`text` normalised, its quantities and spellings written one way."""
    return _write_quantities(normalise(quantities.spell_out(text)), kilo)


def _write_quantities(normal: str, kilo: str) -> str:
    return quantities.normalise_quantities(_AMERICAN.sub(lambda found: _SPELLINGS[found[1]], normal), kilo)


def _mark_clauses(long_form: str, kilo: str) -> str:
    """What `quantities.spell_out` returned, normalised clause by clause, each followed by its mark; '' for a text without words."""
    marked, at = [], 0
    for found in _BREAK.finditer(long_form):
        marked += [normalise(long_form[at : found.start()]), SENTENCE if found["sentence"] else CLAUSE]
        at = found.end()
    marked.append(normalise(long_form[at:]))
    plain = _write_quantities(" ".join(filter(None, marked)), kilo)
    return plain if plain.strip(CLAUSE + SENTENCE + " ") else ""


def _judge_point(
    point: KeyPoint, alternatives: Sequence[_Alternative], answer: NormalisedAnswer, context: _QuestionContext
) -> JudgedPoint:
    whys = [(why, one.text) for one in alternatives for why in _judge_places(one, answer, context, point.forbidden)]
    wording = next((text for why, text in whys if not why), "")
    if point.forbidden:
        return JudgedPoint(point.text, FORBIDDEN if wording else "", wording)
    why, found = ("", wording) if wording else next(iter(whys), (MISSING, ""))
    return JudgedPoint(point.text, why, found)


def _judge_places(
    alternative: _Alternative, answer: NormalisedAnswer, context: _QuestionContext, forbidden: bool
) -> Iterator[str]:
    """Why each place where the answer states an alternative does not count: '' where it counts."""
    if alternative.text in (negation.YES, negation.NO):
        if alternative.text == (answer.spoken_verdict if forbidden else answer.verdict):
            yield ""
        return
    for text, sought in _list_searches(alternative, answer):
        for found in islice(sought.finditer(text), MAX_PLACES_PER_POINT):
            if alternative.denials_count and negation.is_denied(text, *found.span(), context.bans_count):
                yield DENIED
            elif alternative.bound and negation.find_bound(text, *found.span()) == -alternative.bound:
                yield TURNED
            else:
                yield OPEN if _is_open(text, found, context) else ""


def _list_searches(alternative: _Alternative, answer: NormalisedAnswer) -> Iterator[tuple[str, re.Pattern[str]]]:
    """Each form of the answer with the pattern that finds the alternative in it."""
    yield answer.clauses, alternative.sought
    if alternative.smallest_units:
        yield answer.smallest_units, alternative.smallest_units
    if not alternative.sought.search(answer.clauses):
        yield answer.without_marks, alternative.sought
        if alternative.normal:
            yield answer.normal, alternative.normal
    if alternative.bare_number:
        yield answer.clauses, alternative.bare_number


def _is_open(text: str, found: re.Match[str], context: _QuestionContext) -> bool:
    """Whether something else is offered beside what was found."""
    before, after = text[max(0, found.start() - 40) : found.start()], text[found.end() : found.end() + 40]
    if _NUMBER.search(found[0]):
        beside = [match[1] for match in (_OR_BEFORE.search(before), _OR_AFTER.search(after)) if match]
        others = any(number not in context.numbers for number in beside)
        return others or _is_taken_back(text, found[0], context) or _is_second(text[: found.start()], found[0], context)
    if (day := _DAY.search(after)) and not _is_known(day["day"] or day["youbi"], context):
        return True
    other = _ANOTHER.search(after) if context.is_exclusive else None
    return other is not None and not _is_known(other["item"] or other["thing"], context)


def _is_taken_back(text: str, wording: str, context: _QuestionContext) -> bool:
    """Whether the answer wavers between this quantity and another one of its unit."""
    if not _UNSURE.search(text):
        return False
    units = {unit for _number, unit in quantities.find_quantities(wording)}
    others = {number for number, unit in quantities.find_quantities(text) if unit in units}
    others |= set(re.findall(rf"(?<![\d.])\d+(?:\.\d+)?{_ENDED}", text))
    return bool(others - context.numbers)


def _is_second(before: str, wording: str, context: _QuestionContext) -> bool:
    """Whether another quantity of this unit is said first, and none is worked out: "1,500 yen, 1,200 for children"."""
    units = {unit for _number, unit in quantities.find_quantities(wording)}
    if not units or _WORKED.search(before):
        return False
    return any(
        match[2] in units and match[1] not in context.numbers and not negation.is_denied(before + " ", *match.span())
        for match in quantities.QUANTITY.finditer(before)
    )


def _is_known(word: str, context: _QuestionContext) -> bool:
    return (
        word in clauses.COMMON_STEMS
        or clauses.stem(word) in clauses.extract_content_words(context.known)
        or word in context.known
    )


def find_other_figure(answer: str, key_points: str, question: str, reference: str) -> str:
    """A number of `answer` that nobody gave, where it has none of those of the reference; '' where there is none."""
    context = _read_context(key_points, question, reference)
    asked = set(_NUMBER.findall(normalise_wording(question, context.kilo)))
    told = _list_numbers(reference, context.kilo) - asked
    said = _list_numbers(answer, context.kilo)
    other = said - context.numbers - asked
    return min(other) if told and other and not told & said else ""


def _list_numbers(text: str, kilo: str) -> set[str]:
    """The numbers of a text, in its own and in the smallest units; of an hour after noon also that of the clock's face."""
    normal = normalise_wording(text[:MAX_CHARACTERS_READ], kilo)
    found = set(_NUMBER.findall(f"{normal} {quantities.convert_to_smallest_unit(normal)}"))
    late = {str(int(hour) - 12) for hour in re.findall(r"(?<!\d)(\d\d)h\d\d", normal) if int(hour) > 12}
    return found | late


def find_points(answer: str, key_points: str) -> list[JudgedPoint]:
    """Each of the `key_points` with whether it occurs in `answer`, affirmed or denied."""
    text = NormalisedAnswer(answer).without_marks
    found = []
    for point in _read_points(key_points):
        parts = [part.strip() for part in point.text.removeprefix("!").split("|")]
        wording = next(
            (part for part in parts if (raw := normalise_wording(part)) and re.search(build_pattern(raw), text)), ""
        )
        why = (FORBIDDEN if wording else "") if point.forbidden else ("" if wording else MISSING)
        found.append(JudgedPoint(point.text, why if text else MISSING, wording))
    return found


def format_point(point: str) -> str:
    """A key point as a text for the screen: “team” or “side”; must not contain “five”."""
    parts = filter(None, (part.strip() for part in point.removeprefix("!").split("|")))
    words = tr(" or ").join(tr("“{word}”", word=part) for part in parts)
    return tr("must not contain {words}", words=words) if point.startswith("!") else words


def format_points(key_points: str) -> str:
    """Key points (see `normalise.parse_key_points`) as a person reads them."""
    return tr("; ").join(format_point(point.text) for point in _read_points(key_points))
