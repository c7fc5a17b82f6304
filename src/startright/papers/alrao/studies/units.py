"""Resetting trained units by their rate (C14)."""

import copy
from dataclasses import dataclass

import torch

from startright.models.layers import layers
from startright.papers.alrao import images
from startright.papers.alrao.studies.images import INTERVAL, NARROW, alrao
from startright.papers.alrao.training import fit
from startright.papers.alrao.units import rate_bins, reset_units
from startright.profiles import by_profile
from startright.studies import Outcome, Study
from startright.training import evaluate

EDGES = (1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1.0, 10.0)


@dataclass(frozen=True)
class UnitConfig(images.ImageConfig):
    """A classifier trained by Alrao, whose units are then reset, a bin of rates in a layer at a time."""


def run_units(config: UnitConfig, seed: int, device: torch.device) -> Outcome:
    """The loss of accuracy on the test set for every (layer, bin of rates), in points of 100."""
    data = images.load(config, device)
    model, optimizer = images.make_model(config, seed, data, device)
    initial = copy.deepcopy(model.backbone.state_dict())
    history = fit(
        model, optimizer, data, images.training(config), seed=seed, augment=images.augmentation(config)
    )
    if history.status != "ok":
        return Outcome.of(history, {}, {})
    model.eval()

    def accuracy() -> float:
        return 100 * float(evaluate(lambda x: model(x)[None], data.test)[1])

    whole, trained = accuracy(), copy.deepcopy(model.backbone.state_dict())
    curves: dict[str, list[float]] = {}
    for layer in layers(model.backbone):
        rates = model.unit_rates[f"{layer.name}.weight"].to(device)
        for k, units in enumerate(rate_bins(rates, EDGES)):
            reset_units(model.backbone, initial, layer, units)
            curves.setdefault(f"drop_{k}", []).append(whole - accuracy())
            curves.setdefault(f"share_{k}", []).append(float(units.float().mean()))
            model.backbone.load_state_dict(trained)
    drops = [curves[f"drop_{k}"] for k in range(len(EDGES) - 1)]
    metrics = {"accuracy": whole} | {f"drop_{k}": sum(drop) / len(drop) for k, drop in enumerate(drops)}
    return Outcome(metrics, curves)


def _config(**options) -> UnitConfig:
    return UnitConfig(**vars(alrao(INTERVAL, **options)))


UNITS = Study(
    name="alrao-units",
    version=1,
    question="Which units of a trained network could start over without loss?",
    grid=by_profile(
        quick=[_config(dataset="digits", net="mlp", epochs=6)],
        full=[_config(**NARROW, epochs=1)],
        paper=[_config(dataset="cifar10", net="vgg19", epochs=60)],
    ),
    seeds=by_profile(quick=tuple(range(5)), full=(0,), paper=(0, 1, 2)),
    run=run_units,
)
