r"""The minimiser of the anisotropic cubic model of a reduced Newton step.

.. math:: T(\eta) = -\bar g^\top \eta + \tfrac12 \eta^\top \bar H \eta
    + \tfrac{\lambda}{6} \lVert D\eta \rVert^3, \qquad D = \mathrm{diag}(d),\quad
    d_s = \lvert D^{(3)}_{sss} \rvert^{1/3}

η is a global minimiser if and only if, with :math:`r = \lVert D\eta\rVert`,

.. math:: M(r)\,\eta = \bar g, \qquad M(r) = \bar H + \tfrac{\lambda}{2} r D^2 \succeq 0 .

Every decision is taken on quantities that do not change when the groups are rescaled: there is no absolute
threshold, so that the step keeps the invariance of the method.

Source: P. Wolinski, *Gathering and exploiting higher-order information when training large structured
models*, 2025; the secular equation and its hard case are those of C. Cartis, N. Gould and P. Toint, *Adaptive
cubic regularisation methods for unconstrained optimization*, 2011, section 6.1.
"""

import math
from dataclasses import dataclass

import numpy as np
import torch
from scipy.linalg import cho_factor, cho_solve
from scipy.optimize import brentq

EPS = np.finfo(np.float64).eps


class InfeasibleModel(ValueError):
    """The model has no minimiser: it falls for ever in a direction that nothing regularises."""


@dataclass(frozen=True)
class CubicStep:
    r"""A minimiser, and the certificate that it is one.

    Args:
        eta: :math:`\eta`, (S,), in float64 on the CPU.
        radius: :math:`r = \lVert D\eta\rVert`.
        residual: the largest over s of :math:`|M\eta - \bar g|_s` relative to the sum of the absolute values
            of its terms: the relative change of the data that would make the equation exact.
        min_eigenvalue: the smallest eigenvalue of :math:`M(r)`; not negative, but for rounding.
        decrease: :math:`-T(\eta) \ge 0`, what the model promises.
        case: ``"definite"`` or ``"indefinite"``, which is what the regularised part of the Hessian is;
            ``"hard"`` if it is indefinite and the gradient has nothing along the lowest eigenvector.
    """

    eta: torch.Tensor
    radius: float
    residual: float
    min_eigenvalue: float
    decrease: float
    case: str


def anisotropy(d3: torch.Tensor) -> torch.Tensor:
    r"""The scales :math:`d_s = |D^{(3)}_{sss}|^{1/3}`, (S,), in float64 on the CPU.

    >>> anisotropy(torch.tensor([-8.0, 0.0, 27.0])).tolist()
    [2.0, 0.0, 3.0]
    """
    return torch.from_numpy(np.cbrt(d3.detach().double().abs().cpu().numpy()))


def cubic_step(
    g: torch.Tensor, H: torch.Tensor, d: torch.Tensor | None, lambda_int: float = 1.0
) -> CubicStep:
    r"""The global minimiser of the cubic model.

    Groups that the model does not depend on at all (a loss that ignores them, a direction that is zero) get
    :math:`\eta_s = 0`. In the hard case there are two minimisers; that one is taken whose component along
    the lowest eigenvector :math:`v` of :math:`D^{-1}\bar H D^{-1}` has the sign of the largest entry of v.

    Args:
        g: :math:`\bar g`, (S,).
        H: :math:`\bar H`, (S, S), symmetric.
        d: the diagonal of D, (S,), none negative; zeros are usual, such as for a group in which the loss is
            quadratic. None needs ``lambda_int=0``.
        lambda_int: :math:`\lambda \ge 0`; 0 is Newton's step, for which :math:`\bar H` must be definite.

    Raises:
        InfeasibleModel: :math:`\bar H` is not positive definite on the groups with :math:`\lambda d_s = 0`.
        ValueError: shapes that do not fit, values that are not finite, a negative λ or d.

    >>> step = cubic_step(torch.tensor([3.0]), torch.tensor([[1.0]]), torch.tensor([1.0]), lambda_int=4.0)
    >>> f"{step.eta.item():.6f} {step.case}"  # η + 2 η² = 3
    '1.000000 definite'
    """
    g, H, d = _checked(g, H, d, lambda_int)
    live = (g != 0) | (H != 0).any(1) | (d != 0)
    eta, case = np.zeros_like(g), "definite"
    if live.any():
        model = g[live], H[np.ix_(live, live)], d[live], lambda_int / 2
        eta[live], case = _minimise(*model)
        if case != "hard":
            eta[live] = _refined(*model, eta[live])
    return _certified(g, H, d, lambda_int / 2, eta=eta, case=case)


def _checked(g, H, d, lambda_int: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The data in float64; with λ = 0 there is no cubic term."""
    if not (isinstance(lambda_int, int | float) and 0 <= lambda_int < math.inf):
        raise ValueError(f"lambda_int must be finite and not negative, got {lambda_int}")
    if d is None and lambda_int:
        raise ValueError(f"without third derivatives there is no cubic term: lambda_int=0, got {lambda_int}")
    g, H = (torch.as_tensor(v).detach().cpu().double().numpy() for v in (g, H))
    d = torch.as_tensor(d).detach().cpu().double().numpy() if lambda_int else np.zeros_like(g)
    if g.ndim != 1 or H.shape != 2 * g.shape or d.shape != g.shape:
        raise ValueError(
            f"expected shapes (S,), (S, S) and (S,), got {g.shape}, {H.shape} and {d.shape} for g, H and d"
        )
    for name, value in (("g", g), ("H", H), ("d", d)):
        if not np.isfinite(value).all():
            raise ValueError(f"{name} must be finite, got {value}")
    if (d < 0).any():
        raise ValueError(f"d must not be negative, got {d}: take anisotropy(d3)")
    if np.abs(H - H.T).max(initial=0) > 1e-6 * np.abs(H).max(initial=0):
        raise ValueError("H must be symmetric")
    return g, (H + H.T) / 2, d


def _minimise(g, H, d, c: float) -> tuple[np.ndarray, str]:
    """η and the case, the groups without a cubic term eliminated first (by their Schur complement)."""
    flat = d == 0
    eta = np.zeros_like(g)
    if flat.any():
        solve = _definite_solver(H[np.ix_(flat, flat)])
        if flat.all():
            return solve(g), "definite"
        across = H[np.ix_(flat, ~flat)]
        g_rest = g[~flat] - across.T @ solve(g[flat])
        H_rest = H[np.ix_(~flat, ~flat)] - across.T @ solve(across)
        eta[~flat], case = _regular(g_rest, H_rest, d[~flat], c)
        eta[flat] = solve(g[flat] - across @ eta[~flat])
        return eta, case
    return _regular(g, H, d, c)


def _definite_solver(H: np.ndarray):
    """``x ↦ H⁻¹x`` if H is positive definite, decided on the matrix scaled to a unit diagonal."""
    diagonal = np.diag(H)
    if (diagonal > 0).all():
        scale = np.sqrt(diagonal)
        unit = H / np.outer(scale, scale)
        if np.linalg.eigvalsh(unit)[0] > len(H) * EPS:
            factor = cho_factor(unit)
            return lambda x: (cho_solve(factor, (x.T / scale).T).T / scale).T
    raise InfeasibleModel(
        "the model has no minimiser: H is not positive definite on the groups that have no cubic term"
        " (λ = 0, or a third derivative that is 0)"
    )


def _regular(g, H, d, c: float) -> tuple[np.ndarray, str]:
    r"""η and the case, all :math:`d_s > 0`: in the basis of the eigenvectors of :math:`K = D^{-1}HD^{-1}`.

    With :math:`K = Q\,\mathrm{diag}(\kappa)\,Q^\top` and :math:`b = Q^\top D^{-1}g`, the radius solves
    :math:`\lVert b / (\kappa + c r)\rVert = r` with :math:`\kappa + c r \ge 0`. The unknown is the shift
    :math:`t = c r - \sigma`, :math:`\sigma = \max(0, -\kappa_{\min})`: near the pole r itself would cancel.
    """
    kappa, Q = np.linalg.eigh(H / d[:, None] / d)
    b = Q.T @ (g / d)
    sigma = max(0.0, -kappa[0])
    shifted = np.maximum(kappa + sigma, 0.0)
    lowest = shifted <= shifted[0] + len(d) * EPS * np.abs(kappa).max()
    case = "definite" if kappa[0] > 0 else "indefinite"
    if case == "indefinite" and np.linalg.norm(b[lowest]) <= len(d) * EPS * np.linalg.norm(b):
        b = np.where(lowest, 0.0, b)
        z, radius = _ratio(b, np.where(lowest, 1.0, shifted)), sigma / c
        if np.linalg.norm(z) < radius:
            v = Q[:, 0]
            z[0] = math.copysign(math.sqrt(radius**2 - z @ z), v[np.abs(v).argmax()])
            return Q @ z / d, "hard"
    t = _secular_root(shifted, b, sigma, c)
    return Q @ _ratio(b, shifted + t) / d, case


def _ratio(b: np.ndarray, x: np.ndarray) -> np.ndarray:
    """The quotient b / x, and 0 where b is."""
    return np.divide(b, x, out=np.zeros_like(b), where=b != 0)


def _secular_root(shifted: np.ndarray, b: np.ndarray, sigma: float, c: float) -> float:
    r"""The t ≥ 0 with :math:`\lVert b/(\kappa' + t)\rVert = (t + \sigma)/c`: Brent's method, then Newton's.

    The norm on the left lies between each :math:`|b_i|/(\kappa_i' + t)` and
    :math:`\lVert b\rVert/(\kappa_1' + t)`; with these in its place the equation is quadratic, which gives the
    bracket.
    """
    if not b.any():
        return 0.0
    some = b != 0
    low = max(
        _positive_root(k + sigma, k * sigma - c * abs(e)) for k, e in zip(shifted[some], b[some], strict=True)
    )
    high = _positive_root(shifted[0] + sigma, shifted[0] * sigma - c * np.linalg.norm(b))

    def gap(t: float) -> float:  # in this form nearly linear in t, and finite at the pole
        return (t + sigma) / c / np.linalg.norm(_ratio(b, shifted + t)) - 1 if t + sigma else -1.0

    low, high = low * (1 - 8 * EPS), high * (1 + 8 * EPS)
    if not gap(low) < 0 < gap(high):  # the bracket is the root, to rounding
        return low if abs(gap(low)) <= abs(gap(high)) else high
    t = brentq(gap, low, high, xtol=low * EPS + np.finfo(float).tiny, rtol=4 * EPS)
    for _ in range(2):
        x = _ratio(b, shifted + t)
        norm = np.linalg.norm(x)
        slope = (1 + (t + sigma) * (x @ _ratio(x, shifted + t)) / norm**2) / c / norm
        better = t - gap(t) / slope
        if not (low <= better <= high and abs(gap(better)) < abs(gap(t))):
            break
        t = better
    return float(t)


def _positive_root(p: float, q: float) -> float:
    """The largest root of t² + p t + q, p ≥ 0; 0 if it is negative."""
    return max(0.0, -2 * q / (p + math.sqrt(max(p * p - 4 * q, 0.0)))) if q < 0 else 0.0


def _refined(g, H, d, c: float, eta: np.ndarray) -> np.ndarray:
    """η after Newton steps on the radius that solve with M(r) itself, where it is safely definite.

    Scales d that differ by orders of magnitude cost the eigenvectors of K as many digits; M does not mind.
    """
    for _ in range(4):
        radius = np.linalg.norm(d * eta)
        try:
            solve = _definite_solver(H + c * radius * np.diag(d**2))
            x = solve(g)
            if (norm := np.linalg.norm(d * x)) > 0:
                slope = -c * (d**2 * x) @ solve(d**2 * x) / norm
                radius += (norm - radius) / (norm / radius - slope)  # Newton on r / ‖Dη(r)‖, nearly linear
                x = _definite_solver(H + c * radius * np.diag(d**2))(g)
                _definite_solver(H + c * np.linalg.norm(d * x) * np.diag(d**2))
        except InfeasibleModel:
            return eta
        if not _residual(g, H, d, c, x) < _residual(g, H, d, c, eta):
            return eta
        eta = x
    return eta


def _residual(g, H, d, c: float, eta: np.ndarray) -> float:
    """The residual of :class:`CubicStep`."""
    cubic = c * np.linalg.norm(d * eta) * d**2
    size = np.abs(H) @ np.abs(eta) + cubic * np.abs(eta) + np.abs(g)
    return float(_ratio(np.abs(H @ eta + cubic * eta - g), size).max())


def _certified(g, H, d, c: float, *, eta: np.ndarray, case: str) -> CubicStep:
    """The step with the quantities that show that it is a minimiser."""
    radius = float(np.linalg.norm(d * eta))
    return CubicStep(
        eta=torch.from_numpy(eta),
        radius=radius,
        residual=_residual(g, H, d, c, eta),
        min_eigenvalue=float(np.linalg.eigvalsh(H + c * radius * np.diag(d**2))[0]),
        decrease=float(g @ eta - eta @ H @ eta / 2 - c / 3 * radius**3),
        case=case,
    )
