r"""Switch: a mixture over sequences of models, which changes its favourite model fast.

A sequence names a model for each stretch of outcomes. Its prior is geometric in the number of stretches,
uniform in the models, and has :math:`1/(t(t+1))` for the end of a stretch at outcome :math:`t`. All
sequences that use model :math:`k` now share their future, so that two masses a model are enough: that of the
sequences that will switch again, :math:`A_k`, and of those that will not, :math:`B_k`.

Source: T. van Erven, P. Grünwald and S. de Rooij, *Catching up faster in Bayesian model selection and model
averaging*, 2007, algorithm 1; used by L. Blier, P. Wolinski and Y. Ollivier, *Learning with random learning
rates*, 2019.
"""

import functools
import math

import torch
from torch import nn

from startright.papers.alrao.turns import Turn


def prior(n: int, theta: float, *shape: int) -> torch.Tensor:
    """The log-masses before the first outcome, ``(*shape, 2, n)``: all models alike.

    Args:
        n: number of models.
        theta: probability that a stretch is followed by another.
        shape: leading axes, for many mixtures at once.
    """
    rows = torch.tensor([[theta], [1 - theta]], dtype=torch.float64).log() - math.log(n)
    return rows.expand(*shape, 2, n).clone()


def switch_update(
    log_mass: torch.Tensor, t: torch.Tensor, log_likelihoods: torch.Tensor, theta: float
) -> torch.Tensor:
    r"""The log-masses after one more outcome.

    With :math:`A, B` multiplied by the likelihoods and normalised, and the hazard :math:`h = 1/(t+1)`,

    .. math:: A_k \leftarrow (1-h) A_k + h\,\theta \,\tfrac1n \textstyle\sum_j A_j, \qquad
              B_k \leftarrow B_k + h\,(1-\theta)\,\tfrac1n \textstyle\sum_j A_j .

    The total stays one: no mass is lost, and none falls below a share of the pool, so that a model that was
    impossible once can come back.

    Args:
        log_mass: logarithms of A and B, (..., 2, n).
        t: number of the outcome, from 1; broadcast over the leading axes, (..., 1, 1) or a scalar.
        log_likelihoods: of the outcome under each model, (..., n); −inf for a model that failed. Where one
            is NaN, or none is finite, the masses keep their values.
        theta: see :func:`prior`.
    """
    joint = log_mass + log_likelihoods.unsqueeze(-2)
    mass = joint.flatten(-2).softmax(-1)
    flow = mass @ _flow(log_mass.shape[-1], theta, mass.dtype, mass.device)
    moved = flow.div_((t.squeeze(-1) if t.dim() else t) + 1).add_(mass).log_()
    return torch.where(mass >= 0, moved, log_mass.flatten(-2)).view_as(log_mass)  # NaN: nothing is known


@functools.lru_cache(maxsize=16)
def _flow(n: int, theta: float, dtype: torch.dtype, device: torch.device) -> torch.Tensor:
    """Where the masses go when their stretches end, less where they come from, (2 n, 2 n)."""
    to = torch.tensor([theta, 1 - theta], dtype=torch.float64).repeat_interleave(n) / n
    flow = torch.zeros(2 * n, 2 * n, dtype=torch.float64)
    flow[:n] = to - torch.eye(n, 2 * n, dtype=torch.float64)
    return flow.to(device, dtype)


class Switch(nn.Module):
    """The current weights of ``n`` models, updated outcome by outcome.

    One outcome is one minibatch, and its log-likelihood the *mean* over the examples. With the sum the
    weights would be as many times more sure of themselves as there are examples.

    Args:
        n: number of models.
        theta: prior probability that a stretch is followed by another; in (0, 1). The authors' programs have
            0.9999, the paper's text 0.999; the weights hardly differ.

    Attributes:
        log_mass: buffer, (2, n); with the buffer ``t`` all there is to resume from.
        t: buffer, the number of the next outcome.

    Raises:
        ValueError: no model, or ``theta`` out of its range.

    >>> switch = Switch(2)
    >>> for _ in range(20):
    ...     switch.update(torch.tensor([-1.0, -2.0]))
    >>> [round(w, 3) for w in switch.weights.tolist()]
    [0.962, 0.038]
    """

    def __init__(self, n: int, theta: float = 0.9999):
        super().__init__()
        if isinstance(n, bool) or not isinstance(n, int) or n < 1:
            raise ValueError(f"a mixture needs at least one model, got n = {n!r}")
        if not 0 < theta < 1:
            raise ValueError(f"theta must be in (0, 1), got {theta}")
        self.n, self.theta = n, theta
        self.turn: Turn | None = None  # of the model that it belongs to
        self.register_buffer("log_mass", prior(n, theta).to(torch.get_default_dtype()))
        self.register_buffer("t", torch.tensor(1))

    def _apply(self, fn, recurse=True):
        """Move or cast; the prior is exact in the new type as long as nothing was taken in."""
        super()._apply(fn, recurse)
        if not self.t.is_meta and int(self.t) == 1:
            self.log_mass.copy_(prior(self.n, self.theta))
        return self

    @torch.no_grad()
    def update(self, mean_log_likelihoods: torch.Tensor) -> None:
        """Take in one outcome.

        Args:
            mean_log_likelihoods: of each model, (n,), in nats an example; −inf where it failed.

        Raises:
            ValueError: another shape.
        """
        if mean_log_likelihoods.shape != (self.n,):
            raise ValueError(
                f"expected {self.n} log-likelihoods, got a tensor of {tuple(mean_log_likelihoods.shape)}"
            )
        self.take(switch_update(self.log_mass, self.t, mean_log_likelihoods, self.theta))

    def take(self, log_mass: torch.Tensor) -> None:
        """Go on with the log-masses after one more outcome, (2, n), that :func:`switch_update` gave."""
        self.log_mass.copy_(log_mass)
        self.t.add_(1)
        if self.turn is not None:
            self.turn.observed()

    @property
    def log_weights(self) -> torch.Tensor:
        """Logarithms of the weights, (n,)."""
        return torch.logaddexp(*self.log_mass)

    @property
    def weights(self) -> torch.Tensor:
        """The weights, (n,), positive with sum one."""
        return self.log_weights.exp()
