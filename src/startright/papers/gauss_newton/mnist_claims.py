"""C8: beyond the synthetic task, on the parity of digits."""

import pandas as pd

from startright.checks import ratio_between
from startright.claims import Measurement
from startright.papers.gauss_newton import readings
from startright.papers.gauss_newton.changes import by_interval
from startright.papers.gauss_newton.readings import Records, at, by_seed, log_ratio
from startright.papers.gauss_newton.studies.mnist import LARGE_SCALE, MNIST, RATES, SMALL_SCALES
from startright.statements import Claims

claim = Claims("gauss_newton", page="curvature/gauss-newton")


@claim(
    "C8",
    "The findings extend beyond the synthetic task, to MNIST.",
    "none available (a figure)",
    MNIST,
    anchor="sec-gauss-newton-mnist",
    locator="Appendix C.4",
    changes=(by_interval("all", "ratios of means", "means of ratios within a seed"),),
)
def measure_mnist(records: Records) -> Measurement:
    """C8: the findings of the synthetic task, one check each, on the parity of digits.

    The value is the test loss of full steps over that of small ones, at the same relative training loss and
    τ₀ = 0.1, over the seeds.
    """
    runs = records[MNIST.name]

    def loss(scale: float, rate: float) -> pd.Series:
        return by_seed(runs, "test_loss", scale=scale, rate=rate, needs="hundredth_steps")

    def newton(name: str) -> pd.Series:
        return by_seed(runs, name, scale=1.0, rate=RATES[-1])

    def descent(name: str) -> pd.Series:
        return by_seed(runs, name, method="gradient", scale=1.0)

    gains = {at(s): log_ratio(loss(s, RATES[0]), loss(s, RATES[-1])) for s in SMALL_SCALES}
    arrived = descent("hundredth_steps").fillna(readings.budget(runs))
    slower = log_ratio(arrived, newton("hundredth_steps"))
    there = "at a relative training loss of"
    step = "the test loss of full steps over that of λ_eff = 0.02 is above 1.2, from τ₀ = 0.1 and 1"
    kernel = "τ₀ = 10: the largest test loss of the three steps is below 1.2 times the smallest"
    speed = "τ₀ = 1: steps of gradient descent to a relative training loss of 1/100 over those of"
    speed += " Gauss-Newton at λ_eff = 0.02, above 1"
    refit = f"τ₀ = 1, λ_eff = 0.02, {there} 1/8: the test loss over that after a refit is above 1"
    descends = f"τ₀ = 1, {there} 1/100: the test loss of Gauss-Newton at λ_eff = 0.02 over"
    descends += " that of gradient descent is above 1"
    hidden = log_ratio(newton("eighth_test_loss"), newton("eighth_refit_loss"))
    losses = log_ratio(newton("hundredth_test_loss"), descent("hundredth_test_loss"))
    alike = readings.log_range({rate: loss(LARGE_SCALE, rate) for rate in RATES})
    checks = (
        ratio_between(step, gains, above=1.2, control="the same step for all"),
        ratio_between(kernel, alike, below=1.2, control="a small initial scale"),
        ratio_between(speed, slower, above=1, control="gradient descent"),
        ratio_between(refit, hidden, above=1, control="frozen hidden layer"),
        ratio_between(descends, losses, above=1, control="gradient descent with a frozen hidden layer"),
    )
    quantity = "test loss of full steps over that of λ_eff = 0.02, parity of digits, τ₀ = 0.1"
    note = "parity of a small part of the data, our own set-up; that of the paper is not known to us"
    return Measurement.of(quantity, 10 ** gains["τ₀ = 0.1"], checks, comparable=False, note=note)
