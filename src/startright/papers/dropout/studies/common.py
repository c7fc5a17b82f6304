"""The images that the studies of dropout train and test on, read once for all their runs."""

from functools import lru_cache

import torch

from startright import data


@lru_cache(maxsize=2)
def images(dataset: str, device: torch.device) -> data.Dataset:
    """A data set on a device."""
    return data.load(dataset, device=device)
