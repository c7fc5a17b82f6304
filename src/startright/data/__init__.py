"""Named datasets: verified before use, tensors on the device, batches and augmentation without workers."""

from startright.data import cifar
from startright.data.augment import random_crop, random_flip
from startright.data.batches import batches, epoch_order
from startright.data.files import fetch, verify
from startright.data.images import Dataset, Split, load, normalised_inputs
from startright.data.registry import entry, registry
from startright.data.text import Text, load_text

__all__ = [
    "Dataset",
    "Split",
    "Text",
    "batches",
    "cifar",
    "entry",
    "epoch_order",
    "fetch",
    "load",
    "load_text",
    "normalised_inputs",
    "random_crop",
    "random_flip",
    "registry",
    "verify",
]
