"""C1, C2 and C7: how fast Gauss-Newton is, and what the speed costs."""

import pandas as pd

from startright.checks import Check, each_between, every, mean_between, ratio_between
from startright.claims import Measurement
from startright.papers.gauss_newton import readings
from startright.papers.gauss_newton.changes import by_interval, changed, restored, unexplained
from startright.papers.gauss_newton.dual import predicted_steps
from startright.papers.gauss_newton.readings import END, KERNEL_SCALE, MEDIUM, SLOW, Records, at, by_seed
from startright.papers.gauss_newton.studies import GRID, SPEED
from startright.statements import Claims

COMPARED = (("gauss-newton", SLOW), ("gradient", None))  # methods with their steps: descent has one
DESCENT, NEWTON = "gradient descent", "Gauss-Newton for gradient descent"
DAMPED, FROZEN = "damping by the mean eigenvalue", "gradient descent with a frozen hidden layer"

claim = Claims("gauss_newton", page="curvature/gauss-newton")


# --- C1: against a law ----------------------------------------------------------------------


@claim(
    "C1",
    "Gauss-Newton converges linearly at a rate free of the conditioning of the tangent kernel.",
    "none available (a figure)",
    GRID,
    SPEED,
    anchor="fig-gauss-newton-rate",
    locator="the theorem on convergence and a figure, numbers not known to us",
    changes=(
        unexplained("law, τ₀ ≤ 1", "within 3 %", "the mean of all within 5 %"),
        restored("law, τ₀ ≤ 1", "the mean of all within 5 %", "from each scale within 3 %"),
        unexplained("law, τ₀ = 10", "within 10 %", "not checked"),
        restored("law, τ₀ = 10", "not checked", "within 10 %"),
        by_interval(
            "rates at the end over the first", "in every run", "the mean of teachers, from each scale"
        ),
        changed(
            "conditioning at the start",
            "2 decades between scales, a check",
            "a description",
            "it is a property of the start: no method can fail it",
        ),
    ),
)
def measure_rate(records: Records) -> Measurement:
    """C1: iterations, against a law that does not know the kernel."""
    grid, speed = records[GRID.name], records[SPEED.name]
    law, bound = predicted_steps(SLOW), predicted_steps(SLOW / 2)
    steps = {scale: by_seed(grid, "steps_8", scale=scale, rate=SLOW) for scale in readings.scales(grid)}
    usual = {at(scale): count / law for scale, count in steps.items() if scale <= 1}
    within = f"from τ₀ ≤ 1, the iterations are within 3 % of the {law:.0f} of the law, as a ratio"
    kernel, near = steps[KERNEL_SCALE] / law, "from τ₀ = 10, they are within 10 % of it"
    bounded = (pd.DataFrame(steps) <= bound).to_numpy()
    text = f"no run at any scale takes more than the bound of the theorem, {bound:.0f}"
    newton, descent = (readings.paces(speed, method, rate) for method, rate in COMPARED)
    pace = "Gauss-Newton ends above half of its first rate, as the theorem says"
    slowing = "gradient descent ends below a fifth of its first rate"
    decades = readings.conditioning_decades(grid)
    differs = f"the conditioning at the start differs between scales by 2 decades or more: {decades:.1f}"
    checks = (
        each_between(within, usual, above=0.97, below=1.03, control=DAMPED),
        mean_between(near, kernel, above=0.9, below=1.1, control=DAMPED),
        every(text, bounded.ravel(), n=len(bounded), control=DESCENT),
        ratio_between(pace, newton, above=0.5, control=DESCENT),
        ratio_between(slowing, descent, below=0.2, control=NEWTON),
        Check(differs, decades >= 2),  # what makes the law worth a check
    )
    quantity = f"iterations to 10⁻⁸ of the loss at λ/N = {SLOW}, τ₀ ≤ 1 (law: {law:.0f})"
    values = law * pd.DataFrame(usual).mean(axis=1, skipna=False)
    return Measurement.of(quantity, values, checks, note=readings.both_sizes(grid, speed))


# --- C2: against gradient descent -----------------------------------------------------------


@claim(
    "C2",
    "Gauss-Newton is consistently faster than gradient descent.",
    "none available (a figure)",
    SPEED,
    anchor="fig-gauss-newton-speed",
    locator="a figure, number not known to us",
    changes=(
        by_interval(
            "iterations of gradient descent over those of Gauss-Newton",
            "above 1 and 5 in every run",
            "the mean of teachers, from each scale",
        ),
    ),
)
def measure_speed(records: Records) -> Measurement:
    """C2: iterations to 10⁻⁴ of the first loss.

    A run of gradient descent that does not come so far counts with its budget, which is too few.
    """
    speed = records[SPEED.name]
    budget, first = readings.budget(speed), min(readings.scales(speed))
    theirs = {s: by_seed(speed, "steps_4", method="gradient", scale=s) for s in readings.scales(speed)}

    def factors(rate: float) -> dict[str, pd.Series]:
        ours = {s: by_seed(speed, "steps_4", scale=s, rate=rate) for s in theirs}
        return {at(s): readings.log_ratio(theirs[s].fillna(budget), steps) for s, steps in ours.items()}

    newton = [r for r in speed if r.config["method"] == "gauss-newton" and r.config["rate"] in (MEDIUM, SLOW)]
    arrived = [r.status == "ok" and END in r.metrics for r in newton]
    text = "Gauss-Newton with λ/N = 0.1 and 0.02 reaches 10⁻⁸ in every run"
    slower = "iterations of gradient descent to 10⁻⁴ over those at λ/N = "
    checks = (
        every(text, arrived, n=len({r.seed for r in newton}), control=DESCENT),
        ratio_between(f"{slower}0.02, above 1", factors(SLOW), above=1, control=DESCENT),
        ratio_between(f"{slower}0.1, above 5", factors(MEDIUM), above=5, control=DESCENT),
    )
    missing = int(theirs[first].isna().sum())
    note = f"{readings.size(speed)}; iterations, not seconds"
    if missing:
        runs = "one run" if missing == 1 else f"{missing} runs"
        note += f"; {runs} of gradient descent from {at(first)} did not arrive in {budget}"
    quantity = f"iterations of gradient descent over those at λ/N = 0.1, to 10⁻⁴, {at(first)}, in decades"
    return Measurement.of(quantity, factors(MEDIUM)[at(first)], checks, note=note)


# --- C7: the trade-off ----------------------------------------------------------------------


@claim(
    "C7",
    "Where features are learnt, gradient descent generalises best; it is only slow.",
    "none available (a figure)",
    SPEED,
    anchor="fig-gauss-newton-trade-off",
    locator="version 1, text; place not known to us",
    changes=(
        by_interval(
            "test losses at λ/N = 0.02",
            "above 1 for every teacher, and above 2 on average",
            "the mean above 2, by its interval",
        ),
        changed(
            "features of Gauss-Newton",
            "not checked",
            "its units turn towards the teacher's",
            "all other checks could hold with a frozen hidden layer",
        ),
    ),
)
def measure_trade_off(records: Records) -> Measurement:
    """C7: test loss of gradient descent against the best of Gauss-Newton, τ₀ = 0.1."""
    speed = records[SPEED.name]
    losses = pd.DataFrame({rate: readings.loss(speed, 0.1, rate) for rate in readings.rates(speed)})
    gradient, theirs = (
        by_seed(speed, name, method="gradient", scale=0.1) for name in ("test_loss", "weighted_cka")
    )
    slow, best = (readings.log_ratio(ours, gradient) for ours in (losses[SLOW], losses.min(axis=1)))
    nearer = theirs - by_seed(speed, "weighted_cka", scale=0.1, rate=SLOW)
    text = "test loss of Gauss-Newton at λ/N = 0.02 over that of gradient descent, above 2"
    steps = "test loss at the best of all steps over that of gradient descent, above 1"
    cka = "weighted CKA of gradient descent less that of Gauss-Newton at λ/N = 0.02, above 0"
    turned = (
        "Gauss-Newton at λ/N = 0.02 learns features as well: the distance of its units to the teacher's,"
        " at the end less that after the first step, below 0"
    )
    moved = readings.rise(speed, "unit_distance", 0.1, SLOW)
    checks = (
        ratio_between(text, slow, above=2, control=FROZEN),
        ratio_between(steps, best, above=1, control=FROZEN),
        mean_between(cka, nearer, above=0, control=FROZEN),
        mean_between(turned, moved, below=0, control="frozen hidden layer"),
    )
    quantity = "test loss of Gauss-Newton (λ/N = 0.02) over that of gradient descent, τ₀ = 0.1, in decades"
    note = f"{readings.size(speed)}; gradient descent after {readings.budget(speed)} iterations,"
    return Measurement.of(quantity, slow, checks, note=f"{note} at a higher training loss")
