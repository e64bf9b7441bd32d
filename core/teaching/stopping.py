"""When the loop of teaching ends, and what did not help: rules over the rounds that are done, without a clock or a file."""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum

from core.exam.statistics import PassRate

RULES, OWN_QUESTIONS = "rules", "own_questions"  # how the new rows of a round are made
MEANS = (RULES, OWN_QUESTIONS)
MAX_ROUNDS_WITHOUT_GAIN = 2  # in a row, after which more of the same is not tried
ROUNDS_TO_GIVE_UP = 3  # rounds of rows, after which a fact that is still not learned is named


class StopReason(StrEnum):
    """Why no further round is begun."""

    LEARNED = "learned"
    MAX_ROUNDS = "max_rounds"
    NO_GAIN = "no_gain"
    BUDGET = "budget"
    NO_ROWS = "no_rows"


@dataclass(frozen=True, slots=True)
class StoppingRules:
    """The budget in seconds, the number of rounds at most, and the share of facts (0 to 1) that is enough."""

    seconds: float
    rounds: int
    target: float


@dataclass(frozen=True, slots=True)
class RoundResult:
    """What a round has brought. Round 0 is the base model, before any training.

    `taught` are the facts that got rows, `rows` how many rows, `means` how these were made ('' where there were none).
    `recall` is the rate of right answers to probe questions, with the facts as the sample; `learned` are the facts with
    most of theirs right.
    """

    number: int
    means: str
    rows: int
    taught: frozenset[str]
    recall: PassRate
    learned: frozenset[str]
    seconds: float
    model: str = ""


def find_reason(rules: StoppingRules, rounds: Sequence[RoundResult], facts: int, seconds: float) -> StopReason | None:
    """Why no round is begun after these (round 0 comes first); None where one is. `seconds` are used of the budget.

    A round is not begun where the last one took longer than what is left of the budget.
    """
    if not rounds:
        return None
    last = rounds[-1]
    if len(last.learned) >= rules.target * facts:
        return StopReason.LEARNED
    if last.number >= rules.rounds:
        return StopReason.MAX_ROUNDS
    if _count_rounds_without_gain(rounds) >= MAX_ROUNDS_WITHOUT_GAIN:
        return StopReason.NO_GAIN
    needed = last.seconds if last.number else 0.0  # how long a round takes is not known before the first
    return StopReason.BUDGET if seconds >= rules.seconds or seconds + needed > rules.seconds else None


def _count_rounds_without_gain(rounds: Sequence[RoundResult]) -> int:
    """How many rounds at the end have not brought more facts than the best before them."""
    best, without = -1, 0
    for one in rounds:
        without = 0 if len(one.learned) > best else without + 1
        best = max(best, len(one.learned))
    return without


def find_best(rounds: Sequence[RoundResult]) -> RoundResult | None:
    """The trained round with the most facts learned, of equal ones the one with the higher recall, then the earlier."""
    trained = [one for one in rounds if one.number]
    return max(trained, key=lambda one: (len(one.learned), one.recall.share, -one.number), default=None)


def choose_means(wanted: Sequence[str], number: int) -> list[str]:
    """The means to try in this round (1 is the first), the first that gives rows is taken: they take turns."""
    first = (number - 1) % len(wanted) if wanted else 0
    return [*wanted[first:], *wanted[:first]]


def find_useless_rounds(rounds: Sequence[RoundResult], facts: Collection[str]) -> list[RoundResult]:
    """The rounds with rows after which none of the facts that got them was learned. Only `facts` are followed."""
    return [one for one in rounds if one.taught & frozenset(facts) and not one.taught & one.learned]


def find_stubborn_facts(rounds: Sequence[RoundResult]) -> list[str]:
    """Facts that got rows in `ROUNDS_TO_GIVE_UP` rounds or more and are not learned after the last, by name."""
    tried = Counter(name for one in rounds for name in one.taught)
    learned = rounds[-1].learned if rounds else frozenset()
    return sorted(name for name, count in tried.items() if count >= ROUNDS_TO_GIVE_UP and name not in learned)
