"""The identities hold, and the studies would see it if they did not."""

from dataclasses import replace

import pytest
import torch

from startright.papers.higher_order.partition import Partition
from startright.papers.higher_order.reduced import grouped_derivatives
from startright.papers.higher_order.studies import exact as exact_study
from startright.papers.higher_order.studies.exact import (
    EXACTNESS,
    INVARIANCE,
    MERGING,
    brute_force,
    run_exact,
    run_invariance,
    run_merge,
)

CPU = torch.device("cpu")


def test_brute_force_knows_a_polynomial():
    params = {"a": torch.tensor([2.0], dtype=torch.float64), "b": torch.tensor([3.0], dtype=torch.float64)}
    u = {"a": torch.tensor([1.0], dtype=torch.float64), "b": torch.tensor([2.0], dtype=torch.float64)}

    def loss(p):  # a³ b²
        return (p["a"] ** 3 * p["b"] ** 2).sum()

    g, H, d3 = brute_force(loss, params, Partition.canonical(params), u)
    assert g.tolist() == [3 * 4 * 9, 8 * 2 * 3 * 2]
    assert H.tolist() == [[6 * 2 * 9, 3 * 4 * 6 * 2], [3 * 4 * 6 * 2, 8 * 2 * 4]]
    assert d3.tolist() == [6 * 9, 0]


@pytest.mark.parametrize("config", EXACTNESS.grid("quick")[::3])
def test_reduced_derivatives_are_exact(config):
    assert max(run_exact(config, 1, CPU).metrics.values()) < 1e-12


def test_a_wrong_derivative_is_seen(monkeypatch):
    def wrong(*args, **options):
        d = grouped_derivatives(*args, **options)
        return d._replace(H=d.H * (1 + 1e-6 * torch.eye(len(d.g))))

    monkeypatch.setattr(exact_study, "grouped_derivatives", wrong)
    assert run_exact(EXACTNESS.grid("quick")[0], 0, CPU).metrics["error_H"] > 1e-8


@pytest.mark.parametrize("config", MERGING.grid("quick"))
def test_coarser_partitions_are_sums(config):
    metrics = run_merge(config, 0, CPU).metrics
    assert max(metrics["error_g"], metrics["error_H"]) < 1e-12
    assert metrics["count"] == {"trivial": 1, "weights_biases": 2, "blocks": 3}[config.groups]


@pytest.mark.parametrize("config", INVARIANCE.grid("quick"))
def test_invariance_and_what_breaks_it(config):
    metrics = run_invariance(replace(config, steps=4), 1, CPU).metrics
    broken = config.change == "split" or (config.change, config.direction) == ("rotation", "adam")
    assert metrics["loss_after"] < metrics["loss_before"]
    if config.direction == "momentum" or broken:
        assert (metrics["error"] > 1e-2) if broken else (metrics["error"] < 1e-10)
