import numpy as np
import pytest

from startright.papers.priors.families import dirac, exponential, gaussian, laplace, uniform
from startright.papers.priors.verdicts import nodes

FAMILIES = [gaussian(), laplace(), uniform(), exponential()]


@pytest.mark.parametrize("nu", [0.3, 1.0])
@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_every_number_of_a_family_is_the_integral_of_its_density(family, nu):
    x, weight = nodes(family, nu)
    assert weight.sum() == pytest.approx(1, abs=1e-12)
    mean = weight @ x
    assert mean == pytest.approx(family.mean(nu), abs=1e-10)
    central = [weight @ (x - mean) ** k for k in (2, 3, 4)]
    assert central == pytest.approx([family.variance(nu), *family.higher(nu)], abs=1e-8)
    density = family.density(x, nu)
    inside = density > 0
    entropy = -(weight[inside] @ np.log(density[inside]))
    assert entropy == pytest.approx(family.entropy(nu), abs=1e-9)
    xi = np.linspace(-5, 5, 11)
    characteristic = np.exp(1j * xi[:, None] * x) @ weight
    np.testing.assert_allclose(family.characteristic(xi, nu), characteristic, atol=1e-9)


def test_point_masses_are_known_as_such():
    assert dirac().is_dirac
    assert not any(family.is_dirac for family in FAMILIES)
