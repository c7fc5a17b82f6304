"""Networks of convolutions alone: every layer normalised, strides in the place of pooling."""

import torch
from torch import nn

from startright.models.shape import conv_norm, scaled

#: (channels, side of the filters, stride) of each convolution but the last, which has a channel per class.
PLAN = ((96, 3, 1), (96, 3, 1), (192, 3, 2), (192, 3, 1), (192, 3, 1), (192, 3, 2), (192, 3, 1), (192, 1, 1))
SMALL_PLAN = ((16, 3, 1), (16, 3, 2), (32, 3, 1), (32, 3, 2))


class AllCNN(nn.Module):
    """All-CNN for small images: eight convolutions with batch normalisation and ReLU, then one per class.

    The last convolution, 1 × 1, is normalised and rectified like the others before its maps are averaged.

    Args:
        n_classes: number of outputs.
        width: factor of every number of channels, rounded, at least one channel.
        in_channels: of the images.
        rectify_last: whether the maps of the classes are normalised and rectified before the average, as
            published; else they are averaged as they are.

    Raises:
        ValueError: a width or a number that is not positive.

    Source: J. T. Springenberg, A. Dosovitskiy, T. Brox and M. Riedmiller, *Striving for simplicity*, 2015, as
    set up by A. Achille, M. Rovere and S. Soatto, *Critical learning periods in deep networks*, 2019.

    >>> AllCNN(10, width=0.125)(torch.zeros(2, 3, 32, 32)).shape
    torch.Size([2, 10])
    """

    def __init__(
        self, n_classes: int = 10, width: float = 1.0, in_channels: int = 3, *, rectify_last: bool = True
    ):
        super().__init__()
        if n_classes < 1:
            raise ValueError(f"n_classes must be positive, got {n_classes}")
        layers, n = [], in_channels
        for channels, size, stride in PLAN:
            m = scaled(channels, width)
            layers += conv_norm(n, m, size, stride=stride)
            n = m
        last = conv_norm(n, n_classes, 1) if rectify_last else [nn.Conv2d(n, n_classes, 1)]
        self.in_channels, self.layers = in_channels, nn.Sequential(*layers, *last)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Outputs, (n, n_classes), for images, (n, in_channels, height, width).

        Raises:
            ValueError: another shape.
        """
        if x.dim() != 4 or x.shape[1] != self.in_channels:
            raise ValueError(
                f"this network takes images of (n, {self.in_channels}, height, width), got {tuple(x.shape)}"
            )
        return self.layers(x).mean((2, 3))


class DigitsCNN(nn.Module):
    """Four convolutions with batch normalisation for images of 8 × 8, of 16, 16, 32 and 32 channels.

    The second and the fourth halve the maps; a linear layer reads their average.

    Args:
        n_classes: number of outputs.
        width: factor of every number of channels, rounded, at least one channel.

    Raises:
        ValueError: a width or a number that is not positive.

    >>> DigitsCNN()(torch.zeros(2, 1, 8, 8)).shape
    torch.Size([2, 10])
    """

    def __init__(self, n_classes: int = 10, width: float = 1.0):
        super().__init__()
        if n_classes < 1:
            raise ValueError(f"n_classes must be positive, got {n_classes}")
        layers, n = [], 1
        for channels, size, stride in SMALL_PLAN:
            m = scaled(channels, width)
            layers += conv_norm(n, m, size, stride=stride)
            n = m
        self.features, self.classifier = nn.Sequential(*layers), nn.Linear(n, n_classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Outputs, (n, n_classes), for images, (n, 1, 8, 8).

        Raises:
            ValueError: another shape.
        """
        if tuple(x.shape[1:]) != (1, 8, 8):
            raise ValueError(f"this network takes images of (n, 1, 8, 8), got {tuple(x.shape)}")
        return self.classifier(self.features(x).mean((2, 3)))
