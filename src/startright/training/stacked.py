"""Many runs of one shape trained as one program, with a leading run axis.

As no run enters another's loss, the gradient of the sum of the losses holds in each row the gradient of
that run alone. Each run sees the same initial weights, order of the data and updates as in
:func:`startright.training.train`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol

import torch
from torch import nn

from startright.data import Dataset, epoch_order
from startright.data.batches import batch_sizes
from startright.seeds import generator
from startright.training.compiled import CompiledMove, Slot, check_compiler
from startright.training.config import Group, TrainConfig, check_lr
from startright.training.evaluation import History, Loss, Recorder, cross_entropy, stacked_loss
from startright.training.loop import Alter, Augment, Hook, at_least_float32, precision, train
from startright.training.optim import Factor, stacked_optimizer
from startright.training.schedules import Schedule
from startright.training.sizes import fitting_threads, stacking_pays
from startright.training.stack import ModelStack, check_alike


def train_stacked(
    models: Sequence[nn.Module],
    data: Dataset,
    config: TrainConfig,
    *,
    seeds: Sequence[int],
    lrs: Sequence[float] | None = None,
    loss: Loss = cross_entropy,
    augment: Augment | Sequence[Augment] | None = None,
    alter: Alter | Sequence[Alter | None] | None = None,
    schedules: Sequence[Schedule] | None = None,
    epochs: Sequence[int] | None = None,
    on_epoch: Hook | None = None,
    on_step: Hook | None = None,
    compile: bool = False,
    capture: bool = False,
) -> list[History]:
    """Train all ``models`` in place, as one program, on the device where ``data`` are.

    A run whose loss is not finite at an evaluation is marked ``diverged`` and leaves the stack; the others
    go on as if it had never been there. Where a stack is slower than one run after another, on a CPU from a
    width of 256 on, they are trained so, unless a hook wants the stack (:mod:`startright.training.sizes`);
    and with ``capture`` always.

    Args:
        models: one a run, alike in all but the values of their parameters and buffers.
        data: where to train and evaluate.
        config: how; its penalty may have one strength a run.
        seeds: one a run: of the order of the examples (role ``"order"``) and of the augmentation (role
            ``"augment"``).
        lrs: one a run; by default ``config.lr`` for all.
        loss: gives the loss of each example, (n,), from outputs and labels; the batch mean is minimised.
        augment: changes a batch of training inputs of one run, given a generator on their device; or one a
            run.
        alter: changes inputs and labels of a training batch of one run, as in
            :func:`startright.training.train`; or one a run.
        schedules: one a run, in the place of that of ``config``.
        epochs: one a run, at most those of ``config``; a run that has done its own leaves the stack.
        on_epoch: given the number of the epoch, from 0, and the
            :class:`~startright.training.stack.ModelStack`, before it.
        on_step: given the number of steps done and the stack, after each.
        compile: make the step by torch's compiler (:mod:`startright.training.compiled`), anew for each number
            of runs left and each size of a batch. It takes seconds, so it pays in long runs.
        capture: train one run after another, as :func:`startright.training.train` does with ``capture``: for
            networks that fill a GPU by themselves. The hooks are then given the model of the run.

    Returns:
        One history a run, the same as :func:`startright.training.train` gives, within rounding.

    Raises:
        ValueError: models that cannot be stacked, or seeds, learning rates, augmentations, alterations,
            schedules, epochs or strengths of a penalty that do not match them; to be both compiled and
            captured, or captured where :func:`startright.training.train` cannot.
        RuntimeError: to be compiled without a compiler, or a step that cannot be.
    """
    lrs = [config.lr] * len(models) if lrs is None else [check_lr(lr) for lr in lrs]
    if not len(models) == len(seeds) == len(lrs):
        raise ValueError(
            f"expected one seed and one learning rate a model, got {len(models)} models, "
            f"{len(seeds)} seeds and {len(lrs)} learning rates"
        )
    strengths = config.penalty.strength if config.penalty is not None else 0.0
    if isinstance(strengths, tuple) and len(strengths) != len(models):
        raise ValueError(
            f"expected one strength of the penalty a model, got {len(strengths)} for {len(models)}"
        )
    check_alike(models)
    each_of = {
        "seed": list(seeds),
        "lr": lrs,
        "augment": one_each("augmentation", augment, len(models)),
        "alter": one_each("alteration", alter, len(models)),
        "schedule": one_each("schedule", schedules or config.schedule, len(models)),
        "epochs": one_each("number of epochs", epochs or config.epochs, len(models)),
    }
    _check_epochs(each_of["epochs"], config)
    hooks = {"on_epoch": on_epoch, "on_step": on_step}
    if compile and capture:
        raise ValueError("a step is compiled for a stack or captured for one run: use one of the two")
    if compile:
        check_compiler(data.train.x.device)
    elif capture or (on_epoch is on_step is None and not stacking_pays(models[0], data.train.x.device)):
        return _one_by_one(models, data, config, each_of, loss=loss, capture=capture, **hooks)
    schedules = each_of["schedule"] if schedules else None
    program = _Gradients(
        [model.to(data.train.x.device).train() for model in models], config, lrs, loss, schedules
    )
    if compile:
        program.move = CompiledMove(program)
    bound = {
        name: hook and (lambda count, _, hook=hook: hook(count, program.stack))
        for name, hook in hooks.items()
    }
    with fitting_threads(models[0], data.train.x.device):
        changed = {"augment": augment, "alter": alter, "epochs": epochs}
        return train_together(program, data, config, seeds=seeds, loss=loss, **changed, **bound)


def _one_by_one(
    models: Sequence[nn.Module],
    data: Dataset,
    config: TrainConfig,
    each_of: Mapping[str, Sequence],
    **same: Any,
) -> list[History]:
    """The same by the loop for one run; ``same`` is what all have alike."""
    histories = []
    for row, model in enumerate(models):
        own, penalty = {name: values[row] for name, values in each_of.items()}, config.penalty
        if penalty is not None and isinstance(penalty.strength, tuple):
            penalty = replace(penalty, strength=penalty.strength[row])
        here = {name: own.pop(name) for name in ("lr", "schedule", "epochs")}
        histories.append(train(model, data, replace(config, penalty=penalty, **here), **same, **own))
    return histories


def one_each(name: str, given: Any, runs: int) -> list:
    """What each run has: a value of its own, or the one value, such as a function, that is given for all.

    Args:
        name: what it is, for the message.
        given: one value or None, or a sequence of as many as there are runs.
        runs: how many.

    Raises:
        ValueError: not one a run.
    """
    values = list(given) if isinstance(given, Sequence) else [given] * runs
    if len(values) != runs:
        raise ValueError(f"expected one {name} a run, got {len(values)} for {runs}")
    return values


def _check_epochs(epochs: Sequence[int], config: TrainConfig) -> None:
    for own in epochs:
        if not 1 <= own <= config.epochs:
            raise ValueError(
                f"the epochs of a run must be 1 to those of the config, {config.epochs}, got {own}"
            )


class Program(Protocol):
    """Many runs that move together, a row each."""

    def step(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """Move each run by its batch of inputs, (runs, n, ...), and labels, (runs, n); the batch losses."""

    def outputs(self, x: torch.Tensor) -> torch.Tensor:
        """What the runs say, in evaluation mode, (runs, n, classes), of the same inputs, (n, ...)."""

    def keep(self, rows: Sequence[int]) -> None:
        """Give every model its values, and go on with these of the runs alone."""


def train_together(
    program: Program,
    data: Dataset,
    config: TrainConfig,
    *,
    seeds: Sequence[int],
    loss: Loss = cross_entropy,
    augment: Augment | Sequence[Augment] | None = None,
    alter: Alter | Sequence[Alter | None] | None = None,
    epochs: Sequence[int] | None = None,
    on_epoch: Hook | None = None,
    on_step: Hook | None = None,
) -> list[History]:
    """The loop under :func:`train_stacked`, for runs that move in any way; see there.

    Args:
        program: the runs, in training mode.
        data: where to train and evaluate.
        config: epochs, size of the batches, evaluations.
        seeds: one a run.
        loss: what is evaluated.
        augment: changes a batch of training inputs of one run; or one a run.
        alter: changes inputs and labels of a training batch of one run; or one a run.
        epochs: one a run, at most those of ``config``; by default those.
        on_epoch: given the number of the epoch, from 0, and the program, before it.
        on_step: given the number of steps done and the program, after each.

    Raises:
        ValueError: a seed that is not a non-negative integer, or batches that the data do not fill.
    """
    batches = _Batches(data, config, seeds, augment, alter)
    recorder = Recorder(config, data, loss, len(seeds), epochs)
    for epoch in range(config.epochs):
        if on_epoch is not None:
            on_epoch(epoch, program)
        batches.shuffle()
        for batch in range(batches.count):
            losses = program.step(*batches.take(epoch, batch))
            if on_step is not None:
                on_step(epoch * batches.count + batch + 1, program)
            rows = recorder.step(losses, program.outputs)
            if rows is not None and len(rows) < len(batches.orders):
                program.keep(rows)
                batches.keep(rows)
            if rows == []:
                return recorder.histories
    program.keep([])
    return recorder.histories


class _Gradients:
    """Plain training: each run descends its own loss."""

    def __init__(
        self,
        models: Sequence[nn.Module],
        config: TrainConfig,
        lrs: Sequence[float],
        loss: Loss,
        schedules: Sequence[Schedule] | None = None,
    ):
        self.schedules = schedules
        self.stack, self.loss, self.config, self.count = ModelStack(models), loss, config, 0
        self.lrs, self.penalty = self.stack.theta.new_tensor(lrs), config.penalty
        self.optimizer = stacked_optimizer(config, self.lrs, self.stack.first())
        self.rate: Factor = 1.0
        self.decay: Factor = 1.0

    def step(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        if self.schedules is not None:
            self.rate = self.lrs.new_tensor([schedule(self.count) for schedule in self.schedules])
        elif self.config.schedule is not None:
            self.rate = self.config.schedule(self.count)
        if self.config.decay_schedule is not None:
            self.decay = self.config.decay_schedule(self.count)
        self.count += 1
        return self.move(x, y)

    def slots(self) -> list[Slot]:
        """Where it holds what changes from step to step."""
        schedules = {"rate": self.schedules or self.config.schedule, "decay": self.config.decay_schedule}
        followed = [(self, name) for name, schedule in schedules.items() if schedule is not None]
        return [*self.stack.slots(), *self.optimizer.slots(), (self, "lrs"), *followed]

    def move(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """Move each run; the batch losses."""
        with precision(self.config, x.device):
            outputs = self.stack(x, shared=False)
        losses = stacked_loss(self.loss, at_least_float32(outputs), y).mean(1)
        objective = losses if self.penalty is None else losses + self.penalty.value(self.stack.parts())
        (gradient,) = torch.autograd.grad(objective.sum(), self.stack.theta)
        self.optimizer.step(self.stack.theta, gradient, self.rate, self.decay)
        if self.penalty is not None:
            self._prox(self.rate)
        return losses

    @torch.no_grad()
    def _prox(self, rate: Factor) -> None:
        """The proximal step, each parameter with the rate of its group."""
        rule = self.config.groups or (lambda name, values: Group())
        for name, values in self.stack.parts().items():
            factor = rule(name, values[0]).lr
            self.penalty.prox({name: values}, self.lrs * (rate * factor))

    def outputs(self, x: torch.Tensor) -> torch.Tensor:
        return self.stack.predict(x)

    def keep(self, rows: Sequence[int]) -> None:
        self.stack.keep(rows)
        self.optimizer.keep(rows)
        self.lrs = self.lrs[rows]
        self.schedules = self.schedules and [self.schedules[row] for row in rows]
        self.penalty = self.penalty and self.penalty.keep(rows)


class _Batches:
    """The training data in each run's own order, with each run's own noise."""

    def __init__(
        self,
        data: Dataset,
        config: TrainConfig,
        seeds: Sequence[int],
        augment: Augment | Sequence[Augment] | None,
        alter: Alter | Sequence[Alter | None] | None,
    ):
        self.data, self.size = data.train, config.batch_size
        self.augments = one_each("augmentation", augment, len(seeds))
        self.alters = one_each("alteration", alter, len(seeds))
        self.count = len(batch_sizes(len(data.train.y), config.batch_size, config.drop_last))
        self.orders = [generator(seed, "order") for seed in seeds]
        self.noises = [generator(seed, "augment", data.train.x.device) for seed in seeds]

    def shuffle(self) -> None:
        """Draw each run's order of the next epoch, (runs, n)."""
        drawn = [epoch_order(len(self.data.y), order) for order in self.orders]
        self.index = torch.stack(drawn).to(self.data.y.device)

    def take(self, epoch: int, batch: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Inputs, (runs, n, ...), and labels, (runs, n)."""
        index = self.index[:, batch * self.size : (batch + 1) * self.size]
        x, y = self.data.x[index], self.data.y[index]
        if any(self.augments):
            runs = zip(self.augments, x, self.noises, strict=True)
            x = torch.stack([augment(own, rng) if augment else own for augment, own, rng in runs])
        if any(self.alters):
            runs = zip(self.alters, x, y, self.noises, strict=True)
            pairs = [alter(epoch, *own, rng) if alter else own for alter, *own, rng in runs]
            x, y = (torch.stack(part) for part in zip(*pairs, strict=True))
        return x, y

    def keep(self, rows: Sequence[int]) -> None:
        """Go on with these of the runs alone."""
        self.orders, self.noises, self.augments, self.alters = (
            [own[row] for row in rows] for own in (self.orders, self.noises, self.augments, self.alters)
        )
        self.index = self.index[rows]
