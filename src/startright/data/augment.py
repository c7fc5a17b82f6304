"""Augmentation of image batches where they are: per image, vectorised, driven by a generator."""

import torch


def random_crop(x: torch.Tensor, padding: int, generator: torch.Generator) -> torch.Tensor:
    """Each image shifted by up to ``padding`` pixels along both axes, uniformly; what enters is zero.

    This is the random crop, of the original size, of the zero-padded image. Zero is the mean colour of
    normalised data.

    Args:
        x: images, (n, channels, height, width).
        padding: the largest shift, in pixels.
        generator: of the shifts, on the device of ``x``.

    Returns:
        The crops, of the shape of ``x``.

    Raises:
        ValueError: ``x`` is not a batch of images, or the padding is negative.

    Source: K. He et al., *Deep residual learning for image recognition*, 2016, section 4.2.
    """
    n, channels, height, width = _images(x)
    if padding < 0:
        raise ValueError(f"padding must be at least 0 pixels, got {padding}")
    shifts = torch.randint(0, 2 * padding + 1, (2, n, 1), generator=generator, device=x.device)
    rows = shifts[0] + torch.arange(height, device=x.device)  # (n, height), in the padded image
    columns = shifts[1] + torch.arange(width, device=x.device)  # (n, width)
    image = torch.arange(n, device=x.device)[:, None, None, None]
    channel = torch.arange(channels, device=x.device)[:, None, None]
    padded = torch.nn.functional.pad(x, 4 * (padding,))
    return padded[image, channel, rows[:, None, :, None], columns[:, None, None, :]]


def random_flip(x: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Each image mirrored left to right with probability one half.

    Args:
        x: images, (n, channels, height, width).
        generator: of the choices, on the device of ``x``.

    Returns:
        The images, mirrored or not, of the shape of ``x``.

    Raises:
        ValueError: ``x`` is not a batch of images.
    """
    n, *_ = _images(x)
    mirrored = torch.randint(0, 2, (n, 1, 1, 1), generator=generator, device=x.device, dtype=torch.bool)
    return torch.where(mirrored, x.flip(3), x)


def _images(x: torch.Tensor) -> torch.Size:
    if x.dim() != 4:
        raise ValueError(f"images must be (n, channels, height, width), got the shape {tuple(x.shape)}")
    return x.shape
