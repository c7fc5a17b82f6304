"""Multilayer perceptrons."""

from collections.abc import Callable, Sequence
from itertools import pairwise

import torch
from torch import nn


class MLP(nn.Module):
    r"""Affine layers with an activation between every two.

    .. math:: z^{l+1} = W^l \varphi(z^l) + b^l, \qquad z^1 = W^0 x + b^0

    Inputs of any shape are flattened. The layers are in ``layers``, an ``nn.Sequential``. With batch
    normalisation every hidden layer's affine map is normalised before its activation.

    Args:
        widths: numbers of units, from the inputs to the outputs: ``(784, 100, 10)`` has one hidden layer.
        activation: makes the activation of one hidden layer; called once for each.
        bias: whether the affine layers have one.
        batch_norm: whether hidden layers are normalised.

    Raises:
        ValueError: fewer than two widths, or one that is not a positive integer.

    >>> MLP((64, 32, 10), nn.Tanh)(torch.zeros(5, 1, 8, 8)).shape
    torch.Size([5, 10])
    """

    def __init__(
        self,
        widths: Sequence[int],
        activation: Callable[[], nn.Module] = nn.ReLU,
        bias: bool = True,
        *,
        batch_norm: bool = False,
    ):
        super().__init__()
        if len(widths) < 2 or not all(isinstance(width, int) and width > 0 for width in widths):
            raise ValueError(f"widths must be two or more positive integers, got {tuple(widths)}")
        first, *rest = [nn.Linear(n, m, bias) for n, m in pairwise(widths)]
        self.layers = nn.Sequential(first)
        for width, layer in zip(widths[1:], rest, strict=False):
            norm = [nn.BatchNorm1d(width)] if batch_norm else []
            self.layers.extend((*norm, activation(), layer))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Outputs, (n, widths[-1]), for inputs, (n, ...) of widths[0] entries each.

        Raises:
            ValueError: inputs of another size.
        """
        return self.layers(self.flat(x, 1))

    def flat(self, x: torch.Tensor, first: int) -> torch.Tensor:
        """Inputs as rows: all axes from ``first`` on as one.

        Raises:
            ValueError: inputs of another size.
        """
        flat, n_inputs = x.flatten(first), self.layers[0].in_features
        if flat.shape[first:] != (n_inputs,):
            raise ValueError(
                f"this MLP takes {n_inputs} values an input, got inputs of {tuple(x.shape[first:])}"
            )
        return flat
