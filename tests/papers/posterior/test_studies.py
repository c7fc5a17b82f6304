"""The studies: what a run leaves, alike alone and in a stack."""

from dataclasses import replace

import pytest
import torch

from startright.papers.posterior import studies
from startright.papers.posterior.studies import temperature

CPU = torch.device("cpu")
SMALL = replace(studies.TEMPERATURE.grid("quick")[0], steps=5, tested=40, samples=3)


def test_a_run_alone_leaves_what_it_leaves_in_a_stack():
    runs = [(replace(SMALL, temperature=tau, augment=a, count=n), seed) for tau, a, n, seed in (
        (0.1, "none", 60, 0), (1.0, "shift", 80, 0), (0.1, "twice", 60, 1))]  # fmt: skip
    together = temperature.run_temperature_stacked(runs, CPU)
    for (config, seed), outcome in zip(runs, together, strict=True):
        alone = temperature.run_temperature(config, seed, CPU)
        assert alone.metrics == pytest.approx(outcome.metrics, rel=1e-3)
        assert ("correlation" in alone.metrics) is (config.augment == "shift")
        assert alone.status == "ok"


def test_the_seed_decides_the_images_and_duplicates_are_the_same_ones():
    none, twice, larger = (
        temperature._task(replace(SMALL, augment=a, count=n), 3, 1500, CPU)
        for a, n in (("none", 50), ("twice", 50), ("none", 70))
    )
    assert twice.index.tolist() == none.index.tolist() * 2
    assert twice.count == none.count == 50
    assert larger.index[:50].tolist() == none.index.tolist()
    other = temperature._task(SMALL, 4, 1500, CPU)
    assert other.index.tolist()[:50] != none.index.tolist()


def test_scores_are_those_of_the_right_class():
    probabilities = torch.tensor([[[0.7, 0.3], [0.4, 0.6]], [[0.5, 0.5], [0.9, 0.1]]])
    nll, accuracy = temperature._scores(probabilities.log(), torch.tensor([0, 0]))
    expected = [-(torch.tensor(p).log().mean().item()) for p in ([0.7, 0.4], [0.5, 0.9])]
    assert nll.tolist() == pytest.approx(expected)
    assert accuracy.tolist() == [0.5, 1.0]


def test_all_grids_share_the_temperatures_that_claims_compare():
    for profile in studies.TEMPERATURE.profiles:
        cells = {}
        for config in studies.TEMPERATURE.grid(profile):
            cells.setdefault((config.count, config.augment), set()).add(config.temperature)
        assert all({0.016, 1.0} <= temperatures for temperatures in cells.values())


def test_the_regression_leaves_the_known_and_the_found_temperature():
    config = replace(studies.CONJUGATE.grid("quick")[0], problems=3, points=4, curation=5.0)
    metrics = studies.CONJUGATE.run(config, 0, CPU).metrics
    assert metrics["known"] == metrics["best"] == 0.2
    assert metrics["agree"] == 1
    assert metrics["nll_bayes"] > metrics["nll_best"]
    assert studies.CONJUGATE.run(config, 1, CPU).metrics["nll_best"] != metrics["nll_best"]
