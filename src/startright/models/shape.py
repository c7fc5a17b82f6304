"""What the networks for images of 32 × 32 have in common."""

import math

import torch
from torch import nn


def scaled(channels: int, width: float) -> int:
    """``width`` times as many channels, rounded, at least one.

    Raises:
        ValueError: ``width`` is not positive and finite.

    >>> scaled(64, 0.25), scaled(24, 3), scaled(16, 0.01)
    (16, 72, 1)
    """
    if not 0 < width < math.inf:
        raise ValueError(f"width multiplies the channels: positive and finite, got {width}")
    return max(1, round(channels * width))


class ImageNetwork(nn.Module):
    """Layers for images of one size, ``features``, and a ``classifier`` of what they give.

    Attributes:
        in_channels: of the images.
        side: their height and width.
    """

    in_channels: int
    side: int = 32
    features: nn.Module
    classifier: nn.Module

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Outputs, (n, n_classes), or features, (n, n_features), for images, (n, in_channels, side, side).

        Raises:
            ValueError: images of another shape.
        """
        if x.dim() != 4 or tuple(x.shape[1:]) != (self.in_channels, self.side, self.side):
            raise ValueError(
                f"this network takes images of (n, {self.in_channels}, {self.side}, {self.side}),"
                f" got a tensor of {tuple(x.shape)}"
            )
        return self.classifier(self.features(x).flatten(1))


def conv_norm(n: int, m: int, size: int = 3, *, relu: bool = True, **options) -> list[nn.Module]:
    """A convolution that keeps the size of the maps, batch normalisation and, unless told otherwise, ReLU.

    Args:
        n: channels before.
        m: channels after.
        size: side of the filters, odd.
        relu: whether the rectifier follows.
        options: further arguments of the convolution, such as its stride.

    Raises:
        ValueError: ``n`` is not positive.
    """
    if n < 1:
        raise ValueError(f"a convolution needs at least one channel, got {n}")
    layers = [nn.Conv2d(n, m, size, padding=size // 2, **options), nn.BatchNorm2d(m)]
    return [*layers, nn.ReLU(inplace=True)] if relu else layers


def classifier(n_features: int, n_classes: int | None) -> nn.Module:
    """The output layer on features, or what leaves them as they are if there are no classes.

    Raises:
        ValueError: ``n_classes`` is not positive.
    """
    if n_classes is None:
        return nn.Identity()
    if n_classes < 1:
        raise ValueError(f"n_classes must be positive, or None for the features alone, got {n_classes}")
    return nn.Linear(n_features, n_classes)
