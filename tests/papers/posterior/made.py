"""Records of temperatures made up to have a known optimum."""

import numpy as np

from startright.papers.posterior import studies
from startright.studies import Outcome, Record


def records(*, best=-1.5, shift=-0.5, twice=0.0, drift=0.3, noise=0.02, jitter=0.0):
    """The quick grid with a loss that is a parabola of log₁₀ τ, its least at the optimum."""
    made = []
    for run in studies.TEMPERATURE.runs("quick"):
        c, rng = run.config, np.random.default_rng(run.seed)
        own = noise * rng.standard_normal()  # of the seed: what is compared is paired
        moved = {"none": 0.0, "shift": shift, "twice": twice}[c.augment]
        own_cell = np.random.default_rng([run.seed, c.count, "nst".index(c.augment[0])])
        moved += jitter * own_cell.standard_normal()  # of a cell: what is compared differs
        at = best + moved + drift * np.log10(c.count / 300) * (1 + own)
        loss = 0.3 + (np.log10(c.temperature) - at - own * (1 + moved)) ** 2
        metrics = {"nll": loss, "mean_nll": loss + 0.01, "accuracy": 0.9, "mean_accuracy": 0.9, "kl": 1.0}
        if c.augment == "shift":
            metrics["correlation"] = 0.4
        made.append(Record.of(run, Outcome(metrics), profile="quick"))
    return made
