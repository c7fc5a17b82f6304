import math

import pytest
import torch

from startright.papers.scalp.scalings import NAMED, SUM_OF_LOGS, sigma


def test_the_constant_is_the_sum_over_all_k():
    k = torch.arange(2, 1_000_001, dtype=torch.float64)
    terms = 1 / (k * k.log() ** 2)
    tail = 1 / math.log(1e6) - float(terms[-1]) / 2  # Euler and Maclaurin
    assert float(terms.sum()) + tail == pytest.approx(SUM_OF_LOGS, abs=1e-11)


@pytest.mark.parametrize(
    ("n", "expected"), [(300, 0.9170), (1000, 0.9314), (10_000, 0.9485), (100_000, 0.9588)]
)
def test_partial_sums_of_the_logarithmic_scaling(n, expected):
    assert float((sigma("1/(√k ln k)", n) ** 2).sum()) == pytest.approx(expected, abs=5e-5)


@pytest.mark.parametrize(("kind", "expected"), [("1/k", 0.4), ("1/(√k ln k)", 0.2672), ("uniform", 1e-5)])
def test_sums_of_fourth_powers(kind, expected):
    assert float((sigma(kind, 100_000) ** 4).sum()) == pytest.approx(expected, abs=5e-5)


@pytest.mark.parametrize(("n", "expected"), [(300, 6.28), (100_000, 12.09)])
def test_one_over_the_root_has_no_finite_sum(n, expected):
    assert float((sigma(lambda k: k**-0.5, n) ** 2).sum()) == pytest.approx(expected, abs=5e-3)


@pytest.mark.parametrize("kind", ["1/k", "1/(√k ln k)"])
def test_a_decreasing_scaling_does_not_depend_on_the_width(kind):
    assert torch.equal(sigma(kind, 10), sigma(kind, 1000)[:10])
    assert (sigma(kind, 1000).diff() < 0).all()


@pytest.mark.parametrize("n", [1, 7, 1000])
def test_uniform_has_squares_of_sum_one(n):
    assert float((sigma("uniform", n) ** 2).sum()) == pytest.approx(1, abs=1e-12)


def test_harmonic_tends_to_one():
    assert float((sigma("1/k", 1_000_000) ** 2).sum()) == pytest.approx(1, abs=1e-6)


def test_ones_own_scaling_is_taken_as_it_is():
    assert sigma([3.0, 2.0, 2.0, 1.0], 3).tolist() == [3.0, 2.0, 2.0]
    assert sigma(torch.tensor([1.0, 0.5]), 2).dtype == torch.float64


@pytest.mark.parametrize(
    ("kind", "n", "words"),
    [
        ("1/j", 3, "unknown scaling '1/j'"),
        ("1/k", 0, "n = 0"),
        ([1.0, 2.0], 2, r"\(1, 2\)"),
        ([1.0, 0.0], 2, r"\(1, 0\)"),
        ([1.0, -1.0], 2, r"\(1, -1\)"),
        ([math.inf, 1.0], 2, r"\(inf, 1\)"),
        ([1.0], 2, "2 neurons need 2 numbers"),
        (lambda k: k, 3, "never increase"),
        (None, 2, "a scaling is a name, 2 numbers or a function of k, got None"),
        ([1.0, "a"], 2, "got .*'a'"),
        (torch.ones(2, dtype=torch.complex64), 2, "must be real, got complex64"),
        ("1/k", 1.5, r"n = 1\.5"),
    ],
)
def test_what_is_no_scaling_is_refused(kind, n, words):
    with pytest.raises(ValueError, match=words):
        sigma(kind, n)


def test_all_names_are_known():
    assert list(NAMED) == ["uniform", "1/k", "1/(√k ln k)"]
