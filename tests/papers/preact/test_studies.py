"""The paper's studies: grids that hold together, and runs that measure what their names say."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from contract.reruns import assert_reproduces

from startright.papers.preact import ks
from startright.papers.preact.studies import STUDIES, correlation, dependence, depth, law, moments, training

CPU = torch.device("cpu")


@pytest.mark.parametrize("study", STUDIES, ids=lambda study: study.name)
def test_a_run_of_each_study_reproduces(study, tmp_path):
    """The first config of each study, all seeds."""
    first = study.grid("quick")[0]
    assert_reproduces(study, tmp_path, config=first, engine="auto", rel=0.02, abs=1e-6)


def test_a_law_run_is_exact():
    outcome = law.run_law(law.LawConfig(3.0, "odd", 1001), 0, CPU)
    assert outcome.metrics["ks"] < 1e-9
    assert outcome.metrics["second_moment_error"] < 1e-9
    assert outcome.metrics["table_error"] < 1e-9
    assert outcome.metrics["mirror"] < 1e-12
    assert outcome.metrics["least"] < 0


def test_a_coarse_table_is_seen_by_the_law_run():
    outcome = law.run_law(law.LawConfig(3.0, "odd", 21), 0, CPU)
    assert outcome.metrics["table_error"] > 1e-6


@pytest.mark.parametrize("independent", [True, False])
def test_dependence_runs_tell_shared_inputs_from_fresh_ones(independent):
    config = dependence.DependenceConfig("odd", 10.0, "C", 2, 20_000, independent)
    distance = dependence.run_dependence(config, 0, CPU).metrics["ks"]
    assert (distance < 1.5 * ks.threshold(20_000)) == independent


def test_depth_runs_have_a_point_a_layer_and_end_with_their_metrics():
    outcome = depth.run_depth(depth.DepthConfig("positive", 10.0, 10, 7, 500), 0, CPU)
    assert {len(curve) for curve in outcome.curves.values()} == {7}
    last = {name: curve[-1] for name, curve in outcome.curves.items()}
    assert outcome.metrics == pytest.approx(last, rel=1e-5)


def test_networks_that_have_all_died_are_half_a_unit_from_gaussian():
    outcome = depth.run_depth(depth.DepthConfig("relu", None, 1, 60, 200), 0, CPU)
    assert outcome.status == "ok"
    assert (outcome.metrics["ks_standardised"], outcome.metrics["variance"]) == (0.5, 0.0)


def test_an_image_gives_the_law_of_a_unit_vector():
    config = depth.DepthConfig("tanh", None, 4, 3, 20_000, "digits")
    image = depth.run_depth(config, 0, CPU).curves["variance"]
    unit = depth.run_depth(replace(config, inputs="unit"), 0, CPU).curves["variance"]
    assert np.allclose(image, unit, rtol=0.05)


def test_wide_networks_follow_the_correlation_map():
    config = correlation.CorrelationConfig("relu", None, 400, 6, "digits", classes=3, per_class=3)
    outcome = correlation.run_correlation(config, 0, CPU)
    assert outcome.metrics["gap"] < 0.1
    assert outcome.curves["within"][0] > outcome.curves["between"][0]


def test_moments_are_those_of_the_recursion():
    outcome = moments.run_moments(moments.MomentsConfig(10, 3, 100_000), 0, CPU)
    assert outcome.metrics["second"] == pytest.approx(1, abs=0.02)
    assert outcome.metrics["kurtosis_2"] == pytest.approx(4.5, rel=0.05)


def test_training_alone_equals_training_in_a_stack():
    config = training.TrainingConfig("odd", 10.0, 10, 2, 0.1, "digits", 1)
    runs = [(config, 0), (replace(config, lr=0.3), 0), (config, 1)]
    stacked = training.run_training_stacked(runs, CPU)
    for (each, seed), together in zip(runs, stacked, strict=True):
        alone = training.run_training(each, seed, CPU)
        # in single precision, and one image may fall on the other side
        assert alone.metrics == pytest.approx(together.metrics, rel=1e-3, abs=1.01 / 297)


def test_networks_start_with_the_weights_their_scheme_names():
    rng = torch.Generator().manual_seed(0)
    config = training.TrainingConfig("relu", None, 200, 2, 0.1, "digits", 1)
    net = training._make_mlp(config, rng, 64, 10)
    assert net.layers[2].weight.var().item() == pytest.approx(2 / 200, rel=0.05)
    net = training._make_mlp(replace(config, scheme="odd", theta=10.0), rng, 64, 10)
    assert net.layers[2].weight.var().item() == pytest.approx(0.918169 / 200, rel=0.05)
