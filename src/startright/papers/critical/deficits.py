r"""Deficits of the senses, as functions of tensors on their device, and when in a training they hold.

Source: A. Achille, M. Rovere and S. Soatto, *Critical learning periods in deep networks*, 2019, arXiv
1711.08856. The interpolation of the blur and the law of the noise are our choice where the source is silent.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from startright.errors import unknown

DEFICITS = ("blur", "flip", "labels", "noise")
SHRINK = 4  # times smaller, the blurred image, along each side


def blur(x: Tensor, shrink: int = SHRINK) -> Tensor:
    """Images made ``shrink`` times smaller, and large again; both by bilinear interpolation.

    On the way down the filter is as wide as ``shrink`` asks for (``antialias=True``), so that no pixel is
    left out; on the way up that changes nothing.

    Args:
        x: images, (n, channels, height, width).
        shrink: of each side; it divides both.

    Raises:
        ValueError: no images, or sides that ``shrink`` does not divide.
    """
    if x.dim() != 4:
        raise ValueError(f"a blur takes images, (n, channels, height, width), got {tuple(x.shape)}")
    height, width = x.shape[2:]
    if shrink < 2 or height % shrink or width % shrink:
        raise ValueError(f"a blur must divide both sides of the image, got {shrink} for {height} × {width}")
    how = {"mode": "bilinear", "antialias": True, "align_corners": False}
    small = F.interpolate(x, size=(height // shrink, width // shrink), **how)
    return F.interpolate(small, size=(height, width), **how)


def flip(x: Tensor) -> Tensor:
    """Images upside down, (..., height, width)."""
    return x.flip(-2)


def permute(y: Tensor, classes: int) -> Tensor:
    """Labels moved on by one, (y + 1) mod K.

    >>> permute(torch.tensor([0, 8, 9]), 10)
    tensor([1, 9, 0])
    """
    return (y + 1) % classes


def noise(x: Tensor, generator: torch.Generator) -> Tensor:
    """Standard normal noise in the place of normalised images, drawn anew at every call."""
    return torch.randn(x.shape, generator=generator, device=x.device, dtype=x.dtype)


class Window(NamedTuple):
    """A deficit from epoch ``start`` on, until before epoch ``stop``; epochs count from 0."""

    deficit: str
    start: int
    stop: int


class DeficitSchedule:
    """Which deficit holds in which epoch: the ``alter`` of :func:`startright.training.train`.

    Make it with :func:`deficit_schedule`, which checks it.
    """

    def __init__(self, windows: Sequence[Window], classes: int):
        self.windows, self.classes = tuple(windows), classes

    def active(self, epoch: int) -> str | None:
        """The deficit of an epoch; None where the data are as they are."""
        return next((w.deficit for w in self.windows if w.start <= epoch < w.stop), None)

    phase = active  #: what of an epoch the alteration depends on

    def __call__(self, epoch: int, x: Tensor, y: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Images and labels as the network gets them in this epoch."""
        return apply(self.active(epoch), x, y, classes=self.classes, generator=generator)


def apply(
    deficit: str | None, x: Tensor, y: Tensor, *, classes: int, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Images and labels under a deficit.

    Args:
        deficit: one of ``DEFICITS``; None leaves both as they are.
        x: normalised images, (n, channels, height, width).
        y: labels, (n,).
        classes: K of the permutation.
        generator: of the noise, on the device of the images.

    Raises:
        ValueError: an unknown deficit, or images that a blur does not divide.
    """
    if deficit is None:
        return x, y
    if deficit not in DEFICITS:
        raise unknown("deficit", deficit, DEFICITS)
    if deficit == "labels":
        return x, permute(y, classes)
    return {"blur": blur, "flip": flip, "noise": lambda x: noise(x, generator)}[deficit](x), y


def deficit_schedule(windows: Sequence[Window], *, epochs: int, classes: int) -> DeficitSchedule:
    """When which deficit holds, checked against the length of the training.

    Args:
        windows: (deficit, start, stop) each, in any order; none for a training without deficit.
        epochs: of the whole training.
        classes: number of labels.

    Raises:
        ValueError: an unknown deficit, a window that starts before the training, is empty or ends after the
            training, or two that overlap.

    >>> schedule = deficit_schedule([("blur", 0, 2)], epochs=3, classes=10)
    >>> [schedule.active(epoch) for epoch in range(3)]
    ['blur', 'blur', None]
    """
    ordered = sorted((Window(*window) for window in windows), key=lambda w: w.start)
    for deficit, start, stop in ordered:
        if deficit not in DEFICITS:
            raise unknown("deficit", deficit, DEFICITS)
        if start < 0:
            raise ValueError(f"a window starts at epoch 0 or later, got {deficit} from {start}")
        if stop <= start:
            raise ValueError(f"a window ends after it starts, got {deficit} from {start} to {stop}")
        if stop > epochs:
            raise ValueError(
                f"{deficit} until epoch {stop} would end after the training of {epochs} epochs:"
                " train longer, or end it earlier"
            )
    for one, other in pairwise(ordered):
        if other.start < one.stop:
            raise ValueError(
                f"{one.deficit} until epoch {one.stop} and {other.deficit} from {other.start} overlap:"
                " one deficit holds at a time"
            )
    return DeficitSchedule(ordered, classes)
