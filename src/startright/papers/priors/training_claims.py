"""Claims C6 to C8, on trained networks: how good the strength is that the theory gives."""

from collections.abc import Callable

import pandas as pd

from startright.checks import Check, each_between
from startright.claims import Measurement
from startright.papers.priors import published, readings, studies
from startright.papers.priors.readings import Records
from startright.statements import Claims

NOTE = "our network, images and schedule: the paper's are not known to us"
HALF = 0.25  # half a step of the grid of λ, in powers of 10
STRONG = "λ* by the training loss, without a penalty"
AT_THEORY = "λ_Th in place of the best Bayesian λ"

claim = Claims("priors", page="structure/penalty-prior", partial=("paper",))


def _checked(
    records: Records,
    read: Callable[[pd.DataFrame], dict[str, pd.Series]],
    check: Callable[[str, str, dict[str, pd.Series]], Check],
) -> tuple[list[float], list[Check]]:
    """What is read from the first network, over penalties and seeds, and a check a network.

    Args:
        records: of one network or several.
        read: runs of a network → penalty → values by seed.
        check: network, what its text begins with (nothing for the first), values → the check.
    """
    runs = records[studies.TRAINING.name]
    names = readings.networks(runs)
    found = {network: read(readings.trainings(runs, network)) for network in names}
    first = next(iter(found))
    checks = [
        check(network, "" if network == first else f"{names[network]}: ", values)
        for network, values in found.items()
    ]
    return [value for column in found[first].values() for value in column], checks


@claim(
    "C6",
    "With the Bayesian factors λ_Th = 1/#train works without a search, but is too strong by about 10 to 100,"
    " for every penalty and network.",
    "λ_Th/λ* = 10^0.5 to 10^2",
    studies.TRAINING,
    anchor="fig-priors-sweep",
    locator="the table of accuracies, last row (defence slides)",
)
def measure_strength(records: Records) -> Measurement:
    """C6: λ_Th over λ*, each seed's own."""
    low, high = published.RATIOS
    bounds = {"above": low - HALF, "below": high + HALF, "control": STRONG}
    text = f"log₁₀ λ_Th/λ* between {low - HALF:g} and {high + HALF:g}, every penalty"

    def check(_, name: str, ratios: dict[str, pd.Series]) -> Check:
        return each_between(name + text, ratios, **bounds)

    values, checks = _checked(records, readings.ratios, check)
    quantity = "log₁₀ λ_Th/λ*, over penalties and seeds"
    return Measurement.of(quantity, values, checks, comparable=False, note=NOTE)


@claim(
    "C7",
    "The best accuracy is about the same with usual and with Bayesian factors.",
    "differences of 0.7 point at most",
    studies.TRAINING,
    anchor="tab-priors-accuracy",
    locator="the table of accuracies, first and second row (defence slides)",
)
def measure_setups(records: Records) -> Measurement:
    """C7: best against best, each λ* by the validation images."""
    most = published.LEVEL
    text = f"best Bayesian less best usual within {most:g} point of 0, every penalty"

    def check(_, name: str, gaps: dict[str, pd.Series]) -> Check:
        return each_between(name + text, gaps, above=-most, below=most, control=AT_THEORY)

    values, checks = _checked(records, readings.gaps, check)
    quantity = "best test accuracy, Bayesian less usual, points, over penalties and seeds"
    return Measurement.of(quantity, values, checks, comparable=False, note=NOTE)


@claim(
    "C8",
    "To use λ_Th costs little: 0.2 point at most on VGG19, 0.4 to 2.8 points on the small network.",
    "0.4 to 2.8 points on CVNN",
    studies.TRAINING,
    anchor="tab-priors-accuracy",
    locator="the table of accuracies, second and third row (defence slides)",
)
def measure_cost(records: Records) -> Measurement:
    """C8: the test accuracy that λ_Th loses."""

    def check(network: str, name: str, costs: dict[str, pd.Series]) -> Check:
        most = published.COST_VGG19 if network == "vgg19" else published.COST[1]
        text = f"{name}λ* ahead of λ_Th by at most {most:g} points, every penalty"
        return each_between(text, costs, below=most, control="√10 times λ_Th in its place")

    values, checks = _checked(records, readings.costs, check)
    quantity = "test accuracy at λ* less that at λ_Th, Bayesian factors, points, over penalties and seeds"
    return Measurement.of(quantity, values, checks, comparable=False, note=NOTE)
