"""Every public place that takes a strength, a size or a temperature refuses what is no number, by value."""

import re

import pytest
import torch
from torch import nn

from startright.models.variational import kl, predict, variational_
from startright.papers.posterior import conjugate, tempering
from startright.papers.priors.grids import Grid
from startright.papers.priors.laws import GaussianPrior, GroupPrior, LaplacePrior
from startright.papers.priors.networks import bayesian_penalty, layerwise_penalty
from startright.papers.scalp import prune_, scale_, sigma, slim_
from startright.papers.scalp.penalties import ColumnLasso
from startright.papers.scalp.slimming import add_subgradient_, set_scales_
from startright.training import TrainConfig
from startright.training.penalties import L1, L2, GroupLasso

X = torch.ones(3, 4)


def net():
    return nn.Sequential(nn.Linear(4, 5), nn.BatchNorm1d(5), nn.ReLU(), nn.Linear(5, 2))


def variational():
    return variational_(nn.Sequential(nn.Linear(4, 2)))


PLACES = {
    "L1": L1,
    "L2": L2,
    "GroupLasso": GroupLasso,
    "ColumnLasso": ColumnLasso,
    "a factor": lambda value: L1(0.1, factors={"weight": value}),
    "one of several": lambda value: L1((0.1, value)),
    "layerwise": lambda value: layerwise_penalty(net(), "l1", value),
    "a temperature": lambda value: bayesian_penalty(net(), "l1", 10, temperature=value),
    "weight decay": lambda value: TrainConfig(weight_decay=value),
    "a subgradient": lambda value: add_subgradient_(net(), value),
    "first scales": lambda value: set_scales_(net(), value),
    "epsilon": lambda value: prune_(net(), epsilon=value, example=X),
    "a threshold": lambda value: slim_(net(), threshold=value, example=X),
    "a share": lambda value: slim_(net(), share=value, example=X),
    "a gain": lambda value: scale_(net(), "1/k", X, gain=value),
    "neurons": lambda value: sigma("1/k", value),
    "a first std": lambda value: variational_(nn.Linear(4, 2), std=value),
    "samples of kl": lambda value: kl(variational(), value),
    "samples of predict": lambda value: predict(variational(), X, value),
    "GaussianPrior": GaussianPrior,
    "LaplacePrior": LaplacePrior,
    "a rate": lambda value: GroupPrior(2, value),
    "a size": lambda value: GroupPrior(value, 1.0),
    "a half width": lambda value: Grid(value, 64),
    "points": lambda value: Grid(1.0, value),
    "a noise": conjugate.Regression,
    "a posterior": lambda value: conjugate.posterior(X, X[:, 0], value, conjugate.Regression()),
    "a curvature": lambda value: tempering.tempered_variance(value, 0.1, 1.0),
    "a count": lambda value: tempering.fully_tempered_variance(0.1, value, 1.0, 1.0),
    "another count": lambda value: tempering.full_as_factor(0.1, value, 1.0),
    "an orbit": lambda value: tempering.effective_copies(value, 0.5),
    "a correlation": lambda value: tempering.effective_copies(2, value),
}
WRONG = [-1.0, float("nan"), "0.1", True, None, 1 + 0j, torch.ones(2)]


@pytest.mark.parametrize("value", WRONG, ids=repr)
@pytest.mark.parametrize("place", PLACES)
def test_no_number_is_refused_with_its_value(place, value):
    if place in ("a threshold", "a share") and value is None:
        pytest.skip("None stands for none given")
    with pytest.raises(ValueError, match=re.escape("0.1" if value == "0.1" else repr(value))):
        PLACES[place](value)


@pytest.mark.parametrize("place", ["neurons", "samples of kl", "samples of predict", "a size", "points"])
def test_half_of_one_is_refused(place):
    with pytest.raises(ValueError, match=r"17\.5|n = 17"):
        PLACES[place](17.5)
