"""Residual networks for small images, with their skip connections or without."""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import nn
from torch.nn import functional as F

from startright.models.shape import ImageNetwork, classifier, conv_norm, scaled

CIFAR_CHANNELS = (16, 32, 64)
CHANNELS_18 = (64, 128, 256, 512)


class Padding(nn.Module):
    """The shortcut without parameters: every ``stride``-th pixel, zeros in the channels that are new.

    Args:
        new: channels to add.
        stride: between the pixels that are kept.
    """

    def __init__(self, new: int, stride: int):
        super().__init__()
        self.new, self.stride = new, stride

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Maps, (n, channels + new, h/stride, w/stride), from maps, (n, channels, h, w)."""
        return F.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, 0, self.new))


class BasicBlock(nn.Module):
    r"""Two normalised convolutions :math:`F`, and what came in beside them.

    .. math:: x \mapsto \mathrm{ReLU}(F(x) + S(x)), \qquad \text{without the skip} \quad
        x \mapsto \mathrm{ReLU}(F(x))

    :math:`S` is the identity where shapes allow it.

    Args:
        n: channels before.
        m: channels after, not fewer.
        stride: of the first convolution.
        skip: whether the shortcut is there.
        project: whether a change of shape is bridged by a normalised 1 × 1 convolution (option B of the
            paper) and not by :class:`Padding` (option A).
    """

    def __init__(self, n: int, m: int, stride: int = 1, *, skip: bool = True, project: bool = False):
        super().__init__()
        self.residual = nn.Sequential(
            *conv_norm(n, m, stride=stride, bias=False), *conv_norm(m, m, relu=False, bias=False)
        )
        self.shortcut = None
        if skip and stride == 1 and n == m:
            self.shortcut = nn.Identity()
        elif skip and project:
            self.shortcut = nn.Sequential(*conv_norm(n, m, 1, relu=False, stride=stride, bias=False))
        elif skip:
            self.shortcut = Padding(m - n, stride)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Maps, (n, m, h/stride, w/stride), from maps, (n, channels, h, w)."""
        change = self.residual(x)
        return F.relu(change if self.shortcut is None else change + self.shortcut(x))


class ResNet(ImageNetwork):
    """A convolution, stages of :class:`BasicBlock`, the mean of every map, one linear layer.

    All stages but the first halve the maps. Convolutions start with He's variance, 2/fan-in.

    Args:
        blocks: number of blocks of each stage.
        channels: of each stage, none fewer than those of the stage before.
        n_classes: number of outputs; None for the features alone.
        width: factor of every number of channels, rounded, at least one channel.
        in_channels: of the images.
        skip: whether the blocks have their shortcuts: without them the net is plain, of the same depth.
        project: how shortcuts change shape, see :class:`BasicBlock`.
        side: height and width of the images: 32 for CIFAR-10, 28 for MNIST, 8 for scikit-learn's digits.

    Attributes:
        n_features: size of the features, that of the last stage.

    Raises:
        ValueError: a width or a number that is not positive, stages that do not match, a side that cannot be
            halved at every stage.

    Source: K. He, X. Zhang, S. Ren and J. Sun, *Deep residual learning for image recognition*, 2016,
    section 4.2.

    >>> ResNet((1, 1), (4, 8), in_channels=1, side=8, skip=False)(torch.zeros(2, 1, 8, 8)).shape
    torch.Size([2, 10])
    """

    def __init__(
        self,
        blocks: Sequence[int],
        channels: Sequence[int],
        n_classes: int | None = 10,
        width: float = 1.0,
        in_channels: int = 3,
        *,
        skip: bool = True,
        project: bool = False,
        side: int = 32,
    ):
        super().__init__()
        _check(blocks, channels, side)
        self.in_channels, self.side = in_channels, side
        first, *_ = widths = [scaled(number, width) for number in channels]
        layers = conv_norm(in_channels, first, bias=False)
        for stage, (n, m) in enumerate(pairwise([first, *widths])):
            strides = [2 if stage else 1] + [1] * (blocks[stage] - 1)
            shape = zip([n] + [m] * (blocks[stage] - 1), strides, strict=True)
            layers += [BasicBlock(before, m, stride, skip=skip, project=project) for before, stride in shape]
        self.n_features = widths[-1]
        self.features = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1))
        for part in self.modules():
            if isinstance(part, nn.Conv2d):
                nn.init.kaiming_normal_(part.weight)
        self.classifier = classifier(self.n_features, n_classes)


class CIFARResNet(ResNet):
    """The residual networks of 6n + 2 layers that He et al. made for CIFAR-10: 20, 32, 44, 56, 110.

    Three stages of n blocks with 16, 32 and 64 channels, shortcuts without parameters. On the digits of
    scikit-learn: ``CIFARResNet(in_channels=1, side=8, depth=8)``.

    Args:
        n_classes: number of outputs; None for the features alone.
        width: factor of every number of channels, rounded, at least one channel.
        in_channels: of the images.
        depth: 6n + 2, with n blocks per stage.
        skip: whether the blocks have their shortcuts.
        side: height and width of the images, a multiple of 4.

    Raises:
        ValueError: a depth that is not 6n + 2, or as :class:`ResNet`.

    Source: He et al. 2016, section 4.2, with option A.

    >>> CIFARResNet(10, 0.25, in_channels=1, depth=8, side=8)(torch.zeros(2, 1, 8, 8)).shape
    torch.Size([2, 10])
    """

    def __init__(
        self,
        n_classes: int | None = 10,
        width: float = 1.0,
        in_channels: int = 3,
        *,
        depth: int = 20,
        skip: bool = True,
        side: int = 32,
    ):
        if depth < 8 or depth % 6 != 2:
            raise ValueError(f"depth must be 6n + 2, such as 8, 20 or 56, got {depth}")
        blocks = [depth // 6] * 3
        super().__init__(blocks, CIFAR_CHANNELS, n_classes, width, in_channels, skip=skip, side=side)


class ResNet18(ResNet):
    """ResNet-18 as it is used on images of 32 × 32: a first convolution of 3 × 3, no pooling after it.

    Four stages of two blocks with 64, 128, 256 and 512 channels, projections where the shape changes.

    Args:
        n_classes: number of outputs; None for the features alone.
        width: factor of every number of channels, rounded, at least one channel.
        in_channels: of the images.
        skip: whether the blocks have their shortcuts.
        side: height and width of the images, a multiple of 8.

    Raises:
        ValueError: as :class:`ResNet`.

    Source: He et al. 2016, table 1, for small images.

    >>> ResNet18(10, width=0.05)(torch.zeros(2, 3, 32, 32)).shape
    torch.Size([2, 10])
    """

    def __init__(
        self,
        n_classes: int | None = 10,
        width: float = 1.0,
        in_channels: int = 3,
        *,
        skip: bool = True,
        side: int = 32,
    ):
        options = {"skip": skip, "side": side, "project": True}
        super().__init__((2, 2, 2, 2), CHANNELS_18, n_classes, width, in_channels, **options)


def _check(blocks: Sequence[int], channels: Sequence[int], side: int) -> None:
    if not blocks or len(blocks) != len(channels) or min(blocks) < 1:
        raise ValueError(
            f"every stage needs one block or more, and channels, got {blocks!r} and {channels!r}"
        )
    if list(channels) != sorted(channels):
        raise ValueError(f"no stage may have fewer channels than the one before it, got {tuple(channels)}")
    halvings = 2 ** (len(blocks) - 1)
    if side < halvings or side % halvings:
        raise ValueError(f"the side of the images must be a multiple of {halvings}, got {side}")
