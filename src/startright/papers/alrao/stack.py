"""Many models of :func:`startright.alrao.wrap` trained as one program: Alrao and plain rates side by side.

The backbones are the rows of one matrix with a rate an entry, so that SGD at one rate is a run like any
other. The heads of the runs that have as many of them are stacked, and their gradients are in closed form.
"""

from collections.abc import Sequence

import torch
from torch import nn
from torch.func import functional_call, vmap

from startright.data import Dataset
from startright.papers.alrao.likelihoods import Categorical, in_closed_form
from startright.papers.alrao.mixture import linear_step
from startright.papers.alrao.model import Alrao, Optimizer
from startright.papers.alrao.optim import PerUnitSGD
from startright.papers.alrao.switch import switch_update
from startright.papers.alrao.training import Watch, fit
from startright.training import History, ModelStack, TrainConfig
from startright.training.compiled import CompiledMove, Slot, check_compiler
from startright.training.config import check_plain
from startright.training.loop import Augment
from startright.training.optim import StackedAdam, StackedSGD
from startright.training.sizes import fitting_threads, stacking_pays
from startright.training.stack import check_alike
from startright.training.stacked import train_together


def fit_stacked(
    pairs: Sequence[tuple[Alrao, Optimizer]],
    data: Dataset,
    config: TrainConfig,
    *,
    seeds: Sequence[int],
    augment: Augment | None = None,
    watches: Sequence[Watch] | None = None,
    compile: bool = False,
) -> list[History]:
    """Train all models in place, as one program; with each, what :func:`startright.alrao.training.fit` does.

    A run that is not finite at an evaluation is marked ``diverged`` and leaves the stack; the others go on as
    if it had never been there. Wide networks are trained one by one on a CPU, where a stack of them is slower
    (:mod:`startright.training.sizes`). Every model ends with the weights, heads and Switch of its run. The
    optimizers are read only: moments of Adam start from zero and are not given back.

    Args:
        pairs: of :func:`~startright.alrao.model.wrap`, with linear heads on backbones of one shape, on the
            device where ``data`` are; any rates and numbers of heads, all by SGD or all by Adam.
        data: classes.
        config: epochs, size of the batches, evaluations.
        seeds: one a run, see :func:`startright.training.train`.
        augment: see :func:`startright.training.train_stacked`.
        watches: one a run, given the weights of its heads, (N,), after each of its steps, on the device;
            such as :class:`~startright.alrao.trace.WeightTrace`. A run that has left the stack has no more
            steps.
        compile: see :func:`startright.training.train_stacked`.

    Returns:
        One history a run.

    Raises:
        ValueError: no linear heads on classes, optimizers of two kinds, with momenta or other constants,
            backbones that cannot be stacked, classes out of range, numbers of seeds or watches that differ.
    """
    if not len(pairs) == len(seeds) == len(watches or pairs):
        raise ValueError(
            f"expected one seed (and one watch) a pair, got {len(pairs)} pairs, {len(seeds)} seeds"
            + (f" and {len(watches)} watches" if watches else "")
        )
    check_plain(config, "Alrao")
    _check_pairs(pairs)
    if compile:
        check_compiler(data.train.x.device)
    elif not stacking_pays(pairs[0][0].backbone, data.train.x.device):
        check_alike([model.backbone for model, _ in pairs])
        own = zip(pairs, seeds, watches or [None] * len(pairs), strict=True)
        return [
            fit(*pair, data, config, seed=seed, augment=augment, watch=watch) for pair, seed, watch in own
        ]
    order = sorted(range(len(pairs)), key=lambda run: pairs[run][0].heads.n)  # runs of as many heads adjoin
    for model, _ in pairs:
        model.look(data.train.x[:2])
    runs = _Runs([pairs[run] for run in order], [watches[run] for run in order] if watches else None)
    runs.check(data)
    if compile:
        runs.move = CompiledMove(runs)
    with fitting_threads(pairs[0][0].backbone, data.train.x.device):
        histories = train_together(runs, data, config, seeds=[seeds[run] for run in order], augment=augment)
    return [history for _, history in sorted(zip(order, histories, strict=True), key=lambda pair: pair[0])]


class _Runs:
    """The backbones as one stack, under the heads of the runs in groups of equal number."""

    def __init__(self, pairs: Sequence[tuple[Alrao, Optimizer]], watches: Sequence[Watch] | None):
        for model, _ in pairs:
            model.train()
        self.stack, self.watches = ModelStack([model.backbone for model, _ in pairs]), watches
        self.optimizer = _stacked(
            pairs, [[m.backbone.get_parameter(name) for name in self.stack.names] for m, _ in pairs]
        )
        numbers = [model.heads.n for model, _ in pairs]
        self.groups = [
            _Heads([pair for pair in pairs if pair[0].heads.n == n]) for n in dict.fromkeys(numbers)
        ]

    def check(self, data: Dataset) -> None:
        """Refuse features or classes that the heads do not take; looked at once, as it waits for the device.

        Raises:
            ValueError: such features or classes.
        """
        n_classes, width = self.groups[0].weight.shape[-2:]
        self.groups[0].mixture.likelihood.check(n_classes, data.train.y, len(data.train.y))
        with torch.no_grad():
            z = self.stack.predict(data.train.x[:1])
        if z.shape[1:] != (1, width):
            raise ValueError(
                f"the heads take features of ({width},), the backbone gives {tuple(z.shape[2:])}"
            )

    def _split(self, *tensors: torch.Tensor) -> list[tuple]:
        """Each group with its rows of tensors, (runs, ...)."""
        sizes = [group.runs for group in self.groups]
        return list(zip(self.groups, *(tensor.split(sizes) for tensor in tensors), strict=True))

    def step(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        losses = self.move(x, y)
        if self.watches is not None:
            weights = [row for group in self.groups for row in group.log_weights.exp()]
            for watch, row in zip(self.watches, weights, strict=True):
                watch(row)
        return losses

    def slots(self) -> list[Slot]:
        """Where it holds what changes from step to step."""
        own = [slot for group in self.groups for slot in group.slots()]
        return [*self.stack.slots(), *self.optimizer.slots(), *own]

    def move(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """Move each run; the mixtures' losses."""
        z = self.stack(x, shared=False)
        steps = [group.step(part, labels) for group, part, labels in self._split(z.detach(), y)]
        losses, features = (torch.cat(parts) for parts in zip(*steps, strict=True))
        (gradient,) = torch.autograd.grad(z, self.stack.theta, features)
        self.optimizer.step(self.stack.theta, gradient)
        return losses

    def outputs(self, x: torch.Tensor) -> torch.Tensor:
        return torch.cat([group.outputs(z) for group, z in self._split(self.stack.predict(x))])

    def keep(self, rows: Sequence[int]) -> None:
        self.stack.keep(rows)
        self.optimizer.keep(rows)
        if self.watches is not None:
            self.watches = [self.watches[row] for row in rows]
        first = 0
        for group in self.groups:
            last = first + group.runs
            group.keep([row - first for row in rows if first <= row < last])
            first = last
        self.groups = [group for group in self.groups if group.runs]


class _Heads:
    """The heads of runs that have as many of them, (runs, N, ...), and their Switches."""

    def __init__(self, pairs: Sequence[tuple[Alrao, Optimizer]]):
        self.models = [model for model, _ in pairs]
        first = self.models[0]
        self.n, self.theta = first.heads.n, first.switch.theta
        # a mixture on features, into which the values of each run are put where it is evaluated
        self.mixture = Alrao(nn.Identity(), first.heads, first.likelihood)
        names = [name for name, _ in first.heads.named_parameters()]
        parameters = [[m.heads.get_parameter(name) for m in self.models] for name in names]
        self.tensors = {
            f"heads.{name}": torch.stack([p.detach() for p in own])
            for name, own in zip(names, parameters, strict=True)
        }
        self.optimizers = [_stacked(pairs, [[p] for p in own], own[0].shape) for own in parameters]
        self.log_mass = torch.stack([m.switch.log_mass for m in self.models])
        self.t = torch.stack([m.switch.t for m in self.models])[:, None, None]

    @property
    def runs(self) -> int:
        return len(self.models)

    def slots(self) -> list[Slot]:
        """Where it holds what changes from step to step."""
        moving = [(self.tensors, name) for name in self.tensors]
        switch = [(self, "log_mass"), (self, "t")] if self.n > 1 else []
        return [*moving, *switch, *(slot for optimizer in self.optimizers for slot in optimizer.slots())]

    @property
    def weight(self) -> torch.Tensor:
        """Of the heads, (runs, N, K, d)."""
        return next(iter(self.tensors.values()))

    @property
    def log_weights(self) -> torch.Tensor:
        """Of the mixtures, (runs, N)."""
        return torch.logaddexp(self.log_mass[:, 0], self.log_mass[:, 1])

    def step(self, z: torch.Tensor, y: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Move the heads; the mixtures' losses, (runs,), and their gradients by the features."""
        weight, *bias = self.tensors.values()
        found = linear_step(
            z, weight, bias[0] if bias else None, y, self.log_weights, self.mixture.likelihood
        )
        gradients = (found.weight, found.bias)[: len(self.tensors)]
        for values, optimizer, gradient in zip(
            self.tensors.values(), self.optimizers, gradients, strict=True
        ):
            optimizer.step(values, gradient)
        if self.n > 1:
            self.log_mass = switch_update(self.log_mass, self.t, found.log_likelihoods, self.theta)
            self.t = self.t + 1
        return found.loss, found.features

    def outputs(self, z: torch.Tensor) -> torch.Tensor:
        """Log-probabilities of the classes, (runs, n, K), for features, (runs, n, d)."""
        tensors = self.tensors | {"switch.log_mass": self.log_mass}
        return vmap(lambda own, z: functional_call(self.mixture, own, (z,)))(tensors, z)

    @torch.no_grad()
    def keep(self, rows: Sequence[int]) -> None:
        """Give every model its heads and its Switch, and go on with these of the runs."""
        for row, model in enumerate(self.models):
            for name, values in self.tensors.items():
                model.get_parameter(name).copy_(values[row])
            model.switch.log_mass.copy_(self.log_mass[row])
            model.switch.t.copy_(self.t[row].squeeze())
        self.models = [self.models[row] for row in rows]
        self.tensors = {name: values[rows] for name, values in self.tensors.items()}
        self.log_mass, self.t = self.log_mass[rows], self.t[rows]
        for optimizer in self.optimizers:
            optimizer.keep(rows)


def _stacked(
    pairs: Sequence[tuple[Alrao, Optimizer]],
    parameters: Sequence[Sequence[torch.Tensor]],
    shape: Sequence[int] = (-1,),
) -> StackedSGD | StackedAdam:
    """The optimizer of these parameters of each run; their rates one after another are (runs, *shape)."""

    def rates(optimizer: Optimizer, own: Sequence[torch.Tensor]) -> torch.Tensor:
        factors = {p: float(group["lr"]) for group in optimizer.param_groups for p in group["params"]}
        parts = [(optimizer.state[p]["rate"].to(p.device) * factors[p]).flatten() for p in own]
        return torch.cat(parts).view(*shape)

    optimizers = [optimizer for _, optimizer in pairs]
    lrs = torch.stack([rates(optimizer, own) for optimizer, own in zip(optimizers, parameters, strict=True)])
    if isinstance(optimizers[0], PerUnitSGD):
        return StackedSGD(lrs)
    return StackedAdam(lrs, **_constants(optimizers[0]))


def _constants(optimizer: Optimizer) -> dict[str, object]:
    """What Adam has beside its rates."""
    return {key: value for key, value in optimizer.param_groups[0].items() if key in {"betas", "eps"}}


def _check_pairs(pairs: Sequence[tuple[Alrao, Optimizer]]) -> None:
    def kind(model: Alrao, optimizer: Optimizer) -> tuple[object, ...]:
        return (type(optimizer).__name__, _constants(optimizer), model.switch.theta)

    if not pairs:
        raise ValueError("expected one pair of a model and its optimizer or more, got none")
    for index, (model, optimizer) in enumerate(pairs):
        closed = isinstance(model.likelihood, Categorical) and in_closed_form(model.likelihood)
        if not (model.heads.linear and closed):
            raise ValueError(f"run {index} has not linear heads on classes: train such runs one by one")
        if model.likelihood != pairs[0][0].likelihood:
            raise ValueError(
                f"all runs need one likelihood: run {index} has {model.likelihood},"
                f" not {pairs[0][0].likelihood}"
            )
        if not all(p.requires_grad for p in model.heads.parameters()):
            raise ValueError(f"run {index} has frozen heads: train such runs one by one")
        if model.heads.weight.shape[1:] != pairs[0][0].heads.weight.shape[1:]:
            raise ValueError(f"the heads of run {index} differ in shape from those of run 0")
        if any("step" in state for state in optimizer.state.values()):
            raise ValueError(f"the optimizer of run {index} has moments already: make a new one")
        if (own := kind(model, optimizer)) != (first := kind(*pairs[0])):
            raise ValueError(f"all runs need one optimizer and one theta: run {index} has {own}, not {first}")
