"""Folders of images in classes, as ImageNet comes: every process takes its share of every batch."""

from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch.utils.data import DataLoader, Dataset, DistributedSampler, Subset

from startright.papers.alrao.imagenet_parallel import World
from startright.seeds import derive, lend_global_stream

if TYPE_CHECKING:
    from torchvision.datasets import ImageFolder

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class Augmented(Dataset):
    """Training images; what chance does to one depends on the seed, the epoch and the image alone.

    So it is the same for any number of processes and loading workers, and after a restart.

    Args:
        images: whose transforms draw from torch's global generator.
        seed: of the transforms, and of the order.

    Attributes:
        epoch: number of the epoch, from 0; to be set before its images are read.
    """

    def __init__(self, images: "ImageFolder", seed: int):
        self.images, self.seed, self.epoch = images, seed, 0

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        with lend_global_stream(self.seed, f"augment-{self.epoch}-{index}"):
            return self.images[index]


def load_folders(folder: Path, image_size: int, seed: int) -> tuple[Augmented, "ImageFolder"]:
    """Training images, cropped and mirrored at random, and validation images, their centre.

    Args:
        folder: with ``train/`` and ``val/``, a folder a class in each.
        image_size: side of the crops, in pixels.
        seed: of the random crops.

    Raises:
        FileNotFoundError: a folder that is not there, or has no images.
        ValueError: other classes in one part than in the other.
    """
    for part in (folder, folder / "train", folder / "val"):
        if not part.is_dir():
            raise FileNotFoundError(
                f"no folder {part}: expected train/ and val/, with a folder a class in each"
            )
    from torchvision import datasets, transforms  # noqa: PLC0415 - slow to import

    end = [transforms.ToTensor(), transforms.Normalize(MEAN, STD)]
    crop = [transforms.RandomResizedCrop(image_size), transforms.RandomHorizontalFlip()]
    centre = [transforms.Resize(image_size * 8 // 7), transforms.CenterCrop(image_size)]  # 256 for 224
    train = datasets.ImageFolder(folder / "train", transforms.Compose(crop + end))
    test = datasets.ImageFolder(folder / "val", transforms.Compose(centre + end))
    if train.classes != test.classes:
        odd = sorted(set(train.classes) ^ set(test.classes))
        raise ValueError(
            f"{folder}: train/ and val/ must hold the same classes; only one has {', '.join(odd[:5])}"
        )
    return Augmented(train, seed), test


def train_batches(images: Augmented, epoch: int, batch_size: int, world: World, workers: int) -> DataLoader:
    """This process's shares of the batches of one epoch; a last batch that is not full is left out.

    Args:
        images: the training images.
        epoch: its number, from 0; decides on the order and the crops.
        batch_size: of all processes together.
        world: the processes.
        workers: loading processes of this process.

    Raises:
        ValueError: a batch that the processes cannot share equally, or that the images do not fill.
    """
    if batch_size < 1 or batch_size % world.size:
        raise ValueError(f"batches of {batch_size} images cannot be shared equally by {world.size} processes")
    if batch_size > len(images):
        raise ValueError(f"no batch of {batch_size} in {len(images)} training images: lower --batch")
    images.epoch = epoch
    order = DistributedSampler(
        images, world.size, world.rank, seed=derive(images.seed, "order"), drop_last=True
    )
    order.set_epoch(epoch)
    return DataLoader(
        images,
        batch_size // world.size,
        sampler=order,
        drop_last=True,
        num_workers=workers,
        pin_memory=world.device.type == "cuda",
    )


def held_out_batches(images: "ImageFolder", batch_size: int, world: World, workers: int) -> DataLoader:
    """This process's share of the validation images, by batches; arguments as for :func:`train_batches`."""
    share = Subset(images, range(world.rank, len(images), world.size))
    return DataLoader(share, max(1, batch_size // world.size), num_workers=workers)
