"""Sentences of the chapter that report a result: records in, findings out."""

from collections.abc import Sequence

import numpy as np

from startright.measured import Contrast, Finding, Measured, finding, needs_records
from startright.papers.residual import readings
from startright.papers.residual.studies.alignment import LAYERS
from startright.studies import Record

Records = Sequence[Record]


@needs_records
def branches(records: Records) -> Finding:
    """What small branches do to the likeness of neighbouring slopes."""
    whole, small = (readings.likeness(records, "residual", True, beta)["lag_1_at_50"] for beta in (1.0, 0.1))
    facts = {
        "whole": Measured.of(whole, 2),
        "small": Measured.of(small, 2),
        "gap": Contrast.paired(small, whole),
    }
    word = facts["gap"].word("below", "above", "level with", margin=0.02)
    text = f"""
        At fifty layers the autocorrelation at lag 1 is {facts["small"]} with β = 0.1, {word} the
        {facts["whole"]} with β = 1 (n = {facts["whole"].n})."""
    return finding(text, records, **facts)


@needs_records
def assumption(records: Records) -> Finding:
    """Sampled gradients of two inputs against what is exact and what is assumed."""
    off = max(abs(float(np.mean(v))) for v in readings.off_exact(records, LAYERS).values())
    runs = [r for r in records if (r.config["kind"], r.config["angle"]) == ("plain", 10.0)]
    last = LAYERS[-1]
    sampled = Measured.of([r.metrics[f"correlation_{last}"] for r in runs], 2)
    exact, assumed = (values[last - 1] for values in readings.correlations(runs[0]))
    text = f"""
        The mean correlations lie within {np.ceil(100 * off) / 100:.2f} of the exact ones. For inputs ten
        degrees apart, {last} layers without skips leave {sampled} (n = {sampled.n}); exact is
        {exact:.2f}, and the assumption says {assumed:.3f}."""
    return finding(text, records, sampled=sampled)


@needs_records
def convolutional(records: Records) -> Finding:
    """Delta-orthogonal weights against Gaussian ones of the same variance, fifty convolutions of tanh."""
    found = readings.accuracies(records, 1e-3)
    if "delta-orthogonal" not in found:
        return finding("", [])
    ours, theirs = found["delta-orthogonal"], found["gaussian"]
    gap = Contrast.paired(ours, theirs)
    word = gap.word("behind", "ahead of", margin=0.5)
    text = f"""
        Fifty convolutions of tanh reach {Measured.of(ours, 1)} % from a delta-orthogonal start, {word} the
        {Measured.of(theirs, 1)} % from Gaussian weights of the same variance (n = {gap.n})."""
    return finding(text, records, gap=gap)


@needs_records
def bends(records: Records) -> Finding:
    """The part of the plane where the surface bends down, with skips and without."""
    found, said, facts = readings.by_skip(records, "nonconvex"), [], {}
    for depth in readings.depths(records):
        gap = facts[f"{depth} layers"] = Contrast.paired(found[depth, False], found[depth, True])
        words = (f"is {word} without skips" for word in ("less", "more", "as much"))
        what = gap.word(*words, unknown="cannot be told apart")
        shares = [f"{100 * found[depth, skip].mean():.0f} %" for skip in (False, True)]
        said.append(f"{shares[0]} without and {shares[1]} with skips at {depth} layers, which {what}")
    text = f"""
        Of the points of the plane, the surface bends down in some direction at {"; at ".join(said)}
        (n = {gap.n})."""
    return finding(text, records, **facts)
