r"""Beyond the synthetic task: is a digit even or odd? (C8)

A network of the paper's form learns the parity, :math:`y = \pm1`, of a small part of MNIST with the squared
loss, by Gauss-Newton and by gradient descent. The set-up is our own: the paper's experiment is in its
appendix, and its settings are not known to us. Inputs are scaled to a mean square norm of 10, that of the
synthetic task, so that the initial scale means the same.

Metrics of a record, at the end of the run:

``test_loss``, ``accuracy``
    Of the network on the test set; the loss is half the mean square, the accuracy in per cent.
``refit_loss``, ``refit_accuracy``
    The same after the output layer is refitted to the training set.
``steps``, ``train_ratio``
    How many steps were made, and the training loss relative to the first.
``start_refit_loss``, ``start_refit_accuracy``
    Random features: refitted before the first step.

``eighth_…`` and ``hundredth_…`` are all these after the first step at which the relative training loss is
at most 1/8, and 1/100; they are missing if it never is. The curves have the same values along the run, by
``step``.
"""

from dataclasses import dataclass
from itertools import product

import torch
from torch import Tensor

from startright import data
from startright.errors import unknown
from startright.papers.gauss_newton.descent import log_grid
from startright.papers.gauss_newton.dual import gauss_newton_direction
from startright.papers.gauss_newton.evaluation import half_mean_square, refit
from startright.papers.gauss_newton.network import Linearisation, MeanField, linearise, read_out
from startright.profiles import by_profile
from startright.seeds import generator
from startright.studies import Outcome, Study

SQUARE_NORM = 10.0
LEVELS = {"eighth": 1 / 8, "hundredth": 1 / 100}
SMALL_SCALES, LARGE_SCALE = (0.1, 1.0), 10.0
RATES = (1.0, 0.1, 0.02)
DESCENT_RATE = 0.3
LOST = 1e12


@dataclass(frozen=True)
class MnistConfig:
    r"""A network trained on the parity of digits until the relative training loss is ``target``.

    Args:
        dataset: ``"digits"`` or ``"mnist"``.
        method: ``"gauss-newton"`` or ``"gradient"``.
        scale: τ₀, standard deviation of the hidden weights and biases; output weights start at 0.
        rate: :math:`\lambda_\mathrm{eff}` of Gauss-Newton; κ of gradient descent, whose learning rate is κM.
        width: M.
        points: N, training images, drawn for each seed.
        tests: test images, likewise.
        max_steps: the most steps.
        pool: images are averaged over squares of this side.
        target: relative training loss at which a run ends.

    Raises:
        ValueError: an unknown method.
    """

    dataset: str
    method: str
    scale: float
    rate: float
    width: int
    points: int
    tests: int
    max_steps: int
    pool: int = 1
    target: float = 1e-4

    def __post_init__(self):
        if self.method not in {"gauss-newton", "gradient"}:
            raise unknown("method", self.method, ("gauss-newton", "gradient"))


@dataclass(frozen=True)
class Parity:
    """Images as rows, (N, d) for training and (T, d) for tests; 1 for odd digits and −1 for even ones."""

    x: Tensor
    y: Tensor
    x_test: Tensor
    y_test: Tensor


def load_parity(config: MnistConfig, seed: int, device: torch.device) -> Parity:
    """The images of a seed, scaled to a mean square norm of 10 over the training part."""
    sizes = {"n_train": config.points, "n_test": config.tests}
    found = data.load(config.dataset, device=device, seed=seed, dtype=torch.float64, **sizes)
    images = [torch.nn.functional.avg_pool2d(s.x, config.pool).flatten(1) for s in (found.train, found.test)]
    factor = (SQUARE_NORM / images[0].square().sum(1).mean()).sqrt()
    labels = [2.0 * (s.y % 2).double() - 1 for s in (found.train, found.test)]
    return Parity(images[0] * factor, labels[0], images[1] * factor, labels[1])


def draw_network(config: MnistConfig, inputs: int, seed: int, device: torch.device) -> MeanField:
    """The network of a seed; its draws are the same for every scale."""
    rng = generator(seed, "gauss-newton-mnist")
    u = torch.randn(config.width, inputs, generator=rng, dtype=torch.float64).to(device)
    b = torch.randn(config.width, generator=rng, dtype=torch.float64).to(device)
    return MeanField(torch.zeros_like(b), config.scale * u, config.scale * b)


def assess(net: MeanField, task: Parity) -> dict[str, float]:
    """Test loss and accuracy of a network, as it is and with its output layer refitted."""
    features = net.features(task.x_test)
    refitted = refit(net.features(task.x), task.y)
    found = {}
    for prefix, v in {"": net.v, "refit_": refitted}.items():
        outputs = read_out(features, v)
        found[f"{prefix or 'test_'}loss"] = half_mean_square(outputs - task.y_test).item()
        found[f"{prefix}accuracy"] = 100 * (outputs * task.y_test > 0).double().mean().item()
    return found


def _direction(config: MnistConfig, local: Linearisation, y: Tensor) -> MeanField:
    if config.method == "gauss-newton":
        return gauss_newton_direction(local, y)[0]
    return local.pullback((config.width / len(y)) * (local.outputs - y))


def run_parity(config: MnistConfig, seed: int, device: torch.device) -> Outcome:
    """Train one network; see the head of the module for what it leaves."""
    task = load_parity(config, seed, device)
    net = draw_network(config, task.x.shape[1], seed, device)
    metrics: dict[str, float] = {f"start_{k}": v for k, v in assess(net, task).items() if "refit" in k}
    curves: dict[str, list[float]] = {}
    first, open_levels, grid = half_mean_square(task.y).item(), dict(LEVELS), log_grid(config.max_steps, 5)
    for step in range(config.max_steps + 1):
        local = linearise(net, task.x)
        ratio = half_mean_square(local.outputs - task.y).item() / first
        if not ratio < LOST:
            return Outcome(metrics, curves, "diverged", f"relative training loss {ratio:g} at step {step}")
        passed = [name for name, level in open_levels.items() if ratio <= level]
        done = ratio <= config.target or step == config.max_steps
        if passed or done or step in grid:
            row = {"steps": step, "train_ratio": ratio} | assess(net, task)
            for name in passed:
                metrics |= {f"{name}_{key}": value for key, value in row.items()}
                del open_levels[name]
            for key, value in row.items():
                curves.setdefault("step" if key == "steps" else key, []).append(value)
        if done:
            return Outcome(metrics | row, curves)
        net = net.moved(_direction(config, local, task.y), config.rate)
    raise AssertionError("unreachable")


DIGITS = {"dataset": "digits", "width": 150, "points": 100, "tests": 297}
IMAGES = {"dataset": "mnist", "width": 1000, "points": 300, "tests": 2000, "pool": 2}


def _grid(descent_steps: int, **options) -> list[MnistConfig]:
    scales = (*SMALL_SCALES, LARGE_SCALE)
    newton = [
        MnistConfig(method="gauss-newton", scale=scale, rate=rate, max_steps=1000, **options)
        for scale, rate in product(scales, RATES)
    ]
    descent = {"method": "gradient", "rate": DESCENT_RATE, "max_steps": descent_steps, **options}
    return newton + [MnistConfig(scale=scale, **descent) for scale in SMALL_SCALES]


MNIST = Study(
    name="gauss-newton-mnist",
    version=1,
    question="Does what the synthetic task shows hold for images of digits?",
    grid=by_profile(quick=_grid(400, **DIGITS), full=_grid(2000, **IMAGES)),
    seeds=by_profile(quick=(0, 1, 2), full=(0, 1, 2)),
    run=run_parity,
)
