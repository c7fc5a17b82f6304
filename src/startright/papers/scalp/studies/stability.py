"""The width that is left, against the width at the start (C6): one hidden layer, penalised.

Metrics: ``left`` is how many hidden neurons are left, ``largest`` the largest index among them (0 if none),
``test_accuracy`` that of the network as trained, ``pruned_accuracy`` that without the others, ``parameters``
what is left, ``share`` over what there was. Curves: ``widths`` after each epoch; ``last_alive``, after how
many epochs each of the first 200 neurons was last seen; ``kept``, the indices of those left, from 1.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product

import torch
from torch import nn

from startright import training
from startright.data import Dataset
from startright.papers.scalp import hidden
from startright.papers.scalp.hidden import BN_LASSO
from startright.papers.scalp.scalings import NAMED
from startright.profiles import by_profile
from startright.studies import CURVE_POINTS, Outcome, Study, thin
from startright.training.evaluation import evaluate

METHODS = (*NAMED, BN_LASSO)
BATCH = 100
#: Of BN-Lasso, the settings of network slimming; of ScaLP, plain SGD.
SETTINGS = {True: {"lr": 0.1, "momentum": 0.9, "weight_decay": 1e-4}, False: {"lr": 1.0}}


@dataclass(frozen=True)
class StabilityConfig:
    """A network of one hidden layer of ``width`` neurons at the start, a method and its λ.

    Raises:
        ValueError: an unknown method.
    """

    method: str
    width: int
    strength: float
    dataset: str
    epochs: int
    n_train: int | None = None
    n_test: int | None = None

    def __post_init__(self):
        hidden.check_method(self.method)


def run_stability(config: StabilityConfig, seed: int, device: torch.device) -> Outcome:
    """Train one network (see :func:`run_stability_stacked`, which is how the study usually runs)."""
    return run_stability_stacked([(config, seed)], device)[0]


def run_stability_stacked(runs: Sequence[tuple[StabilityConfig, int]], device: torch.device) -> list[Outcome]:
    """Train networks of one width, alike in all but scaling, λ and seed, as one program."""
    config, batch_norm = runs[0][0], runs[0][0].method == BN_LASSO
    images = hidden.images(config.dataset, config.n_train, device, config.n_test)
    sizes = images.train.x.shape[1], config.width, images.n_classes
    models = [hidden.network(c.method, sizes, seed=seed) for c, seed in runs]
    steps = config.epochs * -(-len(images.train.y) // BATCH)
    settings = training.TrainConfig(
        epochs=config.epochs,
        batch_size=BATCH,
        eval_every=steps,
        penalty=hidden.penalty(config.method, [c.strength for c, _ in runs]),
        **SETTINGS[batch_norm],
    )
    deaths = hidden.Deaths(config.method, models)
    seeds = [seed for _, seed in runs]
    histories = training.train_stacked(models, images, settings, seeds=seeds, on_epoch=deaths)
    found = hidden.rows(models)
    deaths.note(config.epochs, models, found)
    kept = hidden.kept(config.method, found)
    left = zip(models, histories, kept.cpu(), strict=True)
    return [_outcome(model, history, own, deaths, images) for model, history, own in left]


def _outcome(
    model: nn.Sequential,
    history: training.History,
    kept: torch.Tensor,
    deaths: hidden.Deaths,
    images: Dataset,
) -> Outcome:
    """What one run leaves."""
    if history.status != "ok":
        return Outcome.of(history)
    with torch.no_grad():
        model[-1].weight[:, ~kept] = 0
    accuracy = evaluate(lambda x: model.eval()(x)[None], images.test)[1].item()
    sizes, indices = (model[0].in_features, len(kept), model[-1].out_features), kept.nonzero()[:, 0] + 1
    counts = [
        hidden.parameters_left(sizes, int(width), norm=len(model) > 3) for width in (kept.sum(), len(kept))
    ]
    metrics = {
        "left": kept.sum().item(),
        "largest": indices[-1].item() if len(indices) else 0,
        "pruned_accuracy": accuracy,
        "parameters": counts[0],
        "share": counts[0] / counts[1],
    }
    curves = {
        "widths": thin(deaths.widths(model)),
        "last_alive": deaths.last(model)[:CURVE_POINTS].tolist(),
        "kept": thin(indices.tolist()),
    }
    return Outcome({**history.last, **metrics}, curves)


def stack_key(config: StabilityConfig) -> StabilityConfig:
    """Scalings are buffers, and strengths one a run: only the normalisation makes another program."""
    return replace(config, method=BN_LASSO if config.method == BN_LASSO else "uniform", strength=0.0)


def _grid(widths: Sequence[int], strength: float, **options) -> list[StabilityConfig]:
    return [StabilityConfig(method, width, strength, **options) for width, method in product(widths, METHODS)]


STABILITY = Study(
    name="scalp-stability",
    version=1,
    question="Does the width that is left depend on the width at the start?",
    grid=by_profile(
        quick=_grid((50, 200, 400), 1e-2, dataset="digits", epochs=40),
        full=_grid((50, 100, 300, 1000), 1e-2, dataset="mnist", epochs=10, n_train=10_000),
        paper=[
            config
            for strength in (3e-3, 1e-2, 3e-2)
            for config in _grid((100, 300, 1000, 3000, 10_000), strength, dataset="mnist", epochs=15)
        ],
    ),
    seeds=by_profile(quick=(0, 1, 2, 3, 4), full=(0, 1, 2, 3, 4), paper=(0, 1, 2, 3, 4)),
    run=run_stability,
    run_stacked=run_stability_stacked,
    stack_key=stack_key,
    max_stack=60,
)
