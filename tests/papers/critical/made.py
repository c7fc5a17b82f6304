"""Records made up to have known gaps and a known course of the Fisher information."""

import numpy as np

from startright.papers.critical import studies
from startright.papers.critical.experiment import probe_epochs
from startright.studies import Outcome, Record

BASE = 97.5
LAYERS = ("features.0", "features.1", "features.3", "features.4", "classifier")


def made(study, lost, profile="quick", noise=0.01):
    """The grid with accuracies that miss the control's by ``lost(config)`` points."""
    records = []
    for run in study.runs(profile):
        own = noise * np.random.default_rng(run.seed).standard_normal()
        missed = 0.0 if run.config.deficit == "none" else lost(run.config) * (1 + own)
        points = -(-run.config.epochs // run.config.every)
        curves = {"accuracy": np.linspace(20, BASE - missed, points).tolist()}
        metrics = {"accuracy": BASE + own - missed, "test_loss": 0.1, "train_loss": 0.1}
        records.append(Record.of(run, Outcome(metrics, curves), profile=profile))
    return records


def removal(profile="full", *, blur=3.0, others=0.0, noise=1.0, restart=0.5, reverse=False):
    """Gaps that grow with t₀ to the given points; reversed in time they shrink."""

    def lost(config):
        most = {"blur": restart if config.restart else blur, "noise": noise}.get(config.deficit, others)
        last = max(c.stop for c in studies.REMOVAL.grid(profile))
        share = config.stop / last
        return most * (1.5 - share if reverse else share)

    return made(studies.REMOVAL, lost, profile)


def window(profile="quick", *, early=3.0, late=0.0):
    """Gaps that go from ``early`` to ``late`` with the onset."""
    last = max(c.start for c in studies.WINDOW.grid(profile))
    return made(studies.WINDOW, lambda c: early + (late - early) * c.start / last, profile)


def decay(profile="quick", *, without=3.0, least=2.0):
    """Gaps without weight decay, and with some."""
    last = max(c.stop for c in studies.DECAY.grid(profile))
    most = {0.0: without, 5e-4: least}
    return made(studies.DECAY, lambda c: most[c.weight_decay] * c.stop / last, profile)


def fisher(profile="quick", *, peak=300.0, clean=60.0, blur=90.0, gain=3.0):
    """Traces that begin at 1, and end where they are told to."""
    records = []
    for run in studies.FISHER.runs(profile):
        own = np.exp(0.05 * np.random.default_rng(run.seed).standard_normal())
        end = blur if run.config.deficit == "blur" else clean
        epochs = probe_epochs(run.config.epochs)
        trace = own * np.interp(epochs, [0, 6, run.config.epochs], [1.0, peak, end])
        accuracy = np.linspace(BASE - gain, BASE, run.config.epochs)
        metrics = {
            "accuracy": BASE,
            "accuracy_at_peak": BASE - gain * own,
            "test_loss": 0.1,
            "train_loss": 0.1,
            "fisher_first": trace[0],
            "fisher_peak": trace.max(),
            "fisher_last": trace[-1],
            "peak_epoch": float(epochs[int(trace.argmax())]),
        }
        parts = {f"fisher_{layer}": (trace / len(LAYERS)).tolist() for layer in LAYERS}
        curves = {"accuracy": accuracy.tolist(), "fisher": trace.tolist(), "fisher_epoch": epochs} | parts
        records.append(Record.of(run, Outcome(metrics, curves), profile=profile))
    return records
