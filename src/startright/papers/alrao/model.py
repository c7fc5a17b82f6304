"""Alrao on any module: all learning rates at once.

Every unit of the backbone has a rate of its own, the output layer is N copies with fixed rates over the same
interval, mixed by :class:`~startright.alrao.switch.Switch`.

Source: L. Blier, P. Wolinski and Y. Ollivier, *Learning with random learning rates*, 2019.
"""

import types
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import nn
from torch.distributed import ProcessGroup

from startright.errors import unknown
from startright.models import build
from startright.papers.alrao import replicas
from startright.papers.alrao.batches import as_features, call, flat_targets
from startright.papers.alrao.compiled import CompiledHeads
from startright.papers.alrao.ends import End, looking, take_last_linear
from startright.papers.alrao.first_step import check_step, check_type, full_precision
from startright.papers.alrao.heads import HeadBank, drop_failed_, make_heads, rates_of_heads
from startright.papers.alrao.likelihoods import Categorical, Likelihood, amount_of, as_likelihood
from startright.papers.alrao.mixture import NEVER
from startright.papers.alrao.optim import OPTIMIZERS, PerUnitAdam, PerUnitSGD, clear
from startright.papers.alrao.rates import Interval, real_type, unit_rates
from startright.papers.alrao.switch import Switch
from startright.papers.alrao.turns import Turn
from startright.papers.alrao.whole_step import WholeStep
from startright.seeds import generator

Optimizer = PerUnitSGD | PerUnitAdam
CATEGORICAL = Categorical()


class Alrao(nn.Module):
    """A backbone under a mixture of heads; :func:`wrap` makes one together with its optimizer.

    Attributes of the backbone are attributes of the model, if it has none of that name. Methods of a network
    under :func:`wrap_classifier` find the mixture where they call the network, so ``model.predict`` predicts.

    Args:
        backbone: gives features, (..., d).
        heads: on those features.
        likelihood: of the heads' outputs.
        theta: see :class:`~startright.alrao.switch.Switch`.
        strict, group: see :func:`wrap`.

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
        *,
        strict: bool = True,
        group: replicas.Group = replicas.WORLD,
    ):
        super().__init__()
        self.backbone, self.heads = backbone, heads
        self.likelihood, self.strict, self.group = likelihood, strict, group
        self.switch = Switch(heads.n, theta)
        self.turn = self.switch.turn = Turn(heads.n)
        self.unit_rates: dict[str, torch.Tensor] = {}
        self.head_rates: torch.Tensor | None = None
        self._ends = tuple(part for part in backbone.modules() if isinstance(part, End))
        self._classifies, self._checked, self._compared = bool(self._ends), False, False
        self._compiled: CompiledHeads | None = None
        self._whole: WholeStep | None = None

    def __getattr__(self, name: str) -> Any:
        modules = self.__dict__.get("_modules", {})
        if name in modules:  # first, as every step asks for its parts
            return modules[name]
        backbone = modules.get("backbone")
        if name.startswith("_") or backbone is None:
            return super().__getattr__(name)
        value = getattr(backbone, name)
        if isinstance(value, End):
            return self.predict_features
        inner = getattr(backbone, "_orig_mod", backbone)  # of a compiled one
        if self._classifies and isinstance(value, types.MethodType) and value.__self__ in {backbone, inner}:
            return types.MethodType(value.__func__, self)
        return value

    def head_outputs(self, *inputs: Any, **named: Any) -> torch.Tensor:
        """What each head says, (N, B, K), of inputs, (B, ...)."""
        single = len(inputs) == 1 and not named
        z = self._features(call(self.backbone, *inputs) if single else self.backbone(*inputs, **named))
        with full_precision(z):
            return self.heads(z)

    def _features(self, z: Any) -> torch.Tensor:
        """Features as (B, d), in the type of the heads, of a backbone that ends as it should."""
        flat = as_features(z, self.switch.log_mass.dtype)
        if self._ends and self._ends[0].watching:
            self._ends[0].look(self.backbone, z)
        return flat

    @torch.enable_grad()
    def look(self, x: Any) -> None:
        """See that the backbone ends as it should, in training and out of it; it stays as it was.

        Args:
            x: inputs, as for :meth:`training_step`, of two examples or more.

        Raises:
            ValueError: see :func:`wrap_classifier`.
        """
        for training in (True, False) if self._ends else ():
            with looking(self.backbone):
                self.backbone.train(training)
                self._features(call(self.backbone, x))

    def head_log_probs(self, *inputs: Any, **named: Any) -> torch.Tensor:
        """Log-probabilities of the classes by each head, (N, B, K), for inputs, (B, ...)."""
        return self.head_outputs(*inputs, **named).log_softmax(-1)

    def forward(self, *inputs: Any, **named: Any) -> torch.Tensor:
        """The mixture's prediction for inputs, (B, ...), or whatever the backbone takes.

        For classes their log-probabilities, (B, K), so that any code that takes logits can score them;
        otherwise the outputs, (B, K), of the head with the largest weight. Heads with outputs that are
        not finite are left out.
        """
        return self.mix(self.head_outputs(*inputs, **named))

    def predict_features(self, z: torch.Tensor) -> torch.Tensor:
        """The mixture's prediction, (B, K), from features, (..., d)."""
        return self.mix(self.heads(as_features(z, self.switch.log_mass.dtype)))

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
        Of several processes each gives its share of the minibatch, and gets what is true of the whole.

        Returns:
            The mixture's mean loss, and the heads' mean log-likelihoods, (N,), for the Switch.
        """
        return self._shared(self._features(z), targets)

    def _shared(self, z: torch.Tensor, targets: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """:meth:`backward` from features as the heads take them."""
        found = self._differentiate(z, targets)
        group = replicas.partners(self.group)
        if group is None:
            return found
        return self._merge(found, amount_of(self.likelihood, targets, z), group)

    def _differentiate(
        self, z: torch.Tensor, targets: torch.Tensor, scale: float | torch.Tensor | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Adds the gradients of this process's minibatch, times ``scale``."""
        self.turn.differentiated()
        try:
            with full_precision(z):
                if self._compiled:
                    return self._compiled.backward(self.heads, self.switch, z, targets, scale)
                return self.heads.backward(z, targets, self.switch.log_weights, self.likelihood, scale)
        except RuntimeError:
            check_step(self, z, targets)
            raise

    def _merge(
        self, means: tuple[torch.Tensor, torch.Tensor], amount: float | torch.Tensor, group: ProcessGroup
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Gradients, loss and log-likelihoods of the shares of all processes together."""
        if not self._compared:
            rates = [] if self.head_rates is None else [self.head_rates]
            held = [*self.parameters(), *self.switch.buffers(), *self.unit_rates.values(), *rates]
            replicas.refuse_different(held, group)
            self._compared = True
        replicas.merge_(self, means, torch.as_tensor(amount).to(means[0]), group)
        drop_failed_(self.heads, means[1])
        return means

    def training_step(
        self, x: Any, targets: torch.Tensor, optimizer: Optimizer, *, max_norm: float | None = None
    ) -> torch.Tensor:
        """One step on a minibatch: forward, both kinds of gradient, parameters, weights of the heads.

        Args:
            x: inputs, (B, ...); or a tuple or a dictionary, see :func:`startright.alrao.batches.call`.
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
        if not self._checked:
            self.look(x)
        elif self._whole and max_norm is None and (loss := self._whole(x, targets, optimizer)) is not None:
            return loss
        return self.fit_features(call(self.backbone, x), targets, optimizer, max_norm=max_norm)

    def fit_features(
        self, z: torch.Tensor, targets: torch.Tensor, optimizer: Optimizer, *, max_norm: float | None = None
    ) -> torch.Tensor:
        """:meth:`training_step` from features, (..., d), that the backbone has just computed.

        For backbones that need more than an input, such as the state of a recurrent network. Leading axes,
        those of time and of the batch say, are all examples; ``targets`` have the same.
        """
        z, targets = self._prepared(z, targets)
        clear(optimizer)
        return self._move(*self._shared(z, targets), optimizer, max_norm)

    def accumulated_step(
        self, pieces: Iterable[tuple[Any, Any]], optimizer: Optimizer, *, max_norm: float | None = None
    ) -> torch.Tensor:
        """:meth:`training_step` on a batch too large for one pass: piece by piece, then one step.

        Pieces may differ in size. Only what looks across examples, such as batch normalisation, sees pieces.

        Args:
            pieces: inputs and targets of each.
            optimizer: likewise.
            max_norm: likewise.
        """
        clear(optimizer)
        sums, total = (0.0, 0.0), 0.0
        for x, y in pieces:
            z, targets = self._prepared(call(self.backbone, x), y)
            amount = amount_of(self.likelihood, targets, z)
            found = self._differentiate(z, targets, amount)
            sums = tuple(old + value * amount for old, value in zip(sums, found, strict=True))
            total = total + amount
        if not isinstance(sums[0], torch.Tensor):
            raise ValueError("a batch in pieces needs one piece or more, got none")
        mean = 1 / (total.clamp_min(1e-30) if isinstance(total, torch.Tensor) else total)
        for p in (p for group in optimizer.param_groups for p in group["params"] if p.grad is not None):
            p.grad *= mean
        found = sums[0] * mean, sums[1] * mean
        drop_failed_(self.heads, found[1])  # in one piece is in all
        group = replicas.partners(self.group)
        return self._move(*(self._merge(found, total, group) if group else found), optimizer, max_norm)

    def _prepared(self, z: Any, targets: Any) -> tuple[torch.Tensor, torch.Tensor]:
        """Flat features and targets, checked."""
        if not self._checked:
            check_type(z)
        z, targets = self._features(z), flat_targets(targets, z)
        if not z.requires_grad and any(p.requires_grad for p in self.backbone.parameters()):
            raise ValueError(
                "the features carry no gradient, but the backbone has parameters to train: do not step under"
                " torch.no_grad; to train the heads alone, freeze the backbone, requires_grad_(False)"
            )
        if not self._checked or not len(z):
            check_step(self, z, targets, first=not self._checked)
            self._checked = True
        return z, targets

    def _move(
        self, loss: torch.Tensor, log_likelihoods: torch.Tensor, optimizer: Optimizer, max_norm: float | None
    ) -> torch.Tensor:
        if max_norm is not None:
            nn.utils.clip_grad_norm_(self.backbone.parameters(), max_norm)
        optimizer.step()
        if self.heads.n > 1:
            (self._compiled.observe if self._compiled else Switch.update)(self.switch, log_likelihoods)
        return loss


def wrap(
    backbone: nn.Module,
    make_head: Callable[[], nn.Module],
    interval: Interval,
    n_heads: int = 10,
    *,
    seed: int | None = 0,
    optimizer: str = "sgd",
    likelihood: str | Likelihood = "categorical",
    head_rate: float | None = None,
    norm: str = "independent",
    lstm: str = "per_unit",
    per: str = "unit",
    theta: float = 0.9999,
    strict: bool = True,
    group: replicas.Group = replicas.WORLD,
    compile: bool = False,
) -> tuple[Alrao, Optimizer]:
    r"""A model that learns with all rates of ``interval`` at once, and its optimizer.

    .. code-block:: python

        model, optimizer = alrao.wrap(backbone, lambda: nn.Linear(128, 10), (1e-5, 10.0))
        loss = model.training_step(x, y, optimizer)

    Head j has the rate :math:`\eta_{\min} (\eta_{\max}/\eta_{\min})^{(j-1)/(N-1)}`. With one head and
    an interval of one rate the model is plain SGD (or Adam) at that rate.

    Args:
        backbone: gives features, (B, d); trained in place. On the device where it will be trained. Of a
            ``DistributedDataParallel`` the module inside is taken, and its group.
        make_head: makes one head, (B, d) → (B, K); called ``n_heads`` times.
        interval: (ηmin, ηmax), or a sampler (see :mod:`startright.alrao.rates`).
        n_heads: N.
        seed: of the rates (role ``"rates"``) and of the heads' weights (role ``"heads"``); the backbone's
            own initialisation is not touched. Two models of one architecture wrapped with the same seed have
            the same rates. None draws it from torch's global generator: ``torch.manual_seed`` decides.
        optimizer: ``"sgd"`` or ``"adam"``.
        likelihood: ``"categorical"`` for class numbers, ``"gaussian"`` (variance 1) for real vectors, or
            an object like those of :mod:`startright.alrao.likelihoods`: ``CrossEntropy`` has class weights,
            an ignored class and label smoothing.
        head_rate: one rate for all heads instead; required with one head, unless the interval is one rate.
        norm: see :func:`~startright.alrao.rates.unit_rates`.
        lstm: likewise.
        per: likewise.
        theta: see :class:`~startright.alrao.switch.Switch`.
        strict: refuse features or heads' outputs that look like probabilities; otherwise warn.
        group: the processes that train this model together, each on its share of the batch: ``"world"``, all
            of ``torch.distributed`` if it runs; a process group; None: this process alone.
        compile: make what linear heads and Switch do in a step by torch's compiler, which takes seconds once;
            of networks of plain layers on a CPU, moved by SGD, the whole step, after which parameters have no
            gradients (:mod:`startright.alrao.whole_step` says which).

    Raises:
        ValueError: an interval, option, head or backbone that does not fit.
        RuntimeError: to be compiled, without a compiler.

    >>> backbone = nn.Sequential(nn.Linear(64, 32), nn.ReLU())
    >>> model, optimizer = wrap(backbone, lambda: nn.Linear(32, 10), (1e-5, 10.0))
    >>> model.head_rates.log10().tolist()
    [-5.0, -4.33..., -3.66..., -3.0, -2.33..., -1.66..., -1.0, -0.33..., 0.33..., 1.0]
    """
    if optimizer not in OPTIMIZERS:
        raise unknown("optimizer", optimizer, OPTIMIZERS)
    backbone, group = replicas.unwrapped(backbone, group)
    seed = int(torch.randint(2**62, ())) if seed is None else seed
    head_rates = rates_of_heads(interval, n_heads, head_rate)
    heads = build(lambda: make_heads(make_head, n_heads, backbone), seed, "heads")
    model = Alrao(backbone, heads, as_likelihood(likelihood), theta, strict=strict, group=group)
    model.unit_rates = unit_rates(
        backbone, interval, norm=norm, lstm=lstm, per=per, generator=generator(seed, "rates")
    )
    model.head_rates = head_rates
    like = next(backbone.parameters())
    for part in (model.heads, model.switch):  # in bfloat16 they would be too coarse
        part.to(like.device, torch.promote_types(real_type(like.dtype), torch.float32))
    if compile:
        model._compiled, model._whole = CompiledHeads(model.heads, model.likelihood, theta), WholeStep(model)
    rates = {f"backbone.{name}": rate for name, rate in model.unit_rates.items()}
    for name, p in model.heads.named_parameters():
        rates[f"heads.{name}"] = model.head_rates.view(-1, *[1] * (p.dim() - 1))
    made = OPTIMIZERS[optimizer](model.named_parameters(), rates)
    made.turn = model.turn
    return model, made


def wrap_classifier(
    net: nn.Module,
    interval: Interval,
    n_heads: int = 10,
    *,
    strict: bool = True,
    example: Any = None,
    **options: Any,
) -> tuple[Alrao, Optimizer]:
    """:func:`wrap` for a whole classifier, such as torchvision's: its last linear layer becomes the heads.

    What runs after that layer would act on the features. So the first training pass is watched, and a network
    that does not return what its last linear layer gives is refused then, and has its layer back.

    Args:
        net: classifier; trained in place, its last ``nn.Linear`` replaced by ``nn.Identity``.
        interval: as for :func:`wrap`.
        n_heads: likewise.
        strict: refuse a network that does not end in a linear layer, one that is tied or has hooks; otherwise
            warn, and go on.
        example: inputs of two examples or more, to find out now; buffers and generators stay as they are.
        options: likewise. The heads are fresh: they do not start from the layer that they replace.

    Raises:
        ValueError: no linear layer at the end, or one of :func:`wrap`'s.
    """
    net, group = replicas.unwrapped(net, options.pop("group", replicas.WORLD))
    make_head, undo = take_last_linear(net, strict)
    try:
        model, optimizer = wrap(net, make_head, interval, n_heads, strict=strict, group=group, **options)
        if example is not None:
            model.look(example)
    except BaseException:
        undo()
        raise
    return model, optimizer
