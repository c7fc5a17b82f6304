"""Alrao on any module: all learning rates at once.

Every unit of the backbone has a rate of its own, the output layer is N copies with fixed rates over the same
interval, mixed by :class:`~startright.alrao.switch.Switch`.

Source: L. Blier, P. Wolinski and Y. Ollivier, *Learning with random learning rates*, 2019.
"""

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from startright.errors import unknown
from startright.models import build
from startright.papers.alrao.heads import HeadBank
from startright.papers.alrao.likelihoods import Categorical, Likelihood, as_likelihood
from startright.papers.alrao.mixture import NEVER
from startright.papers.alrao.optim import OPTIMIZERS, PerUnitAdam, PerUnitSGD
from startright.papers.alrao.rates import Interval, LogUniform, as_sampler, unit_rates
from startright.papers.alrao.switch import Switch
from startright.seeds import generator

Optimizer = PerUnitSGD | PerUnitAdam
CATEGORICAL = Categorical()


class Alrao(nn.Module):
    """A backbone under a mixture of heads; :func:`wrap` makes one together with its optimizer.

    Args:
        backbone: gives features, (..., d).
        heads: on those features.
        likelihood: of the heads' outputs.
        theta: see :class:`~startright.alrao.switch.Switch`.

    Attributes:
        switch: the weights of the heads.
        unit_rates: rates of the backbone's units by the parameter's name, as they were drawn.
        head_rates: rates of the heads, (N,).
    """

    def __init__(
        self,
        backbone: nn.Module,
        heads: HeadBank,
        likelihood: Likelihood = CATEGORICAL,
        theta: float = 0.9999,
    ):
        super().__init__()
        self.backbone, self.heads = backbone, heads
        self.likelihood = likelihood
        self.switch = Switch(heads.n, theta)
        self.unit_rates: dict[str, torch.Tensor] = {}
        self.head_rates: torch.Tensor | None = None
        self._checked = False

    def head_outputs(self, x: torch.Tensor) -> torch.Tensor:
        """What each head says, (N, B, K), of inputs, (B, ...)."""
        return self.heads(self._features(self.backbone(x)))

    def _features(self, z: Any) -> torch.Tensor:
        """Features as (B, d), in the type of the heads: those of a backbone in bfloat16 become float32.

        Raises:
            ValueError: no tensor of two axes or more.
        """
        if not isinstance(z, torch.Tensor) or z.dim() < 2:
            raise ValueError(
                f"the backbone must return features, (B, d), got {_shape(z)}; wrap it in a module that does,"
                " or compute them and call fit_features"
            )
        return z.flatten(0, -2).to(self.switch.log_mass.dtype)

    def head_log_probs(self, x: torch.Tensor) -> torch.Tensor:
        """Log-probabilities of the classes by each head, (N, B, K), for inputs, (B, ...)."""
        return self.head_outputs(x).log_softmax(-1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The mixture's prediction for inputs, (B, ...).

        For classes their log-probabilities, (B, K), so that any code that takes logits can score them;
        otherwise the outputs, (B, K), of the head with the largest weight. Heads with outputs that are
        not finite are left out.
        """
        return self.mix(self.head_outputs(x))

    def mix(self, outputs: torch.Tensor) -> torch.Tensor:
        """The mixture's prediction, (B, K), from the heads' outputs, (N, B, K)."""
        alive = outputs.isfinite().all(-1).all(-1)
        log_weights = torch.where(alive, self.switch.log_weights, NEVER).log_softmax(0)
        outputs = torch.where(alive[:, None, None], outputs, 0)
        if isinstance(self.likelihood, Categorical):
            return (outputs.log_softmax(-1) + log_weights[:, None, None]).logsumexp(0)
        best = log_weights.argmax().expand(1)  # a mean would be at the mercy of heads that have diverged
        return outputs.index_select(0, best).squeeze(0)

    def backward(self, z: torch.Tensor, targets: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Adds the gradients of a minibatch, given its features, (B, d), and targets.

        The backbone gets the gradient of the mixture's loss, each head that of its own loss. A step by hand
        is ``optimizer.zero_grad()``, this, ``optimizer.step()``, ``model.switch.update(log_likelihoods)``.

        Returns:
            The mixture's mean loss, and the heads' mean log-likelihoods, (N,), for the Switch.
        """
        return self.heads.backward(z, targets, self.switch.log_weights, self.likelihood)

    def training_step(
        self, x: torch.Tensor, targets: torch.Tensor, optimizer: Optimizer, *, max_norm: float | None = None
    ) -> torch.Tensor:
        """One step on a minibatch: forward, both kinds of gradient, parameters, weights of the heads.

        Args:
            x: inputs, (B, ...).
            targets: class numbers, (B,), or vectors, (B, D).
            optimizer: the one that :func:`wrap` returned.
            max_norm: scale the backbone's gradient to at most this norm, as recurrent networks need it;
                the heads' is left alone.

        Returns:
            The mixture's loss before the step, detached, on the device: nothing waits for it. It is not
            finite if the features were not, or no head was: the run has failed then.

        Raises:
            ValueError: a backbone whose output is no features, or targets that do not fit; a class out of
                range is seen in every step on a CPU, and in the first on other devices.

        Source: the algorithm of the paper, in its order.
        """
        return self.fit_features(self.backbone(x), targets, optimizer, max_norm=max_norm)

    def fit_features(
        self, z: torch.Tensor, targets: torch.Tensor, optimizer: Optimizer, *, max_norm: float | None = None
    ) -> torch.Tensor:
        """:meth:`training_step` from features, (..., d), that the backbone has just computed.

        For backbones that need more than an input, such as the state of a recurrent network. Leading axes,
        those of time and of the batch say, are all examples; ``targets`` have the same.
        """
        z, targets = self._features(z), _flat_targets(targets, z)
        if not self._checked:
            self._check(z, targets)
        for group in optimizer.param_groups:  # zero_grad() would write down its own time, and take twice it
            for p in group["params"]:
                p.grad = None
        try:
            loss, log_likelihoods = self.backward(z, targets)
        except RuntimeError:
            self._check(z, targets)
            raise
        if max_norm is not None:
            nn.utils.clip_grad_norm_(self.backbone.parameters(), max_norm)
        optimizer.step()
        if self.heads.n > 1:
            self.switch.update(log_likelihoods)
        return loss

    def _check(self, z: torch.Tensor, targets: torch.Tensor) -> None:
        """Say what is wrong; asked at the first step, and when one fails, as it waits for the device."""
        if not len(z):
            raise ValueError("the minibatch is empty")
        with torch.no_grad():
            try:
                outputs = self.heads(z)
            except RuntimeError as error:
                raise ValueError(f"the heads do not take features of {tuple(z.shape)}: {error}") from error
        self.likelihood.check(outputs.shape[-1], targets, len(z))
        self._checked = True


def _flat_targets(targets: Any, z: torch.Tensor) -> torch.Tensor:
    """Targets as (B,) or (B, D), for features, (..., d)."""
    leading = z.shape[:-1]
    if not isinstance(targets, torch.Tensor) or targets.shape[: len(leading)] != leading:
        raise ValueError(
            f"for features of {tuple(z.shape)} the targets must be a tensor of {tuple(leading)}, or of that"
            f" and more axes, got {_shape(targets)}"
        )
    return targets.flatten(0, len(leading) - 1)


def _shape(value: Any) -> str:
    return f"a tensor of {tuple(value.shape)}" if isinstance(value, torch.Tensor) else type(value).__name__


def _head_rates(interval: Interval, n: int, head_rate: float | None) -> torch.Tensor:
    """Rates of the heads, (n,): over the interval in geometric progression, both ends included."""
    if head_rate is not None:
        if not 0 < head_rate < math.inf:
            raise ValueError(f"head_rate must be positive and finite, got {head_rate}")
        return torch.full((n,), float(head_rate), dtype=torch.float64)
    law = as_sampler(interval)
    if not isinstance(law, LogUniform) or (n == 1 and law.lo < law.hi):
        raise ValueError(
            f"{n} head{'s' * (n > 1)} with rates from {interval!r}: say which with head_rate=…, or give an"
            " interval and two heads or more"
        )
    return law.grid(n)


def _heads(make_head: Callable[[], nn.Module], n: int, backbone: nn.Module) -> HeadBank:
    heads = [make_head() for _ in range(n)]
    taken = {id(p): name for name, p in backbone.named_parameters()}
    for name, p in heads[0].named_parameters():
        if id(p) in taken:
            raise ValueError(
                f"a head and the backbone share the parameter {name} = {taken[id(p)]}: untie them"
            )
    return HeadBank(heads)


def wrap(
    backbone: nn.Module,
    make_head: Callable[[], nn.Module],
    interval: Interval,
    n_heads: int = 10,
    *,
    seed: int = 0,
    optimizer: str = "sgd",
    likelihood: str | Likelihood = "categorical",
    head_rate: float | None = None,
    norm: str = "independent",
    lstm: str = "per_unit",
    per: str = "unit",
    theta: float = 0.9999,
) -> tuple[Alrao, Optimizer]:
    r"""A model that learns with all rates of ``interval`` at once, and its optimizer.

    .. code-block:: python

        model, optimizer = alrao.wrap(backbone, lambda: nn.Linear(128, 10), (1e-5, 10.0))
        loss = model.training_step(x, y, optimizer)

    Head j has the rate :math:`\eta_{\min} (\eta_{\max}/\eta_{\min})^{(j-1)/(N-1)}`. With one head and
    an interval of one rate the model is plain SGD (or Adam) at that rate.

    Args:
        backbone: gives features, (B, d); trained in place. On the device where it will be trained.
        make_head: makes one head, (B, d) → (B, K); called ``n_heads`` times.
        interval: (ηmin, ηmax), or a sampler (see :mod:`startright.alrao.rates`).
        n_heads: N.
        seed: of the rates (role ``"rates"``) and of the heads' weights (role ``"heads"``); the backbone's
            own initialisation is not touched.
        optimizer: ``"sgd"`` or ``"adam"``.
        likelihood: ``"categorical"`` for class numbers, ``"gaussian"`` (variance 1) for real vectors, or
            an object like those of :mod:`startright.alrao.likelihoods`.
        head_rate: one rate for all heads instead; required with one head, unless the interval is one rate.
        norm: see :func:`~startright.alrao.rates.unit_rates`.
        lstm: likewise.
        per: likewise.
        theta: see :class:`~startright.alrao.switch.Switch`.

    Raises:
        ValueError: an interval, option, head or backbone that does not fit.

    >>> backbone = nn.Sequential(nn.Linear(64, 32), nn.ReLU())
    >>> model, optimizer = wrap(backbone, lambda: nn.Linear(32, 10), (1e-5, 10.0))
    >>> model.head_rates.log10().tolist()
    [-5.0, -4.33..., -3.66..., -3.0, -2.33..., -1.66..., -1.0, -0.33..., 0.33..., 1.0]
    """
    if optimizer not in OPTIMIZERS:
        raise unknown("optimizer", optimizer, OPTIMIZERS)
    if isinstance(n_heads, bool) or not isinstance(n_heads, int) or n_heads < 1:
        raise ValueError(f"n_heads must be a positive integer, got {n_heads!r}")
    head_rates = _head_rates(interval, n_heads, head_rate)
    heads = build(lambda: _heads(make_head, n_heads, backbone), seed, "heads")
    model = Alrao(backbone, heads, as_likelihood(likelihood), theta)
    model.unit_rates = unit_rates(
        backbone, interval, norm=norm, lstm=lstm, per=per, generator=generator(seed, "rates")
    )
    model.head_rates = head_rates
    like = next(backbone.parameters())
    for part in (model.heads, model.switch):  # in bfloat16 they would be too coarse
        part.to(like.device, torch.promote_types(like.dtype, torch.float32))
    rates = {f"backbone.{name}": rate for name, rate in model.unit_rates.items()}
    for name, p in model.heads.named_parameters():
        rates[f"heads.{name}"] = model.head_rates.view(-1, *[1] * (p.dim() - 1))
    return model, OPTIMIZERS[optimizer](model.named_parameters(), rates)


def wrap_classifier(
    net: nn.Module, interval: Interval, n_heads: int = 10, **options: Any
) -> tuple[Alrao, Optimizer]:
    """:func:`wrap` for a whole classifier, such as torchvision's: its last linear layer becomes the heads.

    Args:
        net: classifier; trained in place, its last ``nn.Linear`` replaced by ``nn.Identity``.
        interval: as for :func:`wrap`.
        n_heads: likewise.
        options: likewise. The heads are fresh: they do not start from the layer that they replace.

    Raises:
        ValueError: no linear layer, or one of :func:`wrap`'s.
    """
    linear = [name for name, part in net.named_modules() if isinstance(part, nn.Linear)]
    if not linear or linear[-1] == "":
        raise ValueError(
            f"{type(net).__name__} is not a backbone under a linear layer: split it yourself and call wrap"
        )
    path, _, name = linear[-1].rpartition(".")
    last = net.get_submodule(linear[-1])
    like = {"bias": last.bias is not None, "dtype": last.weight.dtype}

    def make_head() -> nn.Module:
        return nn.Linear(last.in_features, last.out_features, **like)

    setattr(net.get_submodule(path), name, nn.Identity())
    try:
        return wrap(net, make_head, interval, n_heads, **options)
    except BaseException:
        setattr(net.get_submodule(path), name, last)
        raise
