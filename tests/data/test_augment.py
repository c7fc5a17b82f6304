import pytest
import torch

from startright.data import random_crop, random_flip


def images(n=200, height=5, width=7):
    """Images all of whose pixels differ, and none is zero."""
    return torch.arange(1, n * 2 * height * width + 1.0).view(n, 2, height, width)


def generator():
    return torch.Generator().manual_seed(0)


def test_crop_is_a_shift_of_each_image_with_zeros_beside_it():
    x, padding = images(), 2
    padded = torch.nn.functional.pad(x, 4 * (padding,))
    seen = set()
    for crop, wide in zip(random_crop(x, padding, generator()), padded, strict=True):
        matches = [
            (i, j) for i in range(5) for j in range(5) if torch.equal(crop, wide[:, i : i + 5, j : j + 7])
        ]
        assert len(matches) == 1
        seen.update(matches)
    assert len(seen) == 25  # every shift occurs among 200 images


def test_crop_without_padding_is_the_image():
    assert torch.equal(random_crop(images(), 0, generator()), images())


def test_flip_mirrors_about_half_of_the_images():
    x = images(1000)
    flipped = random_flip(x, generator())
    same = (flipped == x).all(dim=(1, 2, 3))
    mirrored = (flipped == x.flip(3)).all(dim=(1, 2, 3))
    assert (same ^ mirrored).all()
    assert 400 < mirrored.sum() < 600  # six standard deviations


def test_augmentation_follows_its_generator_and_leaves_its_input():
    x = images()
    assert torch.equal(random_crop(x, 2, generator()), random_crop(x, 2, generator()))
    assert torch.equal(random_flip(x, generator()), random_flip(x, generator()))
    assert torch.equal(x, images())


def test_bad_input():
    with pytest.raises(ValueError, match=r"must be \(n, channels, height, width\), got the shape \(3, 4\)"):
        random_flip(torch.ones(3, 4), generator())
    with pytest.raises(ValueError, match="at least 0 pixels, got -1"):
        random_crop(images(), -1, generator())
