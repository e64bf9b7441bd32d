"""The figures of statistics agree with published ones, and hold where there is little or nothing to count."""

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.statistics import SMALL, Interval, bootstrap_difference, is_small, kappa, mcnemar, spread, wilson


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
    assert wilson(passed, n) == pytest.approx((low, high), abs=5e-5)


def test_a_rate_of_nothing_may_be_anything():
    assert wilson(0, 0) == Interval(0.0, 1.0)


@given(st.integers(0, 60), st.integers(1, 60))
def test_an_interval_holds_its_rate(passed, n):
    passed = min(passed, n)
    low, high = wilson(passed, n)
    assert 0 <= low <= passed / n + 1e-12
    assert passed / n - 1e-12 <= high <= 1


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


def test_a_difference_is_that_of_the_pairs():
    a, b = [0.2, 0.5, 0.4, 0.9, 0.1] * 8, [0.3, 0.7, 0.4, 1.0, 0.2] * 8
    found = bootstrap_difference(a, b)
    assert found.mean == pytest.approx(0.1)
    # The pairs differ by a deviation of 0.063: the mean of 40 by 0.01.
    assert found.interval == pytest.approx((0.08, 0.12), abs=0.005)
    assert found.is_clear
    assert bootstrap_difference(a, b) == found
    assert bootstrap_difference(b, a).mean == pytest.approx(-found.mean)


def test_a_difference_of_few_or_like_pairs():
    assert bootstrap_difference([], []).interval == (-1, 1)
    assert bootstrap_difference([0.0], [1.0]).interval == (-1, 1)
    assert bootstrap_difference([0.5] * 4, [0.5] * 4).interval == (0, 0)
    with pytest.raises(ValueError, match="no pairs"):
        bootstrap_difference([1.0], [])


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
    found = spread([[1, 1, 1], [0, 1, 1], [0.5], []])
    assert (found.n, found.disagreeing) == (2, 0.5)
    assert found.deviation == pytest.approx((2 / 3 / 4) ** 0.5)
    assert spread([[1.0]]).n == 0


def test_small_samples_are_small():
    assert is_small(SMALL - 1)
    assert not is_small(SMALL)


def test_scipy_is_not_loaded_at_the_start():
    code = "import core.statistics, sys; print('scipy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "False"
