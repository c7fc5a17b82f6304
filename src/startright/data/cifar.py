"""CIFAR-10 as papers train on it: 40 000 images, cropped on black, reflected and normalised batch by batch.

Source: Blier, Wolinski and Ollivier, 2019, the authors' programs; the constants are common to many.
"""

import functools
from dataclasses import replace

import torch

from startright.data import images
from startright.data.augment import random_crop, random_flip
from startright.data.images import Dataset, Split

MEAN, STD = (0.4914, 0.4822, 0.4465), (0.2023, 0.1994, 0.2010)  # of each channel
VALIDATION = 10_000  # the last of the training images


def load(device: torch.device) -> Dataset:
    """The images in three parts; those for training stay in 0 to 1 (see :func:`augment`)."""
    raw = images.load("cifar10", device=device, normalize=False)
    cut = len(raw.train.y) - VALIDATION
    mean, std = (torch.tensor(values, device=device) for values in (MEAN, STD))
    return replace(
        raw,
        train=Split(raw.train.x[:cut], raw.train.y[:cut]),
        validation=Split(prepare(raw.train.x[cut:]), raw.train.y[cut:]),
        test=Split(prepare(raw.test.x), raw.test.y),
        mean=mean,
        std=std,
    )


def prepare(x: torch.Tensor, rng: torch.Generator | None = None) -> torch.Tensor:
    """Images of 0 to 1, normalised, in the layout that convolutions like; nothing is drawn."""
    mean, std = _constants(x.device, x.dtype)
    return ((x - mean) / std).contiguous(memory_format=torch.channels_last)


@functools.cache  # a copy from the host would hold up the device at every batch
def _constants(device: torch.device, dtype: torch.dtype) -> tuple[torch.Tensor, ...]:
    """:data:`MEAN` and :data:`STD`, (3, 1, 1)."""
    return tuple(torch.tensor(values, dtype=dtype, device=device)[:, None, None] for values in (MEAN, STD))


def augment(x: torch.Tensor, rng: torch.Generator) -> torch.Tensor:
    """A batch of training images: cropped on 4 pixels of black, reflected, then :func:`prepare`."""
    return prepare(random_flip(random_crop(x, 4, rng), rng))
