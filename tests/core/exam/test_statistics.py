"""The figures of statistics agree with published ones, and hold where there is little or nothing to count."""

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.exam.statistics import (
    Z_95,
    ConfidenceInterval,
    MeanDifference,
    PassRate,
    RepeatSpread,
    correct_rate,
    is_small,
    kappa,
    mcnemar,
    paired_difference,
    repeat_spread,
    wilson_interval,
)
from tools import interval_coverage


@pytest.mark.parametrize(
    ("passed", "n", "low", "high"),
    [
        # Newcombe (1998), Statistics in Medicine 17, table I, method 3.
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson_as_published(passed, n, low, high):
    assert wilson_interval(passed / n, n) == pytest.approx((low, high), abs=5e-5)


def test_a_rate_of_nothing_may_be_anything():
    assert wilson_interval(0, 0) == ConfidenceInterval(0.0, 1.0)


@given(st.integers(0, 60), st.integers(1, 60))
def test_an_interval_holds_its_rate(passed, n):
    passed = min(passed, n)
    low, high = wilson_interval(passed / n, n)
    assert 0 <= low <= passed / n + 1e-12
    assert passed / n - 1e-12 <= high <= 1


def rate(right, n):
    """Of `n` questions asked once."""
    return PassRate.of([1] * right + [0] * (n - right), [1] * n)


# By the code that the authors of arXiv 2511.21140 publish.
@pytest.mark.parametrize(
    ("judged", "right", "wrong", "share", "low", "high"),
    [
        ((120, 200), (45, 50), (40, 50), 0.5714, 0.4296, 0.7154),
        ((30, 42), (17, 20), (13, 14), 0.8257, 0.5834, 1.0),
        ((3, 60), (19, 20), (16, 20), 0.0, 0.0, 0.0286),
    ],
)
def test_a_rate_is_corrected_as_published(judged, right, wrong, share, low, high):
    found = correct_rate(rate(*judged), rate(*right), rate(*wrong))
    assert (found.share, *found.interval) == pytest.approx((share, low, high), abs=5e-5)


@pytest.mark.parametrize(
    ("right", "wrong"), [((10, 20), (10, 20)), ((15, 20), (6, 10)), ((20, 20), (0, 0)), ((0, 0), (9, 20)), ((2, 20), (3, 20))]
)  # fmt: skip
def test_a_grader_that_may_be_no_better_than_chance_corrects_nothing(right, wrong):
    assert correct_rate(rate(30, 42), rate(*right), rate(*wrong)) is None


def test_repeats_of_a_question_are_no_further_questions():
    once = correct_rate(rate(30, 42), rate(18, 20), rate(18, 20)).interval
    again = PassRate.of([5] * 30 + [0] * 12, [5] * 42)
    assert correct_rate(again, rate(18, 20), rate(18, 20)).interval == pytest.approx(once)


@pytest.mark.parametrize("grader", [(1.0, 1.0), (0.95, 0.9), (0.9, 0.8)])
def test_corrected_intervals_hold_the_true_rate_as_often_as_said(grader):
    without, held, raw = interval_coverage.corrections(0.2, grader, 40, 150)
    assert held > 0.9 and without < 0.1
    assert (raw > 0.9) == (grader == (1.0, 1.0))


def pairs(both, lost, gained, neither):
    return [(True, True)] * both + [(True, False)] * lost + [(False, True)] * gained + [(False, False)] * neither


@pytest.mark.parametrize(
    ("lost", "gained", "p"),
    [
        (4, 14, 0.0309),  # 2 * P(X <= 4) with 18 throws of a coin: 8096 / 262144
        (0, 5, 0.0625),
        (3, 3, 1.0),
        (0, 0, 1.0),
    ],
)
def test_mcnemar_exact(lost, gained, p):
    found = mcnemar(pairs(20, lost, gained, 9))
    assert (found.lost, found.gained) == (lost, gained)
    assert found.p == pytest.approx(p, abs=5e-5)


outcomes = st.lists(st.tuples(st.integers(0, 6), st.integers(1, 6)).map(lambda pair: (min(pair), pair[1])), min_size=1)


@given(outcomes, st.integers(2, 40), st.data())
def test_repeating_equal_answers_changes_no_interval(asked, times, data):
    passed, every = zip(*asked, strict=True)
    before = PassRate.of(passed, every)
    # Some of the questions, or all, are asked again, with the same shares of right answers.
    factors = data.draw(st.lists(st.sampled_from([1, times]), min_size=len(asked), max_size=len(asked)))
    after = PassRate.of(*([n * factor for n, factor in zip(side, factors, strict=True)] for side in (passed, every)))
    assert after.interval == pytest.approx(before.interval, abs=1e-9)
    assert after.share == pytest.approx(before.share)


@given(st.integers(0, 60), st.integers(1, 60))
def test_questions_asked_once_have_wilsons_interval(passed, n):
    passed = min(passed, n)
    rate = PassRate.of([1] * passed + [0] * (n - passed), [1] * n)
    assert rate.interval == pytest.approx(wilson_interval(passed / n, n))
    assert (rate.share, str(rate)) == (passed / n, f"{passed}/{n}")


@given(outcomes)
def test_repeats_narrow_no_further_than_the_questions_allow(asked):
    rate = PassRate.of(*zip(*asked, strict=True))
    low, high = rate.interval
    plain = wilson_interval(rate.share, len(asked))
    assert plain.low - 1e-9 <= low <= rate.share + 1e-9
    assert rate.share - 1e-9 <= high <= plain.high + 1e-9
    # Z² imagined questions, half of them right, always remain.
    assert high - low >= 0.9 * Z_95 * Z_95 / (len(asked) + Z_95 * Z_95) * (1 - abs(2 * rate.share - 1))


def test_forty_repeats_of_eight_questions_are_eight_questions():
    asked_once, asked_often = PassRate.of([1] * 6 + [0] * 2, [1] * 8), PassRate.of([40] * 6 + [0] * 2, [40] * 8)
    assert asked_often.interval == asked_once.interval
    assert asked_often.interval.high - asked_often.interval.low > 0.5


@pytest.mark.parametrize("questions", [8, 20, 42])
@pytest.mark.parametrize("repeats", [1, 5, 40])
def test_intervals_hold_the_true_rate_as_often_as_they_say(questions, repeats):
    worlds = interval_coverage.WORLDS
    found = {
        world: interval_coverage.covered(interval_coverage.exams(world, questions, repeats, 600), mean)
        for world, (mean, _draw) in worlds.items()
    }
    assert min(found.values()) > 0.9, found


def test_a_difference_is_that_of_the_pairs():
    a, b = [0.2, 0.5, 0.4, 0.9, 0.1] * 8, [0.3, 0.7, 0.4, 1.0, 0.2] * 8
    found = paired_difference(a, b)
    assert found.mean == pytest.approx(0.1)
    # The pairs differ little, but 40 questions cannot show that of all.
    assert found.interval == pytest.approx((0.006, 0.193), abs=0.002)
    assert found.is_clear
    assert paired_difference(b, a).mean == pytest.approx(-found.mean)


def test_a_difference_of_few_or_like_pairs():
    assert paired_difference([], []).interval == (-1, 1)
    low, high = paired_difference([0.0], [1.0]).interval
    assert low < -0.3
    assert high == 1
    assert not paired_difference([0.5] * 4, [0.5] * 4).is_clear
    # All eight gained, all alike: a bootstrap would call it 100 to 100 points.
    low, high = paired_difference([0.0] * 8, [1.0] * 8).interval
    assert 0 < low < 0.5
    with pytest.raises(ValueError, match="no pairs"):
        paired_difference([1.0], [])


@pytest.mark.parametrize("gained", range(1, 12))
def test_interval_and_exact_test_agree_where_nothing_is_lost(gained):
    before, after = [0.0] * 42, [1.0] * gained + [0.0] * (42 - gained)
    exact = mcnemar([(False, bool(one)) for one in after])
    assert paired_difference(before, after).is_clear == (exact.p < 0.05)


@pytest.mark.parametrize("questions", [8, 20, 42])
@pytest.mark.parametrize("change", interval_coverage.CHANGES)
def test_intervals_of_differences_hold_the_true_one(questions, change):
    assert interval_coverage.changes(*change, questions, 600) > 0.92


def test_kappa_as_published():
    # Cohen (1960) worked through in many texts: 20 and 15 agreed, 5 and 10 not, of 50.
    a = ["yes"] * 20 + ["yes"] * 5 + ["no"] * 10 + ["no"] * 15
    b = ["yes"] * 20 + ["no"] * 5 + ["yes"] * 10 + ["no"] * 15
    found = kappa(a, b)
    assert found.value == pytest.approx(0.4)
    assert (found.agreed, found.n) == (pytest.approx(0.7), 50)
    assert kappa([1, 2, 3], [1, 2, 3]).value == 1
    assert kappa([1, 0], [0, 1]).value == -1


def test_kappa_where_it_is_not_defined():
    assert kappa([], []).value is None
    assert (kappa([True] * 9, [True] * 9).value, kappa([True] * 9, [True] * 9).agreed) == (None, 1.0)
    assert kappa([True] * 9, [False] * 9).value == 0


def test_spread_of_repeats():
    found = repeat_spread([[1, 1, 1], [0, 1, 1], [0.5], []])
    assert (found.n, found.disagreeing) == (2, 0.5)
    assert found.deviation == pytest.approx((2 / 3 / 4) ** 0.5)
    assert repeat_spread([[1.0]]) == RepeatSpread(0.0, 0.0, 0)


def test_small_samples_are_small():
    assert is_small(29)
    assert not is_small(30)


def test_a_difference_of_nothing_may_be_anything():
    assert paired_difference([], []) == MeanDifference(0.0, ConfidenceInterval(-1.0, 1.0), 0)


def test_scipy_is_not_loaded_at_the_start():
    code = "import core.exam.statistics, sys; print('scipy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "False"
