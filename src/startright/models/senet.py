"""SENet18, for small images: a residual network that weights its channels image by image."""

import torch
from torch import nn

from startright.models.shape import ImageNetwork, classifier, conv_norm, scaled

STAGES = (64, 128, 256, 512)  # two blocks each; all but the first halve the maps
REDUCTION = 16


class SqueezeExcite(nn.Module):
    """Every channel times a weight in (0, 1), computed from the means of all channels.

    Args:
        n: channels.
        hidden: units between the means and the weights.
    """

    def __init__(self, n: int, hidden: int):
        super().__init__()
        self.weights = nn.Sequential(
            nn.AdaptiveAvgPool2d(1), nn.Conv2d(n, hidden, 1), nn.ReLU(), nn.Conv2d(hidden, n, 1), nn.Sigmoid()
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Maps, (n, channels, h, w), from maps of the same shape."""
        return x * self.weights(x)


class PreActivationBlock(nn.Module):
    """Normalisation and rectifier before each of two convolutions, then the channels' weights.

    Args:
        n: channels before.
        m: channels after.
        stride: of the first convolution.
    """

    def __init__(self, n: int, m: int, stride: int):
        super().__init__()
        self.activate = nn.Sequential(nn.BatchNorm2d(n), nn.ReLU())
        self.residual = nn.Sequential(
            *conv_norm(n, m, stride=stride, bias=False),
            nn.Conv2d(m, m, 3, padding=1, bias=False),
            SqueezeExcite(m, max(1, m // REDUCTION)),
        )
        self.shortcut = None
        if stride != 1 or n != m:
            self.shortcut = nn.Conv2d(n, m, 1, stride, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Maps, (n, m, h/stride, w/stride), from maps, (n, channels, h, w)."""
        active = self.activate(x)
        return self.residual(active) + (x if self.shortcut is None else self.shortcut(active))


class SENet18(ImageNetwork):
    """Pre-activation ResNet of eighteen layers with squeeze-and-excitation, for images of 32 × 32.

    Args:
        n_classes: number of outputs; None for the features alone.
        width: factor of every number of channels, rounded, at least one channel.
        in_channels: of the images.

    Attributes:
        n_features: size of the features, 512 at width 1.

    Raises:
        ValueError: a width or a number that is not positive.

    Source: J. Hu, L. Shen and G. Sun, *Squeeze-and-excitation networks*, 2018, section 3, on the blocks of
    K. He et al., *Identity mappings in deep residual networks*, 2016.

    >>> SENet18(10, width=0.05)(torch.zeros(2, 3, 32, 32)).shape
    torch.Size([2, 10])
    """

    def __init__(self, n_classes: int | None = 10, width: float = 1.0, in_channels: int = 3):
        super().__init__()
        self.in_channels, n = in_channels, scaled(STAGES[0], width)
        layers = conv_norm(in_channels, n, bias=False)
        for stage, channels in enumerate(STAGES):
            m = scaled(channels, width)
            layers += [PreActivationBlock(n, m, 2 if stage else 1), PreActivationBlock(m, m, 1)]
            n = m
        self.n_features = n
        self.features = nn.Sequential(*layers, nn.AvgPool2d(4))
        self.classifier = classifier(n, n_classes)
