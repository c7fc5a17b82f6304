"""The image datasets as normalised tensors that stay on the device."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from startright.data.decode import cifar_batch, idx_array
from startright.data.files import reader
from startright.data.registry import entry
from startright.errors import unknown
from startright.seeds import generator

DIGITS_TEST = 297  # of scikit-learn's 1797 digits; 1500 remain for training


class Split(NamedTuple):
    """Inputs, (n, channels, height, width) or (n, features), and int64 labels, (n,)."""

    x: torch.Tensor
    y: torch.Tensor


@dataclass(frozen=True, eq=False)
class Dataset:
    """A dataset in memory, on one device.

    ``mean`` and ``std``, (channels,), were taken from the training part alone and, if asked for, used to
    normalise all the parts; they are in units of the full pixel range, 0 to 1.
    """

    name: str
    train: Split
    test: Split
    validation: Split | None
    n_classes: int
    mean: torch.Tensor
    std: torch.Tensor


class _Raw(NamedTuple):
    """Two splits as uint8 images, (n, channels, height, width), with labels, and the brightest value."""

    train: tuple[np.ndarray, np.ndarray]
    test: tuple[np.ndarray, np.ndarray]
    brightest: int = 255


def _digits(read: Callable[[str], bytes]) -> _Raw:
    # scikit-learn takes a while to import, and only this dataset needs it
    from sklearn.datasets import load_digits  # noqa: PLC0415

    pixels, labels = load_digits(return_X_y=True)
    images, labels = pixels.astype(np.uint8).reshape(-1, 1, 8, 8), labels.astype(np.int64)
    order = torch.randperm(len(labels), generator=generator(0, "digits-split")).numpy()
    test, train = order[:DIGITS_TEST], order[DIGITS_TEST:]
    return _Raw((images[train], labels[train]), (images[test], labels[test]), brightest=16)


def _idx(folder: str) -> Callable[[Callable[[str], bytes]], _Raw]:
    # read here: torchvision's classes would prefer an unlisted `processed/training.pt` if there is one
    def read_all(read: Callable[[str], bytes]) -> _Raw:
        def split(kind: str) -> tuple[np.ndarray, np.ndarray]:
            images = idx_array(read(f"{folder}/raw/{kind}-images-idx3-ubyte"))
            labels = idx_array(read(f"{folder}/raw/{kind}-labels-idx1-ubyte"))
            return images[:, None], labels.astype(np.int64)

        return _Raw(split("train"), split("t10k"))

    return read_all


def _cifar10(read: Callable[[str], bytes]) -> _Raw:
    # read here: torchvision's class unpickles the files without restriction
    folder = "cifar-10-batches-py"
    read(
        f"{folder}/batches.meta"
    )  # no image needs the names of the classes, but a copy is intact or it is not
    batches = [cifar_batch(read(f"{folder}/data_batch_{k}")) for k in range(1, 6)]
    images, labels = (np.concatenate(parts) for parts in zip(*batches, strict=True))
    return _Raw((images, labels), cifar_batch(read(f"{folder}/test_batch")))


_RAW: dict[str, Callable[[Callable[[str], bytes]], _Raw]] = {
    "digits": _digits,
    "mnist": _idx("MNIST"),
    "fashion_mnist": _idx("FashionMNIST"),
    "cifar10": _cifar10,
}


def load(
    name: str,
    *,
    device: str | torch.device = "cpu",
    n_train: int | None = None,
    n_test: int | None = None,
    validation: int = 0,
    seed: int = 0,
    normalize: bool = True,
    flatten: bool = False,
    dtype: torch.dtype = torch.float32,
    root: str | Path | None = None,
) -> Dataset:
    """An image dataset as tensors on ``device``, all files verified as by :func:`startright.data.verify`.

    Args:
        name: ``"digits"`` (1500 training and 297 test images, always the same; needs no file), ``"mnist"``,
            ``"fashion_mnist"`` or ``"cifar10"``.
        device: where the tensors are to live.
        n_train: how many training images to keep, drawn without replacement; all by default.
        n_test: how many test images to keep, drawn likewise; all by default.
        validation: how many training images to set aside; no training image is among them.
        seed: of these draws. With nothing to draw, the published order is kept.
        normalize: subtract the training part's mean and divide by its standard deviation, per channel;
            otherwise values lie in 0 to 1.
        flatten: give inputs the shape (n, features) instead of (n, channels, height, width).
        dtype: of the inputs.
        root: the folder of the datasets; by default :func:`startright.paths.data_root`.

    Raises:
        ValueError: an unknown dataset, a truncated or altered file, or sizes the dataset does not have.
        FileNotFoundError: the dataset is not there; the message says how to get it.

    >>> digits = load("digits", validation=300, flatten=True)
    >>> [tuple(split.x.shape) for split in (digits.train, digits.validation, digits.test)]
    [(1200, 64), (300, 64), (297, 64)]
    """
    if entry(name).name not in _RAW:
        raise unknown("image dataset", name, _RAW)
    raw = _RAW[name](reader(name, root))
    kept, held = _draw(len(raw.train[1]), n_train, validation, generator(seed, "train-split"), "training")
    tested, _ = _draw(len(raw.test[1]), n_test, 0, generator(seed, "test-split"), "test")

    def split(images: np.ndarray, labels: np.ndarray, index: np.ndarray | slice) -> Split:
        x = torch.tensor(images[index]).to(device=device, dtype=dtype).div_(raw.brightest)
        return Split(x, torch.tensor(labels[index], device=device))

    train, test = split(*raw.train, kept), split(*raw.test, tested)
    parts = [train, test] + ([split(*raw.train, held)] if validation else [])
    std, mean = torch.std_mean(train.x, dim=(0, 2, 3), correction=0)
    if normalize:
        for x, _ in parts:
            x.sub_(mean[:, None, None]).div_(std[:, None, None])
    if flatten:
        parts = [Split(x.flatten(1), y) for x, y in parts]
    train, test, *rest = parts
    return Dataset(name, train, test, rest[0] if rest else None, entry(name).n_classes, mean, std)


def _draw(
    n: int, kept: int | None, held: int, generator: torch.Generator, part: str
) -> tuple[np.ndarray | slice, np.ndarray]:
    """Two disjoint random parts of ``range(n)``: ``kept`` (all that is left if None) and ``held`` indices."""
    for label, size, least in ((f"{part} images", kept, 1), ("validation images", held, 0)):
        if size is not None and not least <= size <= n:
            raise ValueError(f"asked for {size} {label}, expected {least} to {n}")
    if held + (kept or 1) > n:
        raise ValueError(f"asked for {kept or 'some'} {part} and {held} validation images, but there are {n}")
    if kept is None and not held:
        return slice(None), np.arange(0)
    order = torch.randperm(n, generator=generator).numpy()
    return order[held : n if kept is None else held + kept], order[:held]


def normalised_inputs(x: torch.Tensor) -> torch.Tensor:
    r"""Inputs scaled so that :math:`\lVert x\rVert^2 / n_0 = 1`, one by one.

    With standard normal first-layer weights, divided by :math:`\sqrt{n_0}`, the first pre-activations are
    then exactly standard normal.

    Args:
        x: inputs, (n, ...), of :math:`n_0` entries each.

    Returns:
        The scaled inputs, (n, n₀), of the same dtype.

    Raises:
        ValueError: not a batch of floating-point inputs, or an input that is zero or not finite.

    >>> normalised_inputs(torch.tensor([[3.0, 4.0]])).square().mean(1)
    tensor([1.])
    """
    if x.dim() < 2 or not x.is_floating_point():
        raise ValueError(f"inputs must be floating-point, (n, ...), got {x.dtype} of shape {tuple(x.shape)}")
    x = x.flatten(1)
    # scaled by the largest entry first, so that squares neither overflow nor vanish
    largest = x.abs().amax(1, keepdim=True)
    wrong = ~((largest > 0) & largest.isfinite()).flatten()
    if wrong.any():
        index = int(wrong.nonzero()[0])
        raise ValueError(f"input {index} has the largest entry {float(largest[index])}: it has no direction")
    x = x / largest
    return x * x.square().mean(1, keepdim=True).rsqrt()
