"""What the networks for images of 32 × 32 have in common."""

import math

import torch


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


def check_images(x: torch.Tensor, in_channels: int) -> None:
    """Refuse what is not a batch of images of 32 × 32.

    Raises:
        ValueError: another shape.
    """
    if x.dim() != 4 or tuple(x.shape[1:]) != (in_channels, 32, 32):
        raise ValueError(f"this network takes images of ({in_channels}, 32, 32), got {tuple(x.shape[1:])}")
