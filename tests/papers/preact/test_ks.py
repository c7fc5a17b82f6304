"""KS distances against SciPy, thresholds against simulation."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import kstest

from startright.papers.preact import ks


def draws(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(-5, 5), min_size=1, max_size=40))
def test_distance_is_scipys(values):
    expected = kstest(values, "norm").statistic
    assert ks.distance(torch.tensor(values, dtype=torch.float64)).item() == pytest.approx(expected, abs=1e-12)


def test_batches_and_dtypes():
    z = draws(2, 3, 50)
    d = ks.distance(z)
    assert d.shape == (2, 3)
    assert d[1, 2].item() == pytest.approx(kstest(z[1, 2].numpy(), "norm").statistic, abs=1e-12)
    torch.testing.assert_close(ks.distance(z.float()), d, atol=1e-6, rtol=0)


def test_standardised_forgets_mean_and_scale():
    z = draws(4, 200)
    torch.testing.assert_close(ks.distance_standardised(3 * z - 7), ks.distance_standardised(z))
    one = z[0].numpy()
    expected = kstest((one - one.mean()) / one.std(ddof=1), "norm").statistic
    assert ks.distance_standardised(z)[0].item() == pytest.approx(expected, abs=1e-12)
    assert (ks.distance(3 * z - 7) > 0.9).all()


def test_thresholds_and_floor_by_simulation():
    n = 2000
    z = draws(2000, n)
    d, s = ks.distance(z), ks.distance_standardised(z)
    noise = 4 * math.sqrt(0.05 * 0.95 / len(z))
    assert (d > ks.threshold(n)).double().mean().item() == pytest.approx(0.05, abs=noise)
    assert (s > ks.lilliefors_threshold(n)).double().mean().item() == pytest.approx(0.05, abs=1.5 * noise)
    assert d.mean().item() == pytest.approx(ks.noise_floor(n), rel=0.03)
    assert ks.noise_floor(1) == pytest.approx(0.869, abs=5e-4)


def test_refuses():
    with pytest.raises(ValueError, match="NaN"):
        ks.distance(torch.tensor([0.0, float("nan")]))
    with pytest.raises(ValueError, match="floating"):
        ks.distance(torch.tensor([1, 2]))
    for empty in (torch.zeros(0), torch.zeros(3, 0), torch.tensor(1.0)):
        with pytest.raises(ValueError, match="at least one draw"):
            ks.distance(empty)
    with pytest.raises(ValueError, match="at least 2"):
        ks.distance_standardised(torch.zeros(3, 1))
    with pytest.raises(ValueError, match="constant"):
        ks.distance_standardised(torch.ones(5))
    for n in (0, -3, float("nan")):
        with pytest.raises(ValueError, match="number of draws"):
            ks.threshold(n)
