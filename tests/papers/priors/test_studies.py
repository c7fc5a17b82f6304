from dataclasses import replace

import pytest
import torch
from contract.reruns import assert_reproduces

from startright.papers.priors import studies
from startright.papers.priors.convolutional import CVNN
from startright.papers.priors.studies.training import half_decades

CPU = torch.device("cpu")


@pytest.mark.parametrize(
    ("study", "rel", "number"),
    [
        (studies.RECOVERY, 1e-3, 5),
        (studies.NOISE, 1e-2, 3),
        (studies.CONDITIONS, 1e-3, 2),
        (studies.STRENGTHS, 1e-3, 6),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_a_run_made_afresh_gives_the_committed_numbers(study, rel, number, tmp_path):
    assert_reproduces(study, tmp_path, config=study.grid("quick")[number], seeds=(0,), rel=rel, abs=1e-5)


def test_stacked_trainings_are_those_of_one_after_the_other():
    first = replace(studies.TRAINING.grid("quick")[0], epochs=2, kind="columns")
    runs = [(replace(first, exponent=e), seed) for e in (-1.0, 0.5) for seed in (0, 1)]
    together = studies.TRAINING.run_stacked(runs, CPU)
    for (config, seed), outcome in zip(runs, together, strict=True):
        alone = studies.TRAINING.run(config, seed, CPU)
        assert alone.metrics == pytest.approx(outcome.metrics, rel=1e-3, abs=1e-3)


def test_a_stronger_penalty_leaves_smaller_loss_to_learn():
    weak = replace(studies.TRAINING.grid("quick")[0], epochs=4, setup="bayesian", exponent=-3.0)
    losses = [
        studies.TRAINING.run(replace(weak, exponent=e), 0, CPU).metrics["train_loss"] for e in (-3.0, 0.5)
    ]
    assert losses[1] > losses[0]


def test_half_decades():
    assert half_decades(-1.0, 0.5) == (-1.0, -0.5, 0.0, 0.5)


def test_the_convolutional_network():
    net = CVNN(4)
    assert net(torch.zeros(2, 3, 32, 32)).shape == (2, 10)
    with pytest.raises(ValueError, match="multiple of 16"):
        CVNN(4, image_size=30)
