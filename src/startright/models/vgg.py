"""VGG for small images: VGG19 with batch normalisation, VGG11 without."""

from collections.abc import Callable

import torch  # noqa: F401 (for the examples)
from torch import nn

from startright.models.shape import ImageNetwork, classifier, conv_norm, scaled

PLAN = (64, 64, None, 128, 128, None, *[256] * 4, None, *[512] * 4, None, *[512] * 4, None)  # None: halve
SHORT_PLAN = (64, None, 128, None, *[256] * 2, None, *[512] * 2, None, *[512] * 2, None)


class VGG19(ImageNetwork):
    """VGG19 for images of 32 × 32: sixteen convolutions with batch normalisation, no hidden linear layer.

    Args:
        n_classes: number of outputs; None for the features alone.
        width: factor of every number of channels, rounded, at least one channel.
        in_channels: of the images.

    Attributes:
        n_features: size of the features, 512 at width 1.

    Raises:
        ValueError: a width or a number that is not positive.

    Source: K. Simonyan and A. Zisserman, *Very deep convolutional networks for large-scale image
    recognition*, 2015, table 1, column E, in the form usual for CIFAR-10.

    >>> VGG19(10, width=0.125)(torch.zeros(2, 3, 32, 32)).shape
    torch.Size([2, 10])
    """

    def __init__(self, n_classes: int | None = 10, width: float = 1.0, in_channels: int = 3):
        super().__init__()
        self.in_channels, layers, n = in_channels, [], in_channels
        for channels in PLAN:
            if channels is None:
                layers.append(nn.MaxPool2d(2))
            else:
                m = scaled(channels, width)
                layers += conv_norm(n, m)
                n = m
        self.n_features = n
        self.features = nn.Sequential(*layers)
        self.classifier = classifier(n, n_classes)


class VGG11(ImageNetwork):
    """The eight convolutions of VGG11 for images of 32 × 32, without normalisation, and one linear layer.

    Args:
        n_classes: number of outputs; None for the features alone.
        width: factor of every number of channels, rounded, at least one channel.
        in_channels: of the images.
        activation: makes one activation; called once for each convolution.

    Attributes:
        n_features: size of the features, 512 at width 1.

    Raises:
        ValueError: a width or a number that is not positive.

    Note:
        The layers keep torch's initialisation, with which a network this deep learns slowly: draw the weights
        anew.

    Source: K. Simonyan and A. Zisserman, *Very deep convolutional networks for large-scale image
    recognition*, 2015, table 1, column A, without its two hidden linear layers.

    >>> VGG11(10, width=0.125)(torch.zeros(2, 3, 32, 32)).shape
    torch.Size([2, 10])
    """

    def __init__(
        self,
        n_classes: int | None = 10,
        width: float = 1.0,
        in_channels: int = 3,
        activation: Callable[[], nn.Module] = nn.ELU,
    ):
        super().__init__()
        if in_channels < 1:
            raise ValueError(f"a convolution needs at least one channel, got {in_channels}")
        self.in_channels, layers, n = in_channels, [], in_channels
        for channels in SHORT_PLAN:
            if channels is None:
                layers.append(nn.MaxPool2d(2))
            else:
                m = scaled(channels, width)
                layers += [nn.Conv2d(n, m, 3, padding=1), activation()]
                n = m
        self.n_features = n
        self.features = nn.Sequential(*layers)
        self.classifier = classifier(n, n_classes)
