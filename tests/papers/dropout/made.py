"""Records made up to have known effects of dropout."""

import numpy as np

from startright.papers.dropout import studies
from startright.studies import Outcome, Record


def metrics(*, norm=-0.05, distance=0.05, gdv=-0.05, noise=0.001):
    """The quick grid of the gradients; effects of dropout, the first two in powers of ten."""
    made = []
    for run in studies.METRICS.runs("quick"):
        rng, on = np.random.default_rng(run.seed), bool(run.config.rate)
        own = noise * np.random.default_rng([run.seed, on]).standard_normal()
        found = {
            "early_norm": 0.2 + rng.standard_normal() + on * norm + own,
            "early_distance": 0.5 + rng.standard_normal() + on * distance + own,
            "early_gdv": 0.3 + on * gdv + own,
            "early_gde": 0.2 + own,
        }
        made.append(Record.of(run, Outcome(found), profile="quick"))
    return {studies.METRICS.name: made}


def schedules(*, early=0.5, late=0.5, noise=0.01):
    """The quick grid of the schedules; effects in points of accuracy."""
    made = []
    for run in studies.SCHEDULES.runs("quick"):
        c = run.config
        effect = {("under", "dropout", "early"): early, ("over", "depth", "late"): late}.get(
            (c.regime, c.method, c.schedule), 0.0
        )
        own = noise * np.random.default_rng([run.seed, len(c.method), len(c.schedule)]).standard_normal()
        accuracy = 0.8 + run.seed / 50 + (effect + own) / 100
        found = {"test_accuracy": accuracy, "train_accuracy": 0.95, "test_loss": 0.5, "train_loss": 0.1}
        made.append(Record.of(run, Outcome(found), profile="quick"))
    return {studies.SCHEDULES.name: made}
