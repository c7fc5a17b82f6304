"""The one training loop: minibatches, an optimizer, schedules, penalties, and evaluations on the way."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import Any

import torch
from torch import nn

from startright.data import Dataset, batches
from startright.seeds import generator
from startright.training.config import Group, TrainConfig, check_plain
from startright.training.evaluation import History, Loss, Recorder, cross_entropy
from startright.training.launches import CapturedStep
from startright.training.penalties import Penalty
from startright.training.sizes import fitting_threads

Step = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
Augment = Callable[[torch.Tensor, torch.Generator], torch.Tensor]
Hook = Callable[[int, Any], None]
Alter = Callable[[int, torch.Tensor, torch.Tensor, torch.Generator], tuple[torch.Tensor, torch.Tensor]]


def train(
    model: nn.Module,
    data: Dataset,
    config: TrainConfig,
    *,
    seed: int = 0,
    loss: Loss = cross_entropy,
    augment: Augment | None = None,
    alter: Alter | None = None,
    step: Step | None = None,
    on_epoch: Hook | None = None,
    on_step: Hook | None = None,
    capture: bool = False,
) -> History:
    """Train ``model`` in place, on the device where ``data`` are.

    The host waits for the device once an evaluation. A training whose loss is not finite at an evaluation
    ends there, marked ``diverged``. A small network is trained on one thread of a CPU
    (:mod:`startright.training.sizes`).

    Args:
        model: gives outputs, (n, classes), for inputs, (n, ...).
        data: where to train and evaluate.
        config: how.
        seed: of the order of the examples (role ``"order"``) and of the augmentation (role ``"augment"``);
            the initialisation is the model's own, see :func:`startright.models.build`.
        loss: gives the loss of each example, (n,), from outputs and labels; the batch mean is minimised.
        augment: changes a batch of training inputs, given a generator on their device.
        alter: changes inputs and labels of a training batch, after ``augment``, given the number of the
            epoch, from 0, the two, and the generator of ``augment``.
        step: moves the model by one batch of inputs and targets and returns the batch loss, a scalar on the
            device; by default :func:`gradient_step` with the optimizer that ``config`` describes.
        on_epoch: given the number of the epoch, from 0, and the model, before it.
        on_step: given the number of steps done and the model, after each; both on the device, as they are.
        capture: on a CUDA device, record the step, from the batch's indices to the moved weights, and replay
            it as one launch (:mod:`startright.training.launches`); elsewhere without effect. A step that is
            given must keep all that changes from one step to the next on the device. A schedule of the rate
            is written there before each step; ``alter`` must say what it depends on, by a method ``phase``,
            the number of the epoch → anything that can be compared: with each change the step is recorded
            anew.

    Returns:
        The curves and how it ended.

    Raises:
        ValueError: a seed that is not a non-negative integer, batches that the data do not fill, a step
            beside settings that it would not follow, or, to be captured, a schedule of the weight decay or an
            alteration without phases.
    """
    (x, y), device = data.train, data.train.x.device
    order, noise = generator(seed, "order"), generator(seed, "augment", device)
    model.to(device).train()
    if step is not None:
        check_plain(config, "the step given")
    if capture:
        _check_recordable(config, alter)
    capture, follow, now = capture and device.type == "cuda", None, 0
    if step is None and capture:
        step, follow = recordable_step(model, loss, config)
    step = step or gradient_step(model, torch_optimizer(config, model), loss, config)

    def whole(index: torch.Tensor) -> torch.Tensor:
        inputs, targets = augment(x[index], noise) if augment else x[index], y[index]
        if alter is not None:
            inputs, targets = alter(now, inputs, targets, noise)
        return step(inputs, targets)

    launch = recorded = CapturedStep(whole, [noise]) if capture else whole
    if follow is not None:
        launch = lambda index: (follow(), recorded(index))[1]  # noqa: E731

    def begin(epoch: int, model: nn.Module) -> None:
        nonlocal now
        if capture and alter is not None and alter.phase(epoch) != alter.phase(now):
            recorded.forget()
        now = epoch
        if on_epoch is not None:
            on_epoch(epoch, model)

    recorder = Recorder(config, data, loss)
    with fitting_threads(model, device):
        _epochs(model, data, config, order, launch, recorder, begin, on_step)
    return recorder.histories[0]


def _epochs(  # noqa: PLR0917 - what the loop goes on with
    model: nn.Module,
    data: Dataset,
    config: TrainConfig,
    order: torch.Generator,
    launch: Callable[[torch.Tensor], torch.Tensor],
    recorder: Recorder,
    on_epoch: Hook | None,
    on_step: Hook | None,
) -> None:
    y, count = data.train.y, 0
    for epoch in range(config.epochs):
        if on_epoch is not None:
            on_epoch(epoch, model)
        for index in batches(len(y), config.batch_size, order, drop_last=config.drop_last, device=y.device):
            batch_loss, count = launch(index), count + 1
            if on_step is not None:
                on_step(count, model)
            if recorder.step(batch_loss[None], lambda x: _eval_outputs(model, x)[None]) == []:
                return


def gradient_step(
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    loss: Loss = cross_entropy,
    config: TrainConfig | None = None,
) -> Step:
    """A step of an optimizer on the mean loss of a batch: the gradient, the update, the proximal step.

    Args:
        model: what is trained.
        optimizer: of its parameters, in any groups.
        loss: gives the loss of each example.
        config: schedules, penalty and precision; by default none. The rest of it plays no part.

    Returns:
        Inputs and targets → the batch loss, without the penalty, detached, on the device.

    Raises:
        ValueError: a penalty with one strength a run.
    """
    config = config or TrainConfig()
    if config.penalty is not None and isinstance(config.penalty.strength, tuple):
        raise ValueError(
            f"one model takes one strength of the penalty, got {config.penalty.strength}:"
            " train_stacked takes one a run"
        )
    scheduled = _Scheduled(optimizer, config)
    parameters = {name: p for name, p in model.named_parameters() if p.requires_grad}

    def step(inputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        scheduled.next()
        with precision(config, inputs.device):
            outputs = model(inputs)
        batch_loss = loss(at_least_float32(outputs), targets).mean()
        objective = batch_loss
        if config.penalty is not None:
            objective = batch_loss + config.penalty.value({k: p[None] for k, p in parameters.items()}).sum()
        optimizer.zero_grad()
        objective.backward()
        optimizer.step()
        if config.penalty is not None:
            _prox(config.penalty, parameters, optimizer)
        return batch_loss.detach()

    return step


def recordable_step(
    model: nn.Module, loss: Loss, config: TrainConfig
) -> tuple[Step, Callable[[], None] | None]:
    """:func:`gradient_step` as it can be recorded once and replayed.

    Args:
        model: what is trained.
        loss: gives the loss of each example.
        config: how.

    Returns:
        The step; and what sets the rate of the next on the device, to be called before each, or None where
        the rate stays.
    """
    optimizer = torch_optimizer(config, model, capturable=True)
    step = gradient_step(model, optimizer, loss, replace(config, schedule=None))
    return step, _Scheduled(optimizer, config).next if config.schedule is not None else None


def _check_recordable(config: TrainConfig, alter: Alter | None) -> None:
    if config.decay_schedule is not None:
        raise ValueError("a schedule of the weight decay is followed on the host: use capture=False")
    if alter is not None and not hasattr(alter, "phase"):
        raise ValueError(
            "an alteration is decided on the host, epoch by epoch: give it a method phase(epoch) that says"
            " what it depends on, or use capture=False"
        )


def _prox(penalty: Penalty, parameters: Mapping[str, nn.Parameter], optimizer: torch.optim.Optimizer) -> None:
    """The proximal step, each parameter with the rate of its group."""
    for group in optimizer.param_groups:
        own = {id(p) for p in group["params"]}
        rows = {name: p.detach()[None] for name, p in parameters.items() if id(p) in own}
        penalty.prox(rows, group["lr"])


class _Scheduled:
    """The rates and decays of an optimizer's groups, step by step."""

    def __init__(self, optimizer: torch.optim.Optimizer, config: TrainConfig):
        self.groups, self.config, self.count = optimizer.param_groups, config, 0
        self.start = [{name: float(group[name]) for name in ("lr", "weight_decay")} for group in self.groups]

    def next(self) -> None:
        """Set those of the step that comes."""
        schedules = {"lr": self.config.schedule, "weight_decay": self.config.decay_schedule}
        for name, schedule in schedules.items():
            if schedule is not None:
                for group, start in zip(self.groups, self.start, strict=True):
                    _set(group, name, start[name] * schedule(self.count))
        self.count += 1


def _set(group: dict[str, Any], name: str, value: float) -> None:
    """On the device where it lies there, for a step that is recorded."""
    if isinstance(group[name], torch.Tensor):
        group[name].fill_(value)
    else:
        group[name] = value


def precision(config: TrainConfig, device: torch.device) -> AbstractContextManager:
    """The context of a forward pass in the precision of ``config``."""
    if config.precision == "float32":
        return nullcontext()
    return torch.autocast(device.type, getattr(torch, config.precision))


def at_least_float32(outputs: torch.Tensor) -> torch.Tensor:
    """Outputs of a forward pass in half the precision, in float32; others as they are."""
    return outputs.float() if outputs.dtype in (torch.bfloat16, torch.float16) else outputs


def _eval_outputs(model: nn.Module, x: torch.Tensor) -> torch.Tensor:
    model.eval()
    outputs = model(x)
    model.train()
    return outputs


def torch_optimizer(
    config: TrainConfig, model: nn.Module, *, capturable: bool = False
) -> torch.optim.Optimizer:
    """The optimizer of torch that ``config`` describes, on the parameters of ``model``.

    Args:
        config: the training.
        model: what is trained.
        capturable: keep what changes from step to step, a count of them, and the rate where there is a
            schedule of it, on the device of the model, for a step that is recorded.
    """
    first = next(model.parameters())
    on_device = capturable and config.schedule is not None
    rate = (lambda lr: torch.tensor(lr, device=first.device)) if on_device else (lambda lr: lr)
    parameters = model.parameters() if config.groups is None else _groups(config, model, rate)
    common = {"lr": rate(config.lr), "weight_decay": config.weight_decay}
    if config.optimizer == "sgd":
        return torch.optim.SGD(parameters, momentum=config.momentum, fused=capturable or None, **common)
    capturable = capturable and first.is_cuda
    return torch.optim.Adam(parameters, betas=config.betas, eps=config.eps, capturable=capturable, **common)


def _groups(
    config: TrainConfig, model: nn.Module, rate: Callable[[float], float | torch.Tensor]
) -> list[dict[str, Any]]:
    """The trainable parameters by the factors of their group."""
    members: dict[Group, list[nn.Parameter]] = {}
    for name, values in model.named_parameters():
        if values.requires_grad:
            members.setdefault(config.groups(name, values), []).append(values)
    return [
        {
            "params": values,
            "lr": rate(config.lr * group.lr),
            "weight_decay": config.weight_decay * group.weight_decay,
        }
        for group, values in members.items()
    ]
