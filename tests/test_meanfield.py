"""One layer of infinite width, against closed forms."""

import numpy as np
import pytest
import torch

from startright import meanfield


@pytest.mark.parametrize("q", [0.0, 0.3, 2.0])
def test_relu_halves_the_second_moment(q):
    assert meanfield.next_variance(torch.relu, q, 2.0, 0.1) == pytest.approx(q + 0.1, abs=1e-13)
    assert meanfield.backward_factor(torch.relu, q, 3.0) == pytest.approx(1.5 if q else 0.0, abs=1e-13)


def test_sine_has_closed_forms():
    q = np.array([0.1, 1.0, 4.0])
    assert np.allclose(meanfield.next_variance(torch.sin, q, 1.5), 1.5 * (1 - np.exp(-2 * q)) / 2, atol=1e-13)
    assert np.allclose(
        meanfield.backward_factor(torch.sin, q, 1.5), 1.5 * (1 + np.exp(-2 * q)) / 2, atol=1e-13
    )


def test_a_negative_variance_is_named():
    with pytest.raises(ValueError, match="at least 0, got -1"):
        meanfield.next_variance(torch.tanh, [1.0, -1.0], 1.0)
