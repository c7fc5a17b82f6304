"""Claims C14 to C16, on variational networks trained on images; the set-ups are not those of the papers."""

from startright.checks import Check, each_between, mean_between
from startright.claims import Change, Measurement
from startright.papers.posterior import readings, studies
from startright.papers.posterior.readings import COLD, Records
from startright.papers.posterior.tempering import effective_copies
from startright.statements import Claims

REVERSED = "temperatures reversed"
EXCHANGED = "augmentations exchanged"
STEP = 0.15  # of log₁₀ τ: half of what counting each point twice would move the optimum

BOUND = Change(
    "seeds with the best temperature at an end of the grid",
    "counted with the end as their best",
    "left out where the end is all that is known, with both augmentations or at some N",
    "a bound is no value; the quick grid of digits ends too early for many seeds",
    "2026-11-27",
)

claim = Claims("posterior", page="depth/cold-posterior")


@claim(
    "C14",
    "Deep networks predict worse at T = 1 than at T far below 1, without other changes.",
    "ResNet-20 on CIFAR-10: accuracy about 0.86 to 0.88 at T = 1, about 0.93 to 0.95 cold (approximate)",
    studies.TEMPERATURE,
    anchor="fig-posterior-sweep",
    locator="Wenzel et al. 2020, figures; exact numbers not known to us",
)
def measure_cold(records: Records) -> Measurement:
    """C14: τ = 1 against a cold temperature laid down beforehand, and against no posterior at all."""
    runs = records[studies.TEMPERATURE.name]
    cold, means = readings.over_cold(runs), readings.over_cold(runs, means=True)
    text = f"τ = 1 predicts worse than τ = {COLD:g}: difference in nats above 0, every N, both augmentations"
    worse = f"τ = 1 predicts worse than the means of τ = {COLD:g} alone: difference in nats above 0"
    checks = (
        each_between(text, cold, above=0, control=REVERSED),
        each_between(worse, means, above=0, control=REVERSED),
    )
    largest = f"N = {max(readings.counts(runs))}, images {readings.WORDS['none']}"
    note = "mean-field variational networks under N(0, 1/fan-in), not samplers of ResNet-20"
    quantity = f"nats by which τ = 1 is worse than τ = {COLD:g}, {largest}"
    return Measurement.of(quantity, cold[largest], checks, comparable=False, note=note)


@claim(
    "C15",
    "Augmentation moves the best temperature towards cold.",
    "a sign; the papers disagree on whether it is the cause",
    studies.TEMPERATURE,
    anchor="fig-posterior-best",
    locator="Noci et al. 2021, Izmailov et al. 2021, Nabarro et al. 2021; sections not known to us",
    changes=(BOUND,),
)
def measure_augmentation(records: Records) -> Measurement:
    """C15: shifted images against images as they are; duplicates, which carry nothing new, as a check."""
    runs = records[studies.TEMPERATURE.name]
    shifted, twice = readings.shifts(runs, "shift"), readings.shifts(runs, "twice")
    colder = "shifted images: change of log₁₀ τ* below 0, every N"
    still = f"each image twice, counted once: change of log₁₀ τ* within {STEP:g} of 0"
    counted = "duplicates counted as data"
    checks = (
        each_between(colder, shifted, below=0, control=EXCHANGED),
        each_between(still, twice, above=-STEP, below=STEP, control=counted),
        _heuristic(runs),
    )
    largest, values = list(readings.shifts(runs, "shift", bounds=True).items())[-1]
    quantity = f"change of log₁₀ τ* by shifts of the images, {largest} (bounds included)"
    return Measurement.of(quantity, values, checks, comparable=False, note="our networks and data")


def _heuristic(runs: list) -> Check:
    """What correlated gradients would predict, described: the set-up has no number to be held against."""
    rho = readings.correlations(runs)
    predicted = {
        f"N = {n}": 1 / effective_copies(10**6, max(0.0, min(1.0, value))) for n, value in rho.items()
    }
    told = "; ".join(f"{name}: {value:.2f}" for name, value in predicted.items())
    return Check(f"1/K_eff of many shifts, by the correlation of their gradients: {told}", None)


@claim(
    "C16",
    "The best temperature moves with the number of data.",
    "unknown; a weak drift towards 1 is expected of small networks",
    studies.TEMPERATURE,
    anchor="fig-posterior-best",
    locator="an open question",
    changes=(BOUND,),
)
def measure_drift(records: Records) -> Measurement:
    """C16: the slope of log τ* over log N."""
    runs = records[studies.TEMPERATURE.name]
    text = "log₁₀ τ* rises with log₁₀ N, images as they are: slope above 0"
    control = "numbers of data exchanged"
    checks = (mean_between(text, readings.drift(runs), above=0, control=control),)
    quantity, note = "slope of log₁₀ τ* over log₁₀ N (bounds included)", "a question; our networks and data"
    slopes = readings.drift(runs, bounds=True)
    return Measurement.of(quantity, slopes, checks, comparable=False, note=note)
