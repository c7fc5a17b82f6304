"""One training of the paper: grouped Newton steps, or one of the peers, in the book's training loop."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import nn

from startright.data import Dataset
from startright.data.batches import batch_sizes
from startright.errors import unknown
from startright.papers.higher_order.kfac import KFAC
from startright.papers.higher_order.networks import make_network, network
from startright.papers.higher_order.optim import GroupedNewton
from startright.papers.higher_order.tasks import LossOfParams, batch_loss, clock, load, loss_of
from startright.seeds import generator
from startright.studies import Outcome, thin
from startright.training import TrainConfig, gradient_step, train
from startright.training.loop import torch_optimizer

METHODS = ("grouped", "adam", "sgd", "kfac")
CURVES = ("train_loss", "test_loss", "test_accuracy")


@dataclass(frozen=True)
class RunConfig:
    """One network trained by one method.

    Args:
        dataset: of the images.
        net: name of the network.
        method: ``"grouped"``, ``"adam"``, ``"sgd"`` (momentum 0.9) or ``"kfac"``.
        lr: the rate; of ``"grouped"`` the factor λ₁ of all rates.
        epochs: passes over the training images.
        n_train: how many of these are used; all but the validation images by default.
        batch: images a step.
        groups: the partition of ``"grouped"``.
        lambda_int: weight of the cubic term.
        period: steps between two updates of the rates.
        curvature_batch: images of an update, drawn apart from those of the steps.
        validation: images set aside; never looked at, as nothing is chosen by them.
    """

    dataset: str
    net: str
    method: str
    lr: float
    epochs: int
    n_train: int | None = None
    batch: int = 100
    groups: str = "canonical"
    lambda_int: float = 1.0
    period: int = 10
    curvature_batch: int = 100
    validation: int = 0


Step = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


class Timed:
    """A step that sums its seconds, by epoch; of the processor on a CPU.

    Args:
        step: moves the model by one batch.
        per_epoch: steps an epoch.
        now: the clock, looked at before and after an epoch's steps.

    Attributes:
        seconds: since the beginning, at the end of each epoch; evaluations are not counted.
    """

    def __init__(self, step: Step, per_epoch: int, now: Callable[[], float]):
        self.step, self.per_epoch, self.now = step, per_epoch, now
        self.count, self.spent, self.start, self.seconds = 0, 0.0, 0.0, []

    def __call__(self, inputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Do the step."""
        if self.count % self.per_epoch == 0:
            self.start = self.now()
        value = self.step(inputs, targets)
        self.count += 1
        if self.count % self.per_epoch == 0:
            self.spent += self.now() - self.start
            self.seconds.append(self.spent)
        return value


class Grouped:
    """A step of grouped Newton; λ₁ falls where an epoch's training loss no longer does.

    Args:
        config: of the run.
        model: moved in place.
        images: whose training part gives the batches of the curvature.
        seed: of these batches (role ``"curvature"``).

    Attributes:
        etas: the rates of each update before negative ones are set to 0, (updates, S).
        lowest: the least eigenvalue of H̄ at each update over the largest.
    """

    def __init__(self, config: RunConfig, model: nn.Module, images: Dataset, seed: int):
        self.config, self.model, self.loss = config, model, loss_of(config.net)
        self.optimizer = GroupedNewton(
            model,
            config.groups,
            lr=config.lr,
            lambda_int=config.lambda_int,
            period=config.period,
            check=False,  # the tests have checked these networks; its seconds would be among the step's
        )
        self.train, self.rng = images.train, generator(seed, "curvature")
        self.per_epoch = len(batch_sizes(len(images.train.y), config.batch))
        self.losses: list[torch.Tensor] = []
        self.etas: list[list[float]] = []
        self.lowest: list[float] = []

    def __call__(self, inputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Do the step."""
        batch = self.loss(self.model(inputs), targets).mean()
        self.model.zero_grad()
        batch.backward()
        if self.optimizer.curvature_due:
            self.optimizer.step(curvature=self._curvature())
            self._note()
        else:
            self.optimizer.step()
        self.losses.append(batch.detach())
        if len(self.losses) == self.per_epoch:
            self.optimizer.plateau(float(torch.stack(self.losses).mean()))
            self.losses.clear()
        return batch

    def _curvature(self) -> LossOfParams:
        x, y = self.train
        index = torch.randint(len(y), (self.config.curvature_batch,), generator=self.rng).to(y.device)
        return batch_loss(self.model, self.loss, x[index], y[index])

    def _note(self) -> None:
        last = self.optimizer.last
        if last is not None:  # the warm-up is over
            eigen = torch.linalg.eigvalsh(last.derivatives.H)
            self.etas.append(last.step.eta.tolist())
            self.lowest.append(float(eigen[0] / eigen[-1]))

    def outcome(self) -> tuple[dict[str, float], dict[str, list[float]]]:
        """Metrics and curves: shares of negative rates and of indefinite H̄, the rates by group."""
        etas, lowest = torch.tensor(self.etas), torch.tensor(self.lowest)
        curves = {f"eta_{s}": thin(column) for s, column in enumerate(etas.T.tolist())}
        metrics = {
            "negative_rates": float((etas < 0).double().mean()),
            "indefinite": float((lowest <= 0).double().mean()),
            "updates": len(lowest),
            "infeasible": self.optimizer.infeasible,
        }
        return metrics, curves | {"relative_eigenvalue": thin(self.lowest)}


def kfac_step(config: RunConfig, model: nn.Module, seed: int) -> Step:
    """A step of K-FAC, whose factors come from the batches of the steps."""
    optimizer, loss = KFAC(model, lr=config.lr, seed=seed), loss_of(config.net)

    def step(inputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        batch = loss(model(inputs), targets).mean()
        optimizer.zero_grad()
        batch.backward()
        optimizer.step(inputs, targets)
        return batch

    return step


def torch_step(config: RunConfig, model: nn.Module) -> Step:
    """A step of Adam, or of SGD with momentum 0.9."""
    momentum = 0.9 if config.method == "sgd" else 0.0
    settings = TrainConfig(lr=config.lr, optimizer=config.method, momentum=momentum)
    return gradient_step(model, torch_optimizer(settings, model), loss_of(config.net))


def make_step(config: RunConfig, model: nn.Module, images: Dataset, seed: int) -> Step:
    """The step of the config's method.

    Raises:
        ValueError: an unknown method.
        ImportError: K-FAC without its package.
    """
    if config.method not in METHODS:
        raise unknown("method", config.method, METHODS)
    if config.method == "grouped":
        return Grouped(config, model, images, seed)
    return kfac_step(config, model, seed) if config.method == "kfac" else torch_step(config, model)


def run_training(config: RunConfig, seed: int, device: torch.device) -> Outcome:
    """Train one network: its losses and seconds by epoch, and what the groups did."""
    held = {"n_train": config.n_train, "validation": config.validation}
    images = replace(load(config.dataset, config.net, device, **held), validation=None)
    model = make_network(config.net, seed).to(device)
    step = make_step(config, model, images, seed)
    timed = Timed(step, len(batch_sizes(len(images.train.y), config.batch)), clock(device))
    settings = TrainConfig(epochs=config.epochs, batch_size=config.batch)
    history = train(model, images, settings, seed=seed, loss=loss_of(config.net), step=timed)
    names = CURVES[:2] if network(config.net).rebuilds else CURVES
    curves = {name: thin(history.curves[name]) for name in names if name in history.curves}
    curves["seconds"] = thin(timed.seconds)
    metrics = {name: values[-1] for name, values in curves.items() if name != "seconds"}
    if isinstance(step, Grouped):
        more = step.outcome()
        metrics, curves = metrics | more[0], curves | more[1]
    return Outcome.of(history, metrics, curves)
