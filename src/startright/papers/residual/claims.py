"""Claims C15 and C16 of the lecture's annex, each stated beside the measurement that settles it.

The wrong methods that fail the checks (``control``) are run in the tests.
"""

from startright.checks import each_between, mean_between
from startright.claims import Measurement
from startright.papers.residual import readings, studies
from startright.papers.residual.published import AUTOCORRELATION
from startright.papers.residual.readings import Records
from startright.papers.residual.studies.alignment import LAYERS
from startright.statements import Claims, in_order

NO_SKIPS = "skips left out"
SKIPS = "skips put in"
SAME_BETA = "β = 1 for both"
NORMALISED = "normalised"
BY_CHANCE = "units active by chance, as assumed"
HE = "He's weights in the mirrored network"
EXCHANGED = "starts exchanged"

claim = Claims("residual", page="starting/residual")


@claim(
    "C15",
    "Gradients shatter with depth without skips, and far less with them.",
    "correlation 2^(−L) without skips, (3/4)^L with, 1/(β√L) with normalised branches (assumed activity)",
    studies.SHATTERING,
    studies.ALIGNMENT,
    anchor="fig-residual-autocorrelation",
    locator="Balduzzi et al. 2017; the numbers beside ours are reference values, computed by another program",
)
def measure_shattering(records: Records) -> Measurement:
    """C15: autocorrelations of df/dx, and the gradients of two inputs against exact recursions."""
    runs = records[studies.SHATTERING.name]
    plain, raw = readings.likeness(runs, "plain", True), readings.likeness(runs, "plain", False)
    skips, small = readings.likeness(runs, "residual", True), readings.likeness(runs, "residual", True, 0.1)
    white, falls = plain["lag_1_at_24"], plain["lag_1_at_4"] - plain["lag_1_at_24"]
    wider = (small["lag_1_at_50"] - skips["lag_1_at_50"]).dropna()
    off = {
        f"{readings.described(*key[:3])}, {key[3]} layers": readings.likeness(runs, *key[:3])[
            f"lag_1_at_{key[3]}"
        ]
        - values[0]
        for key, values in AUTOCORRELATION.items()
    }
    exact = readings.off_exact(records[studies.ALIGNMENT.name], LAYERS)
    checks = (
        mean_between("no skips: lag 1 below 0.1 at 24 layers", white, below=0.1, control=SKIPS),
        mean_between(
            "no skips: lag 1 falls by more than 0.5, 4 to 24 layers", falls, above=0.5, control=SKIPS
        ),
        mean_between(
            "skips: lag 1 above 0.5 at 50 layers", skips["lag_1_at_50"], above=0.5, control=NO_SKIPS
        ),
        mean_between("β = 0.1 over β = 1 by more than 0.1, 50 layers", wider, above=0.1, control=SAME_BETA),
        each_between("lag 1 within 0.15 of the reference", off, above=-0.15, below=0.15, control=NO_SKIPS),
        mean_between(
            "no skips, not normalised: lag 1 above 0.5 at 50 layers: it does not shatter",
            raw["lag_1_at_50"],
            above=0.5,
            control=NORMALISED,
        ),
        each_between(
            "two inputs: sampled correlation within 0.1 of the exact one of infinite width",
            exact,
            above=-0.1,
            below=0.1,
            kind="theorem",
            control=BY_CHANCE,
        ),
    )
    return Measurement.of("lag-1 autocorrelation of df/dx, 24 layers, no skips", white, checks)


@claim(
    "C16",
    "Skips can be replaced by an initialisation: a deep rectifier network that starts linear learns.",
    "reference: 97.9 % looks-linear, 96.4 % with skips, 78.7 % CReLU and 66.4 % ReLU under He (digits)",
    studies.INITS,
    anchor="fig-residual-training",
    locator="Balduzzi et al. 2017, on CIFAR-10; reference values on digits",
)
def measure_starts(records: Records) -> Measurement:
    """C16: test accuracy of fifty layers after 300 steps, by their start."""
    found = readings.accuracies(records[studies.INITS.name])
    linear = found["looks-linear"]
    over = {name: (linear - found[name]).dropna() for name in ("relu", "crelu", "residual")}
    checks = (
        mean_between("points over ReLU with He's weights: above 5", over["relu"], above=5, control=EXCHANGED),
        mean_between(
            "points over its own network with He's weights: above 3", over["crelu"], above=3, control=HE
        ),
        mean_between("points over the network with skips: above −2", over["residual"], above=-2, control=HE),
    )
    note = "dense networks of fifty layers; the paper's are convolutional"
    quantity = "test accuracy (%), looks-linear, 50 layers, 300 steps"
    return Measurement.of(quantity, linear, checks, comparable=False, note=note)


CLAIMS = in_order(claim)
