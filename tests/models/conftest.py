import pytest
import torch
from torch import nn


@pytest.fixture
def check_net():
    """What holds for every network for images of 32 × 32, given its class."""

    def check(net):
        x = torch.randn(2, 3, 32, 32)
        for width in (0.03, 0.125):
            torch.manual_seed(0)
            whole = net(7, width)
            torch.manual_seed(0)
            backbone = net(None, width)
            assert isinstance(backbone.classifier, nn.Identity)
            z = backbone(x)
            assert z.shape == (2, backbone.n_features)
            torch.testing.assert_close(whole.classifier(z), whole(x))
            assert whole(x).shape == (2, 7)
        modules = [module for module in whole.modules() if isinstance(module, nn.Linear)]
        assert modules == [whole.classifier]
        assert net(2, 0.03, in_channels=1)(x[:, :1]).shape == (2, 2)
        for bad in (x[:, :1], x[..., :28], x[0], x.flatten(1)):
            with pytest.raises(ValueError, match=r"takes images of \(n, 3, 32, 32\), got a tensor of"):
                whole(bad)
        for width in (0, -1.0, float("inf"), float("nan")):
            with pytest.raises(ValueError, match="positive and finite, got"):
                net(10, width)
        with pytest.raises(ValueError, match="n_classes must be positive, or None"):
            net(0, 0.03)
        with pytest.raises(ValueError, match="at least one channel, got 0"):
            net(10, 0.03, in_channels=0)

    return check


@pytest.fixture
def sizes():
    """Numbers of parameters, of filters and of normalised channels of a module."""

    def count(module):
        parts = list(module.modules())
        return (
            sum(p.numel() for p in module.parameters()),
            sum(part.out_channels for part in parts if isinstance(part, nn.Conv2d)),
            sum(part.num_features for part in parts if isinstance(part, nn.BatchNorm2d)),
        )

    return count


@pytest.fixture
def on_meta():
    """Makes a network without values: full widths in milliseconds."""

    def make(net, *args):
        with torch.device("meta"):
            return net(*args)

    return make
