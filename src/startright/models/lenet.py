"""LeNet, the small convolutional network of the first digit readers."""

from collections.abc import Callable

import torch
from torch import nn


class LeNet(nn.Module):
    """LeNet-5: two convolutions of 5 × 5, each halved by average pooling, then layers of 120 and 84 units.

    Args:
        in_channels: of the images.
        n_classes: number of outputs.
        activation: makes one activation; called once for each of the four hidden layers.
        image_size: height and width of the images, in pixels; 28 (padded to 32 as in the paper) gives
            the paper's feature maps of 5 × 5.

    Raises:
        ValueError: images too small for two halvings.

    Note:
        The second convolution sees all first feature maps, and the outputs are plain affine units.

    Source: Y. LeCun, L. Bottou, Y. Bengio and P. Haffner, *Gradient-based learning applied to document
    recognition*, 1998, section II.B.

    >>> LeNet(3, 10, image_size=32)(torch.zeros(2, 3, 32, 32)).shape
    torch.Size([2, 10])
    """

    def __init__(
        self,
        in_channels: int = 1,
        n_classes: int = 10,
        activation: Callable[[], nn.Module] = nn.Tanh,
        image_size: int = 28,
    ):
        super().__init__()
        last = (image_size // 2 - 4) // 2  # side of the last feature maps
        if last < 1:
            raise ValueError(f"image_size must be at least 12 pixels, got {image_size}")
        self.image_shape = (in_channels, image_size, image_size)
        self.features = nn.Sequential(
            *(nn.Conv2d(in_channels, 6, 5, padding=2), activation(), nn.AvgPool2d(2)),
            *(nn.Conv2d(6, 16, 5), activation(), nn.AvgPool2d(2)),
        )
        self.classifier = nn.Sequential(
            *(nn.Linear(16 * last * last, 120), activation()),
            *(nn.Linear(120, 84), activation()),
            nn.Linear(84, n_classes),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Outputs, (n, n_classes), for images, (n, in_channels, image_size, image_size).

        Raises:
            ValueError: images of another shape.
        """
        if tuple(x.shape[1:]) != self.image_shape:
            raise ValueError(f"this LeNet takes images of {self.image_shape}, got {tuple(x.shape[1:])}")
        return self.classifier(self.features(x).flatten(1))
