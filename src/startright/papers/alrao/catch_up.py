"""Two models, of which the second becomes the better one late: how long do weights take to notice?

Source: T. van Erven, P. Grünwald and S. de Rooij, *Catching up faster in Bayesian model selection and model
averaging*, 2007.
"""

import numpy as np
import torch

from startright.papers.alrao.switch import Switch


def catch_up(gain: float, change: int, total: int, theta: float = 0.9999) -> dict[str, np.ndarray]:
    """Weight of model 2 after every outcome, by Switch and by Bayes' rule.

    Args:
        gain: nats by which an outcome is likelier under the better model.
        change: outcomes with model 1 the better one; then it is model 2.
        total: outcomes in all.
        theta: of :class:`~startright.alrao.switch.Switch`.

    Returns:
        ``"Switch"`` and ``"Bayes"``: weights, (total,).
    """
    second = np.where(np.arange(total) < change, -gain, 0.0)
    log_likelihoods = np.stack([-gain - second, second], 1)
    switch, weights = Switch(2, theta).double(), []
    for outcome in torch.from_numpy(log_likelihoods):
        switch.update(outcome)
        weights.append(float(switch.weights[1]))
    log_odds = np.cumsum(log_likelihoods[:, 0] - log_likelihoods[:, 1])
    return {"Switch": np.array(weights), "Bayes": 1 / (1 + np.exp(np.clip(log_odds, -700, 700)))}


def delay(weights: np.ndarray, change: int) -> int | None:
    """Outcomes after ``change`` until the weight exceeds one half; None if it does not.

    >>> [delay(catch_up(gain, 1000, 2200)["Switch"], 1000) for gain in (0.05, 0.2, 1.0)]
    [79, 27, 7]
    """
    above = np.flatnonzero(weights[change:] > 0.5)
    return int(above[0]) + 1 if len(above) else None
