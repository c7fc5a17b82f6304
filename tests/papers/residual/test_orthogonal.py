import pytest
import torch
from torch import nn
from torch.nn.utils.parametrizations import weight_norm

from startright.papers.residual.orthogonal import delta_orthogonal_, gain, orthogonal, orthogonal_


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("shape", [(5, 5), (7, 3), (3, 7)])
def test_it_is_torchs_own(shape):
    expected = torch.empty(shape, dtype=torch.float64)
    nn.init.orthogonal_(expected, generator=rng())
    found = orthogonal(*shape, generator=rng(), dtype=torch.float64)
    if shape[0] >= shape[1]:
        torch.testing.assert_close(found, expected)
    small = found @ found.T if shape[0] < shape[1] else found.T @ found
    torch.testing.assert_close(small, torch.eye(min(shape), dtype=torch.float64))


def test_the_law_is_uniform():
    draws = torch.stack([orthogonal(2, 2, generator=rng(seed)) for seed in range(400)])
    assert float(draws[:, 0, 0].mean()) == pytest.approx(0, abs=0.1)  # all of one sign without the signs of R
    assert float((torch.linalg.det(draws) > 0).float().mean()) == pytest.approx(0.5, abs=0.1)


@pytest.mark.parametrize(("conv", "dims"), [(nn.Conv1d, 1), (nn.Conv2d, 2)])
@pytest.mark.parametrize("outputs", [4, 6])
def test_a_delta_orthogonal_convolution_keeps_every_norm(conv, dims, outputs):
    layer = conv(4, outputs, 3, padding=1).double()
    delta_orthogonal_(layer, 1.5, generator=rng())
    x = torch.randn(2, 4, *[6] * dims, dtype=torch.float64)
    torch.testing.assert_close(layer(x).flatten(1).norm(dim=1), 1.5 * x.flatten(1).norm(dim=1))
    assert not layer.bias.any()


@pytest.mark.parametrize(
    ("layer", "words"),
    [
        (nn.Conv2d(6, 4, 3, padding=1), "6 channels to 4 cannot keep every norm"),
        (nn.Conv2d(4, 4, 2), "no centre|size of its maps"),
        (nn.Conv2d(4, 4, 3, padding=1, stride=2), "does not keep the size"),
        (nn.Conv2d(4, 4, 3), "does not keep the size"),
        (nn.Conv2d(4, 4, 3, padding=2, dilation=2), "does not keep the size"),
        (nn.Conv2d(4, 4, 3, padding=1, groups=2), "2 groups"),
        (nn.Linear(4, 4), "those of a convolution"),
        (weight_norm(nn.Conv2d(4, 4, 3, padding=1)), "computed in every forward pass"),
    ],
)
def test_what_cannot_be_is_refused(layer, words):
    before = {name: p.clone() for name, p in layer.named_parameters()}
    with pytest.raises(ValueError, match=words):
        delta_orthogonal_(layer)
    assert all(torch.equal(p, before[name]) for name, p in layer.named_parameters())


def test_others():
    layer = nn.Linear(4, 2)
    torch.testing.assert_close(orthogonal_(layer, 3.0) @ layer.weight.T, 9 * torch.eye(2))
    with pytest.raises(ValueError, match="linear and convolutional"):
        orthogonal_(nn.ReLU())
    with pytest.raises(ValueError, match="no centre"):
        orthogonal_(nn.Conv2d(4, 4, 2))
    with pytest.raises(ValueError, match="one row"):
        orthogonal(0, 3)
    with pytest.raises(ValueError, match="finite"):
        gain(float("nan"))
    assert gain(0.1) == pytest.approx(nn.init.calculate_gain("leaky_relu", 0.1))
