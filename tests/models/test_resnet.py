import pytest
import torch
from torch import nn
from torch.nn import functional as F

from startright.models import CIFARResNet, ResNet, ResNet18, build
from startright.models.resnet import BasicBlock, Padding


@pytest.mark.parametrize("net", [CIFARResNet, ResNet18])
def test_interface(net, check_net):
    check_net(net)


@pytest.mark.parametrize(
    ("depth", "parameters"), [(20, 269_722), (32, 464_154), (44, 658_586), (56, 853_018), (110, 1_727_962)]
)
def test_parameters_of_the_papers_networks(depth, parameters, sizes, on_meta):
    def make(skip):
        return CIFARResNet(10, depth=depth, skip=skip)

    assert sizes(on_meta(make, True))[0] == parameters
    assert sizes(on_meta(make, False))[0] == parameters  # these shortcuts have none
    convolutions = [part for part in on_meta(make, True).modules() if isinstance(part, nn.Conv2d)]
    assert len(convolutions) + 1 == depth


def test_parameters_of_resnet18(sizes, on_meta):
    assert sizes(on_meta(ResNet18))[0] == 11_173_962
    plain = on_meta(lambda: ResNet18(skip=False))
    projections = sum(n * m + 2 * m for n, m in ((64, 128), (128, 256), (256, 512)))
    assert sizes(plain)[0] == 11_173_962 - projections


@pytest.mark.parametrize("net", [CIFARResNet, ResNet18])
@pytest.mark.parametrize("width", [0.25, 3])
def test_width_multiplies_every_channel(net, width, sizes, on_meta):
    whole, wide = on_meta(net, None), on_meta(net, None, width)
    assert sizes(wide)[1:] == tuple(n * width for n in sizes(whole)[1:])
    assert wide.n_features == whole.n_features * width


@pytest.mark.parametrize(
    ("n", "m", "stride", "project", "kind"),
    [(8, 8, 1, True, nn.Identity), (8, 16, 2, True, nn.Sequential), (8, 16, 2, False, Padding)],
)
def test_a_block_adds_what_came_in(n, m, stride, project, kind):
    torch.manual_seed(0)
    block, x = BasicBlock(n, m, stride, project=project).eval(), torch.randn(2, n, 8, 8)
    assert isinstance(block.shortcut, kind)
    torch.testing.assert_close(block(x), F.relu(block.residual(x) + block.shortcut(x)))
    block.shortcut = None
    torch.testing.assert_close(block(x), F.relu(block.residual(x)))
    assert block(x).shape == (2, m, 8 // stride, 8 // stride)


def test_padding_keeps_pixels_and_adds_zeros():
    x = torch.randn(2, 3, 4, 4)
    out = Padding(2, 2)(x)
    assert torch.equal(out[:, :3], x[:, :, ::2, ::2])
    assert out.shape == (2, 5, 2, 2)
    assert not out[:, 3:].any()


def test_without_skips_nothing_passes_beside_the_convolutions():
    make = {True: [], False: []}
    for skip in make:
        net = build(lambda skip=skip: CIFARResNet(None, depth=8, skip=skip, in_channels=1, side=8), 0).eval()
        for part in net.modules():
            if isinstance(part, BasicBlock):
                nn.init.zeros_(part.residual[0].weight)
        a, b = net(torch.randn(2, 1, 8, 8))
        make[skip] = bool((a - b).abs().max() > 1e-6)
    assert make == {True: True, False: False}


@pytest.mark.parametrize("net", [CIFARResNet, ResNet18])
def test_weights_start_with_hes_variance(net):
    model = build(lambda: net(10), 0)
    for part in model.modules():
        if isinstance(part, nn.Conv2d) and part.weight.numel() > 5000:
            assert float(part.weight.detach().var()) * part.weight[0].numel() == pytest.approx(2, rel=0.1)


def test_small_images():
    net = CIFARResNet(10, 0.5, in_channels=1, depth=8, side=8)
    assert net(torch.zeros(3, 1, 8, 8)).shape == (3, 10)
    with pytest.raises(ValueError, match=r"takes images of \(n, 1, 8, 8\), got"):
        net(torch.zeros(3, 1, 32, 32))
    assert ResNet18(10, 0.05, in_channels=1, side=8)(torch.zeros(3, 1, 8, 8)).shape == (3, 10)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: CIFARResNet(depth=18), "depth must be 6n"),
        (lambda: CIFARResNet(depth=2), "depth must be 6n"),
        (lambda: CIFARResNet(side=30), "multiple of 4, got 30"),
        (lambda: ResNet18(side=4), "multiple of 8, got 4"),
        (lambda: ResNet((1, 1), (16,)), "every stage needs"),
        (lambda: ResNet((1, 0), (16, 16)), "every stage needs"),
        (lambda: ResNet((), ()), "every stage needs"),
        (lambda: ResNet((1, 1), (32, 16)), "fewer channels"),
    ],
)
def test_refusals(make, words):
    with pytest.raises(ValueError, match=words):
        make()
