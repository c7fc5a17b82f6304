"""The simple convolutional network of our study; that of the paper is not known to us."""

from torch import nn


class CVNN(nn.Module):
    """Three convolutions of 3 × 3 with batch normalisation, each halved by pooling, and a linear layer.

    The first has a stride of 2, so that a processor trains the network in seconds; our choice.

    Args:
        width: channels of the first convolution; the next have two and four times as many.
        in_channels: of the images.
        n_classes: number of outputs.
        image_size: height and width of the images, divisible by 16.

    Raises:
        ValueError: a size that is not divisible by 16.
    """

    def __init__(self, width: int = 16, in_channels: int = 3, n_classes: int = 10, image_size: int = 32):
        super().__init__()
        if image_size % 16 or image_size < 16:
            raise ValueError(f"image_size must be a multiple of 16 pixels, got {image_size}")
        layers: list[nn.Module] = []
        for k, (n, m) in enumerate(((in_channels, width), (width, 2 * width), (2 * width, 4 * width))):
            convolution = nn.Conv2d(n, m, 3, stride=2 if k == 0 else 1, padding=1, bias=False)
            layers += [convolution, nn.BatchNorm2d(m), nn.ReLU(), nn.MaxPool2d(2)]
        self.features = nn.Sequential(*layers)
        self.classifier = nn.Linear(4 * width * (image_size // 16) ** 2, n_classes)

    def forward(self, x):
        """Outputs, (n, n_classes), for images, (n, in_channels, image_size, image_size)."""
        return self.classifier(self.features(x).flatten(1))
