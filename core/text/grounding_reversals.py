"""Compares two clauses that otherwise agree: whether only one is negated, or one has the opposite word or the other voice."""

from functools import lru_cache

from core.lazy_loading import lazy_pattern
from core.text import stated_limits

NEGATION_DIFFERS, OPPOSITE_WORD = "negation", "opposite"  # why two clauses contradict each other

NEGATION = lazy_pattern(
    r"\b(?:not|never|none|nothing|nobody|neither|cannot|cant|dont|doesnt|didnt|isnt|arent|wont|mustnt|shouldnt|except(?:ions?)?|without|apart from"
    r"|other than|unless|forbidden|prohibited|banned|excludes?|excluded|no (?!more|less|fewer|later|longer than))\b ?|^no "
    r"|ません|(?<![少危])ない|なく(?![しすて])|禁止|禁じ|いけな|不可|できず|[わせれけ]ず(?:に|$)"
)
# What looks like a negation and is none: duties, permissions, contrasts, losing things.
_NO_NEGATION = lazy_pattern(
    r"な(?:ければ|くては|いと)(?:な[らり]|いけ|だめ)(?:ません|ない)|(?:かまい|構い|差し支えあり|かもしれ|すみ|済み)ません|(?:では|じゃ|だけで)なく"
    r"|少なくとも|しか[^。]*?(?:ません|ない)|(?:ない|なけれ)(?:と|ば|限り)[^。]*?(?:でき|られ|いけ)(?:ません|ない)(?!と)"
    r"|not (?:only|just)|(?:no|not) (?:more|less|fewer|later|longer|lower|higher|earlier) than|whether or not"
    r"|(?:no|not|cannot|can not) (?:\w+ ){0,3}(?:before|until)|ない(?=ほう|方|人|者|側|もの)"
)
# A condition in one clause with what follows from it; another text may have it in a clause of its own.
_CONDITION = lazy_pattern(
    r"(?<=[a-z0-9] )(?:if|when|unless|until|where) .*"
    r"|(?<=[a-z0-9] )(?:that|who|which) (?:is|are|was|were|has|have|does|do|did|can|may|will)(?: not|nt)? \w+"
    r"|^.*(?:ない(?:と|なら(?:ば)?|限り|(?:場合|とき|時|うち)[はにも]*)|なければ|なかったら)(?!な[らり]|いけ|だめ)(?=.{4})"
)
# Pairs of opposites, which are searched in clauses that otherwise agree.
_OPPOSITES = [
    (lazy_pattern(one), lazy_pattern(other))
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
_ANY_OPPOSITE = lazy_pattern("|".join(pattern.pattern for pair in _OPPOSITES for pattern in pair))
_VOICE = lazy_pattern(r"([\u3400-\u9fff]{2,8})(され|し(?=た|て|ま)|する)")


def is_negated(text: str) -> bool:
    """Whether a normalised text denies something; a duty or a limit is no denial ("no more than", なければならない)."""
    return NEGATION.search(_NO_NEGATION.sub("", text)) is not None


def find_reversal(one: str, other: str) -> str:
    """Why clause `one` contradicts clause `other`, both normalised; '' where it does not, or follows from its limit."""
    opposed = _is_opposed(one, other)
    if is_negated(one) is is_negated(other) or not _differ_in_negation(one, other):
        return OPPOSITE_WORD if opposed else ""
    if opposed or stated_limits.follows_from_limit(one, is_negated(one), other, is_negated(other)):
        return ""
    return NEGATION_DIFFERS


def _differ_in_negation(one: str, other: str) -> bool:
    """Whether only one of two clauses is negated, also without a condition that only one of them has."""
    here, there = _CONDITION.sub("", one), _CONDITION.sub("", other)
    if (here == one) is (there == other):
        return is_negated(one) is not is_negated(other)
    return is_negated(here) is not is_negated(there)


def _is_opposed(one: str, other: str) -> bool:
    here, there = _find_sides(one), _find_sides(other)
    if any(-side in there and side not in there and -side not in here for side in here):
        return True
    active, passive = ({match[1]: match[2] == "され" for match in _VOICE.finditer(text)} for text in (one, other))
    return any(active[verb] is not passive[verb] for verb in active.keys() & passive.keys())


@lru_cache(maxsize=4096)  # mostly clauses of facts
def _find_sides(text: str) -> frozenset[int]:
    """Which words of `_OPPOSITES` are in a clause: the numbers of the pairs, negative for their right sides."""
    if not _ANY_OPPOSITE.search(text):
        return frozenset()
    left = (number for number, (pattern, _other) in enumerate(_OPPOSITES, 1) if pattern.search(text))
    right = (-number for number, (_other, pattern) in enumerate(_OPPOSITES, 1) if pattern.search(text))
    return frozenset((*left, *right))
