"""C6 to C8: what training says of the theoretical strength."""

from startright.checks import each_between
from startright.claims import Measurement
from startright.papers.priors import published, readings, studies
from startright.papers.priors.readings import Records
from startright.statements import Claims

NOTE = "our network, images and schedule: the paper's are not known to us"
HALF = 0.25  # half a step of the grid of λ, in powers of 10
STRONG = "λ* by the training loss, without a penalty"
AT_THEORY = "λ_Th in place of the best Bayesian λ"

claim = Claims("priors", page="structure/penalty-prior", partial=("paper",))


def _runs(records: Records):
    """The runs of the first network of the grid."""
    runs = readings.trainings(records[studies.TRAINING.name])
    return runs[runs["network"] == runs["network"].iloc[0]]


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
    ratios = readings.ratios(_runs(records))
    low, high = published.RATIOS
    text = f"log₁₀ λ_Th/λ* between {low - HALF:g} and {high + HALF:g}, every penalty"
    checks = [each_between(text, ratios, above=low - HALF, below=high + HALF, control=STRONG)]
    values = [value for ratio in ratios.values() for value in ratio]
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
    gaps = readings.gaps(_runs(records))
    most = published.LEVEL
    text = f"best Bayesian less best usual within {most:g} point of 0, every penalty"
    checks = [each_between(text, gaps, above=-most, below=most, control=AT_THEORY)]
    values = [value for gap in gaps.values() for value in gap]
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
    costs = readings.costs(_runs(records))
    text = f"λ* ahead of λ_Th by at most {published.COST[1]:g} points, every penalty"
    checks = [each_between(text, costs, below=published.COST[1], control="√10 times λ_Th in its place")]
    values = [value for cost in costs.values() for value in cost]
    quantity = "test accuracy at λ* less that at λ_Th, Bayesian factors, points, over penalties and seeds"
    return Measurement.of(quantity, values, checks, comparable=False, note=NOTE)
