r"""What a network has learnt: its losses, its features refitted, and how near they are to the teacher's.

Source:
    M. Arbel, R. Menegaux and P. Wolinski, NeurIPS 2023; for centred kernel alignment, S.
    Kornblith et al., *Similarity of neural network representations revisited*, ICML 2019. The weights of
    the paper's own measure are not printed: the weighted alignment here multiplies each feature by its
    output weight.
"""

import torch
from torch import Tensor

from startright.papers.gauss_newton.network import MeanField, gram, read_out
from startright.papers.gauss_newton.task import Task

CUT_OFF = 1e-10
ALIGNED = 1000  # test points on which features are compared
CHUNK = 1000  # test points at a time


def half_mean_square(residual: Tensor) -> Tensor:
    r"""The loss :math:`\frac1{2N}\sum_n r_n^2`, (…), of residuals (…, N)."""
    return residual.square().mean(-1) / 2


def refit(features: Tensor, y: Tensor, cut_off: float = CUT_OFF) -> Tensor:
    r"""Output weights that fit ``y`` with the least norm on frozen features.

    With :math:`K = \Phi\Phi^\top/M^2`, the weights are :math:`v = \Phi^\top K^+ y / M`, where eigenvalues
    of K below ``cut_off`` times the largest are dropped.

    Args:
        features: Φ, (…, N, M).
        y: targets, (…, N).
        cut_off: relative to the largest eigenvalue. For a small initial scale the features are nearly
            polynomials of low degree, and K is singular to the last digit.

    Returns:
        v, (…, M).
    """
    width = features.shape[-1]
    values, vectors = torch.linalg.eigh(gram(features) / width**2)
    kept = values > cut_off * values[..., -1:]
    inverse = torch.where(kept, 1 / values, 0.0)
    dual = vectors @ (inverse[..., None] * (vectors.mT @ y[..., None]))
    return (features.mT @ dual).squeeze(-1) / width


def linear_cka(f: Tensor, g: Tensor) -> Tensor:
    r"""Linear centred kernel alignment of two sets of features of the same points.

    .. math:: \frac{\lVert F^\top G\rVert^2}{\lVert F^\top F\rVert\,\lVert G^\top G\rVert}

    with centred columns and Frobenius norms: 1 if the features agree up to a rotation and a factor.

    Args:
        f: (…, n, p).
        g: (…, n, q).

    Returns:
        Values from 0 to 1, (…).
    """
    f, g = (features - features.mean(-2, keepdim=True) for features in (f, g))
    cross = (f.mT @ g).square().sum((-2, -1))
    return cross / (_gram_norm(f) * _gram_norm(g))


def _gram_norm(f: Tensor) -> Tensor:
    """‖FᵀF‖ = ‖FFᵀ‖, from the smaller of the two."""
    return torch.linalg.matrix_norm(gram(f if f.shape[-2] <= f.shape[-1] else f.mT))


def weighted_cka(f: Tensor, v: Tensor, g: Tensor, v_teacher: Tensor) -> Tensor:
    r"""Linear CKA of the features as the outputs see them: columns times :math:`|v_i|` and :math:`|v^*_j|`.

    Args:
        f: features of the student, (…, n, M).
        v: its output weights, (…, M).
        g: features of the teacher, (…, n, m).
        v_teacher: its output weights, (…, m).
    """
    return linear_cka(f * v.abs()[..., None, :], g * v_teacher.abs()[..., None, :])


def distance_to_units(u: Tensor, units: Tensor) -> Tensor:
    r"""How far the hidden weights are in direction from the nearest of ``units``, the authors' own measure.

    .. math:: \sum_i \frac{\lVert u_i\rVert^2}{\sum_k\lVert u_k\rVert^2}\,
        \min_j \sqrt{2\bigl(1-\cos(u_i, u^*_j)\bigr)}.

    Args:
        u: hidden weights, (…, M, d).
        units: the directions to be found, (…, m, d).

    Returns:
        From 0 (every unit points as some unit of the teacher) to 2, (…).
    """
    unit, other = (torch.nn.functional.normalize(t, dim=-1) for t in (u, units))
    nearest = (2 * (1 - (unit @ other.mT).amax(-1))).clamp_min(0).sqrt()
    weights = u.square().sum(-1)
    return (weights * nearest).sum(-1) / weights.sum(-1)


def _test_losses(net: MeanField, refitted: Tensor, task: Task) -> tuple[Tensor, Tensor]:
    """Test loss of the network and of its features refitted, some points at a time."""
    total = [0.0, 0.0]
    for x, y in zip(task.x_test.split(CHUNK, -2), task.y_test.split(CHUNK, -1), strict=True):
        features = net.features(x)
        for k, v in enumerate((net.v, refitted)):
            total[k] = total[k] + (read_out(features, v) - y).square().sum(-1)
    return tuple(each / (2 * task.y_test.shape[-1]) for each in total)


def evaluate(net: MeanField, task: Task) -> dict[str, Tensor]:
    """What is logged of a stack of networks, each a tensor with one number a run.

    Returns:
        ``test_loss``; ``refit_train``, ``refit_test`` after the output layer is refitted; ``cka``,
        ``weighted_cka`` on the first 1000 test points (0 while all output weights are 0); ``unit_distance``.
    """
    features = net.features(task.x)
    refitted = refit(features, task.y)
    refit_train = half_mean_square(read_out(features, refitted) - task.y)
    test, refit_test = _test_losses(net, refitted, task)
    x = task.x_test[..., :ALIGNED, :]
    ours, theirs = net.features(x), task.teacher.features(x)
    return {
        "test_loss": test,
        "refit_train": refit_train,
        "refit_test": refit_test,
        "cka": linear_cka(ours, theirs),
        "weighted_cka": weighted_cka(ours, net.v, theirs, task.teacher.v).nan_to_num(0.0),
        "unit_distance": distance_to_units(net.u, task.teacher.u),
    }
