"""GoogLeNet, for small images."""

import torch
from torch import nn

from startright.models.shape import ImageNetwork, classifier, conv_norm, scaled

STEM = 192
# channels of the four branches, (1×1, (reduced, 3×3), (reduced, 5×5), pooled); None: halve the maps
PLAN = (
    (64, (96, 128), (16, 32), 32),
    (128, (128, 192), (32, 96), 64),
    None,
    (192, (96, 208), (16, 48), 64),
    (160, (112, 224), (24, 64), 64),
    (128, (128, 256), (24, 64), 64),
    (112, (144, 288), (32, 64), 64),
    (256, (160, 320), (32, 128), 128),
    None,
    (256, (160, 320), (32, 128), 128),
    (384, (192, 384), (48, 128), 128),
)


class Inception(nn.Module):
    """Four branches on the same maps, joined along the channels.

    Args:
        n: channels before.
        one: channels of the branch of 1 × 1 filters.
        three: channels of the branch of 3 × 3 filters, reduced first.
        five: channels of the branch of 5 × 5 filters, reduced first; two layers of 3 × 3 stand for one.
        pooled: channels of the branch after max pooling.

    Attributes:
        n_channels: after joining.
    """

    def __init__(self, n: int, one: int, three: tuple[int, int], five: tuple[int, int], pooled: int):
        super().__init__()
        self.n_channels = one + three[1] + five[1] + pooled
        self.branches = nn.ModuleList(
            nn.Sequential(*layers)
            for layers in (
                conv_norm(n, one, 1),
                conv_norm(n, three[0], 1) + conv_norm(*three),
                conv_norm(n, five[0], 1) + conv_norm(*five) + conv_norm(five[1], five[1]),
                [nn.MaxPool2d(3, 1, padding=1), *conv_norm(n, pooled, 1)],
            )
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Maps, (n, n_channels, h, w), from maps, (n, channels, h, w)."""
        return torch.cat([branch(x) for branch in self.branches], 1)


class GoogLeNet(ImageNetwork):
    """GoogLeNet for images of 32 × 32: nine Inception modules with batch normalisation, no auxiliary outputs.

    Args:
        n_classes: number of outputs; None for the features alone.
        width: factor of every number of channels, rounded, at least one channel.
        in_channels: of the images.

    Attributes:
        n_features: size of the features, 1024 at width 1.

    Raises:
        ValueError: a width or a number that is not positive.

    Source: C. Szegedy et al., *Going deeper with convolutions*, 2015, table 1, in the form usual for
    CIFAR-10: one convolution before the modules, every convolution with a bias and normalised.

    >>> GoogLeNet(10, width=0.05)(torch.zeros(2, 3, 32, 32)).shape
    torch.Size([2, 10])
    """

    def __init__(self, n_classes: int | None = 10, width: float = 1.0, in_channels: int = 3):
        super().__init__()
        self.in_channels, n = in_channels, scaled(STEM, width)
        layers = conv_norm(in_channels, n)
        for branches in PLAN:
            if branches is None:
                layers.append(nn.MaxPool2d(3, 2, padding=1))
            else:
                one, three, five, pooled = branches
                pairs = (tuple(scaled(m, width) for m in pair) for pair in (three, five))
                layers.append(Inception(n, scaled(one, width), *pairs, scaled(pooled, width)))
                n = layers[-1].n_channels
        self.n_features = n
        self.features = nn.Sequential(*layers, nn.AvgPool2d(8))
        self.classifier = classifier(n, n_classes)
