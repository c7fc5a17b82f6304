"""MobileNetV2, for small images."""

import torch
from torch import nn

from startright.models.shape import ImageNetwork, classifier, conv_norm, scaled

STEM, LAST = 32, 1280
# stages: (expansion, channels, blocks, stride of the first block)
PLAN = (
    (1, 16, 1, 1),
    (6, 24, 2, 1),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)


class InvertedResidual(nn.Module):
    """Expand, filter every channel by itself, project; no rectifier after the projection.

    Blocks of stride 1 are added to what they start from, projected too where the numbers of channels differ.

    Args:
        n: channels before.
        m: channels after.
        expansion: how many times ``n`` channels are filtered.
        stride: of the filters.
    """

    def __init__(self, n: int, m: int, expansion: int, stride: int):
        super().__init__()
        wide = expansion * n
        self.residual = nn.Sequential(
            *conv_norm(n, wide, 1, bias=False),
            *conv_norm(wide, wide, stride=stride, groups=wide, bias=False),
            *conv_norm(wide, m, 1, relu=False, bias=False),
        )
        self.shortcut = None
        if stride == 1:
            self.shortcut = (
                nn.Identity() if n == m else nn.Sequential(*conv_norm(n, m, 1, relu=False, bias=False))
            )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Maps, (n, m, h/stride, w/stride), from maps, (n, channels, h, w)."""
        y = self.residual(x)
        return y if self.shortcut is None else y + self.shortcut(x)


class MobileNetV2(ImageNetwork):
    """MobileNetV2 for images of 32 × 32, with plain rectifiers.

    Args:
        n_classes: number of outputs; None for the features alone.
        width: factor of every number of channels, rounded, at least one channel; the expansions multiply
            the rounded numbers.
        in_channels: of the images.

    Attributes:
        n_features: size of the features, 1280 at width 1.

    Raises:
        ValueError: a width or a number that is not positive.

    Note:
        The first convolution and the second stage keep the size of the maps, and blocks of stride 1 with
        other numbers of channels before and after have a projected shortcut: as usual for CIFAR-10.

    Source: M. Sandler et al., *MobileNetV2: inverted residuals and linear bottlenecks*, 2018, table 2.

    >>> MobileNetV2(10, width=0.05)(torch.zeros(2, 3, 32, 32)).shape
    torch.Size([2, 10])
    """

    def __init__(self, n_classes: int | None = 10, width: float = 1.0, in_channels: int = 3):
        super().__init__()
        self.in_channels, n = in_channels, scaled(STEM, width)
        layers = conv_norm(in_channels, n, bias=False)
        for expansion, channels, blocks, first_stride in PLAN:
            m = scaled(channels, width)
            for block in range(blocks):
                layers.append(InvertedResidual(n, m, expansion, 1 if block else first_stride))
                n = m
        self.n_features = scaled(LAST, width)
        self.features = nn.Sequential(*layers, *conv_norm(n, self.n_features, 1, bias=False), nn.AvgPool2d(4))
        self.classifier = classifier(self.n_features, n_classes)
