"""Exact statements at finite width."""

import pytest

from startright.papers.preact.finite_width import (
    LIMITS,
    PRINCIPLES,
    dependence_limit,
    relu_kurtosis,
    residuals,
)
from startright.papers.preact.law import KINDS
from startright.papers.preact.studies import DEPENDENCE


def test_relu_kurtosis():
    assert relu_kurtosis(10, 1) == 3
    assert relu_kurtosis(10, 2) == 4.5
    assert relu_kurtosis(10, 10) == pytest.approx(115.3, abs=0.05)
    for width, layer in ((0, 1), (3, 0)):
        with pytest.raises(ValueError, match="at least 1"):
            relu_kurtosis(width, layer)


@pytest.mark.parametrize(
    ("theta", "kind", "distance", "kurtosis"),
    [
        (2.05, "odd", 0.0374, 3.81),
        (3, "odd", 0.0673, 5.02),
        (5, "odd", 0.0907, 6.70),
        (10, "odd", 0.1029, 8.16),
        (2.05, "positive", 0.0, 3.00),
        (3, "positive", 0.0058, 3.27),
        (5, "positive", 0.0152, 3.83),
        (10, "positive", 0.0217, 4.37),
    ],
)
def test_dependence_limit(theta, kind, distance, kurtosis):
    limit = dependence_limit(theta, kind)
    assert limit.ks == pytest.approx(distance, abs=1e-4)
    assert limit.kurtosis == pytest.approx(kurtosis, abs=6e-3)


def test_limits_that_are_written_down_are_those_of_the_quadrature():
    thetas = {c.theta for name in DEPENDENCE.profiles for c in DEPENDENCE.grid(name) if c.theta is not None}
    assert LIMITS.keys() == {(kind, theta) for kind in KINDS for theta in thetas}
    for (kind, theta), distance in LIMITS.items():
        assert distance == pytest.approx(dependence_limit(theta, kind).ks, abs=1e-12)


def test_each_principle_preserves_its_own_summary():
    table = {name: residuals(name) for name in PRINCIPLES}
    for name in ("Glorot", "He", "Gaussian, odd", "Gaussian, positive"):
        assert table[name]["variance"] < 1e-8
    assert table["Edge of Chaos"]["slope"] < 2e-3
    for name, row in table.items():
        assert (row["law"] < 1e-9) == name.startswith("Gaussian")
    assert table["Gaussian, positive"]["slope"] > 0.5


def test_unknown_principle():
    with pytest.raises(ValueError, match="unknown principle 'Hee'"):
        residuals("Hee")
