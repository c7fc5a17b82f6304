"""What the chapter says first, in words: the page explains its symbols below."""

from collections.abc import Sequence

from startright.measured import Finding, finding, needs_records
from startright.papers.gauss_newton.findings import NO_RUN, loss_word, pace
from startright.papers.gauss_newton.readings import (
    FULL,
    SLOW,
    SMALL_SCALES,
    at_fraction,
    metric,
    refit_curves,
)
from startright.papers.gauss_newton.tables import Ratio
from startright.studies import Record

Records = Sequence[Record]


@needs_records
def keeps_its_pace(speed: Records) -> Finding:
    """C1: the rate at the end over that at the start, of both methods."""
    newton, gradient = pace(speed)
    text = f"""
        Near the end of a training, the logarithm of the loss falls at {newton.times("its first rate")}
        with Gauss-Newton, and at {gradient.times("its first rate")} with gradient descent."""
    return finding(text, speed, newton=newton.contrast, gradient=gradient.contrast)


@needs_records
def step_decides(grid: Records) -> Finding:
    """C4: what a full step costs at an equal fit, where hidden weights start small."""
    full, slow = (
        metric(grid, "test_loss", method="gauss-newton", scale=SMALL_SCALES[-1], rate=rate)
        for rate in (FULL, SLOW)
    )
    ratio = Ratio.of(full, slow)
    text = f"""
        What is learnt depends on the step: students whose hidden weights start small and that fit
        equally well are {loss_word(ratio)} those of small steps if they took full ones, at
        {ratio.times("their test loss")}. (A full step aims to remove the whole error at once, a small
        one a {round(1 / SLOW)}th of it.)"""
    return finding(text, grid, ratio=ratio.contrast)


@needs_records
def features_first(grid: Records) -> Finding:
    """C5: what a refit of the output layer is worth half-way."""
    curves = refit_curves(grid)
    if curves is None:
        return finding(NO_RUN, grid)
    half = at_fraction(curves, 1 / 2).set_index("seed")
    hidden = Ratio.of(half["test_loss"], half["refit_test"])
    lead = ("Whether features come first is open", "Features come first", "Features come last")
    text = f"""
        {lead[hidden.contrast.sign()]}: when about half of the training loss is left after small steps,
        a refit of the output layer alone divides the test loss by {hidden.factor()}."""
    return finding(text, grid, hidden=hidden.contrast)
