"""The depth of networks of random depth: closed forms, sums and draws."""

import itertools

import pytest
import torch

from startright.papers.dropout.depth import (
    DepthCounter,
    depth_variance,
    expected_depth,
    simulate,
    survival,
)


def test_the_paper_s_network():
    assert expected_depth(54, 0.5) == 40.25
    assert survival(54, 0.5)[[0, -1]].tolist() == [1 - 1 / 108, 0.5]


@pytest.mark.parametrize("rule", ["linear", "uniform"])
@pytest.mark.parametrize(("depth", "last"), [(1, 0.3), (7, 1.0), (54, 0.01)])
def test_closed_forms_are_the_sums_and_what_a_network_in_evaluation_gives(depth, last, rule):
    p = survival(depth, last, rule)
    assert expected_depth(depth, last, rule) == pytest.approx(float(p.sum()), abs=1e-12)
    found = DepthCounter(p).eval()(torch.zeros(2, dtype=torch.float64))
    assert found.tolist() == pytest.approx([float(p.sum())] * 2, abs=1e-12)


def test_mean_and_variance_by_enumerating_every_network():
    p = survival(5, 0.4)
    networks = torch.tensor(list(itertools.product((0.0, 1.0), repeat=5)), dtype=torch.float64)
    chance = torch.where(networks == 1, p, 1 - p).prod(1)
    depths = networks.sum(1)
    mean = float(chance @ depths)
    assert expected_depth(5, 0.4) == pytest.approx(mean)
    assert depth_variance(5, 0.4) == pytest.approx(float(chance @ (depths - mean) ** 2))


def test_draws_are_whole_numbers_of_blocks_around_the_mean():
    torch.manual_seed(0)
    found = simulate(survival(20, 0.5), 5000)
    assert torch.equal(found, found.round())
    assert abs(float(found.mean()) - expected_depth(20, 0.5)) < 4 * (depth_variance(20, 0.5) / 5000) ** 0.5


@pytest.mark.parametrize("depth", [0, -1, 2.0, True])
def test_a_depth_that_is_none_is_refused(depth):
    with pytest.raises(ValueError, match="depth must be a positive integer"):
        expected_depth(depth, 0.5)


@pytest.mark.parametrize("last", [0.0, 1.1, -1, float("nan")])
def test_a_survival_that_is_none_is_refused(last):
    with pytest.raises(ValueError, match=r"in \(0, 1\], got"):
        survival(5, last)


def test_an_unknown_rule_is_refused():
    with pytest.raises(ValueError, match="rule"):
        depth_variance(5, 0.5, "square")
