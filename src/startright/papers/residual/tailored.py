r"""Leaky ReLU with a slope made for the depth: skips replaced by an initialisation.

.. math::

    C(c) = c + \frac{(1-\alpha)^2}{\pi(1+\alpha^2)} \bigl(\sqrt{1-c^2} - c\arccos c\bigr)

is what a layer makes of the correlation c of two inputs. α is chosen so that L layers take 0 to η.

Source: G. Zhang, A. Botev and J. Martens, *Deep learning without shortcuts: shaping the kernel with tailored
rectifiers* (2022).
"""

import math

import numpy as np

STEPS = 60  # of the bisection: the interval is then 1e-18 wide


def correlation_map(c: float | np.ndarray, alpha: float) -> np.ndarray:
    """C(c), elementwise.

    Args:
        c: correlations in [-1, 1], any shape.
        alpha: α in [0, 1]: 0 is ReLU, 1 the identity.

    Raises:
        ValueError: a correlation or a slope outside these.

    >>> float(correlation_map(1.0, 0.3)), float(correlation_map(0.5, 1.0))
    (1.0, 0.5)
    """
    c = np.asarray(c, dtype=float)
    if not 0 <= alpha <= 1:
        raise ValueError(f"the slope α lies in [0, 1], got {alpha}")
    if not (np.abs(c) <= 1).all():
        raise ValueError(f"correlations lie in [-1, 1], got {c}")
    share = (1 - alpha) ** 2 / (math.pi * (1 + alpha**2))
    return np.minimum(c + share * (np.sqrt(1 - c**2) - c * np.arccos(c)), 1.0)


def through(depth: int, alpha: float, start: float = 0.0) -> np.ndarray:
    """The correlation after 1 to L layers, (depth,).

    Args:
        depth: L.
        alpha: α.
        start: the correlation of the inputs.

    Raises:
        ValueError: no layer, or as :func:`correlation_map`.
    """
    _check_depth(depth)
    found, c = [], start
    for _ in range(depth):
        c = float(correlation_map(c, alpha))
        found.append(c)
    return np.array(found)


def tailored_slope(depth: int, eta: float = 0.9) -> float:
    r"""The α for which L layers take the correlation of two inputs from 0 to η.

    Args:
        depth: L, the number of activations between input and output.
        eta: η in (0, 1); 0.9 is usual.

    Raises:
        ValueError: no layer; an η outside (0, 1); or an η that L layers do not reach even with ReLU, α = 0.

    Source: Zhang et al. (2022).

    >>> round(tailored_slope(50), 3)
    0.431
    """
    _check_depth(depth)
    if not 0 < eta < 1:
        raise ValueError(f"η lies between 0 and 1, got {eta}")
    most = through(depth, 0.0)[-1]
    if eta > most:
        raise ValueError(
            f"{depth} layers take the correlation from 0 to {most:.3f} at most, with α = 0: η = {eta} is out"
            " of reach, use a smaller one"
        )
    low, high = 0.0, 1.0  # the end falls from ``most`` to 0 as α goes from 0 to 1
    for _ in range(STEPS):
        middle = (low + high) / 2
        low, high = (middle, high) if through(depth, middle)[-1] > eta else (low, middle)
    return (low + high) / 2


def _check_depth(depth: int) -> None:
    if isinstance(depth, bool) or not isinstance(depth, int) or depth < 1:
        raise ValueError(f"depth is the number of layers, 1 or more, got {depth!r}")
