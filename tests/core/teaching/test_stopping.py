"""The rules by which teaching ends, over any course of rounds."""

from hypothesis import given
from hypothesis import strategies as st

from core.exam.statistics import PassRate
from core.teaching import stopping
from core.teaching.stopping import OWN_QUESTIONS, RULES, RoundResult, StoppingRules, StopReason

FACTS = [f"f{number:02}" for number in range(1, 11)]
RULESETS = st.builds(StoppingRules, st.floats(0, 3600), st.integers(1, 8), st.floats(0.05, 1))


def make_round(number, learned, taught=(), seconds=60.0, means=RULES):
    recall = PassRate.of([name in learned for name in FACTS], [1] * len(FACTS))
    taught = frozenset(taught)
    return RoundResult(
        number, means if taught else "", len(taught), taught, recall, frozenset(learned), seconds, f"m{number}"
    )


@st.composite
def courses(draw):
    """What is learned after each of some rounds; the facts that are not get rows in the next."""
    learned = draw(st.lists(st.sets(st.sampled_from(FACTS)), min_size=1, max_size=9))
    before = [set(FACTS), *learned]
    return [
        make_round(number, after, set(FACTS) - before[number] if number else (), draw(st.floats(0, 900)))
        for number, after in enumerate(learned)
    ]


@given(RULESETS, courses(), st.floats(0, 7200))
def test_it_ends_at_the_target_at_the_last_round_and_with_the_budget(rules, course, seconds):
    reason = stopping.find_reason(rules, course, len(FACTS), seconds)
    last = course[-1]
    reached = len(last.learned) >= rules.target * len(FACTS)
    assert (reason == StopReason.LEARNED) is reached
    if reason is None:
        assert last.number < rules.rounds and seconds < rules.seconds
        assert not last.number or seconds + last.seconds <= rules.seconds


@given(RULESETS, courses())
def test_two_rounds_that_bring_no_fact_more_than_any_before_are_the_last(rules, course):
    counts = [len(one.learned) for one in course]
    stuck = len(counts) > 2 and max(counts[-2:]) <= max(counts[:-2])
    reason = stopping.find_reason(StoppingRules(1e9, 99, 2.0), course, len(FACTS), 0.0)
    assert reason == (StopReason.NO_GAIN if stuck else None)


@given(courses())
def test_the_best_model_is_a_trained_one_that_no_other_beats(course):
    best = stopping.find_best(course)
    trained = course[1:]
    assert (best is None) is (not trained)
    assert best is None or all(
        (len(one.learned), one.recall.share) <= (len(best.learned), best.recall.share) for one in trained
    )
    assert best is None or all(len(one.learned) < len(best.learned) for one in trained if one.number < best.number)


@given(courses())
def test_facts_that_three_rounds_did_not_teach_are_named_and_no_others(course):
    named = set(stopping.find_stubborn_facts(course))
    for name in FACTS:
        tries = sum(name in one.taught for one in course)
        assert (name in named) is (tries >= 3 and name not in course[-1].learned)


def test_before_the_first_round_it_is_not_known_how_long_one_takes():
    before = make_round(0, [], seconds=50)
    rules = StoppingRules(60, 3, 1.0)
    assert stopping.find_reason(rules, [], 10, 0) is None is stopping.find_reason(rules, [before], 10, 50)
    assert stopping.find_reason(rules, [before], 10, 60) == StopReason.BUDGET
    first = make_round(1, ["f01"], FACTS, 8)
    assert stopping.find_reason(rules, [before, first], 10, 58) == StopReason.BUDGET


def test_the_means_take_turns_and_another_one_helps_out():
    assert [stopping.choose_means((RULES, OWN_QUESTIONS), number) for number in (1, 2, 3)] == [
        [RULES, OWN_QUESTIONS],
        [OWN_QUESTIONS, RULES],
        [RULES, OWN_QUESTIONS],
    ]
    assert stopping.choose_means((RULES,), 4) == [RULES] and stopping.choose_means((), 1) == []


def test_a_round_that_taught_none_of_its_facts_is_named():
    course = [
        make_round(0, []),
        make_round(1, ["f01"], ["f01", "f02"]),
        make_round(2, ["f01"], ["f02"], means=OWN_QUESTIONS),
    ]
    course.append(make_round(3, ["f01"], ["f99"]))  # of a fact that is not followed nothing is said
    assert [one.number for one in stopping.find_useless_rounds(course, FACTS)] == [2]
