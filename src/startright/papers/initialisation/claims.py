"""Claims C1 to C6 of the lecture, each stated beside the measurement that settles it.

The factors of a layer are geometric means over the depth of a network. The wrong methods that fail the checks
(``control``) are run in the tests.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from startright.checks import Check, every, mean_between, ratio_between
from startright.claims import Measurement
from startright.papers.initialisation import studies
from startright.papers.initialisation.laws import SHAPES
from startright.papers.initialisation.published import SIGMOID, TANH_AFTER_TEN
from startright.papers.initialisation.readings import exact, networks, of
from startright.statements import Claims, in_order
from startright.studies import Record, frame
from startright.summary import mean_std

Records = Mapping[str, list[Record]]
SLOPE_OF_SIGMOID = 1 / 4
claim = Claims("initialisation", page="starting/initialisation", locator="lecture, part on initialisation")


def _depth(records: Records) -> pd.DataFrame:
    return networks(records[studies.DEPTH.name])


def _logs(values: pd.Series) -> np.ndarray:
    return np.log10(values.to_numpy(dtype=float))


@claim(
    "C1",
    "The recursion for δ gives the gradients of every weight and bias.",
    "exact; agreement below 1e-12 asked of us",
    studies.GRADIENTS,
    page="starting/backpropagation",
    anchor="tab-bp-gradients",
    locator="exercise 1",
)
def measure_recursion(records: Records) -> Measurement:
    """C1: the hand-written backward pass against autograd."""
    table = frame(records[studies.GRADIENTS.name])
    small = (table["difference"] < 1e-12).all()
    text = f"every gradient equals autograd's to 1e-12, {table['activation'].nunique()} activations"
    checks = (Check(text, small, "theorem", "the sheet's index, w_jk in place of w_kj"),)
    worst = float(max(table["difference"].max(), 1e-15))
    quantity = "largest difference to autograd (floor 1e-15), float64"
    return Measurement(quantity, worst, None, len(table), checks)


@claim(
    "C2",
    "A layer of sigmoids passes at most a quarter of the gradient, times what its weights amplify.",
    "|δˡ| ≤ γ^(L−l) |W|ᵀ…|W|ᵀ|δᴸ| with γ = 1/4",
    studies.GRADIENTS,
    studies.RECURSION,
    studies.DEPTH,
    page="starting/backpropagation",
    anchor="fig-bp-vanishing",
    locator="part on back-propagation, the vanishing gradient",
)
def measure_vanishing(records: Records) -> Measurement:
    """C2: the bound entry by entry, and what a layer of a random sigmoid network leaves of the gradient."""
    bounds = frame(records[studies.GRADIENTS.name])
    factor = of(_depth(records), "sigmoid", "glorot")["gradient_factor"]
    most = SLOPE_OF_SIGMOID**2
    held = every(
        "no |δ| above its bound", bounds["of_bound"] <= 1 + 1e-12, kind="theorem", control="γ = 1/10"
    )
    loses = mean_between(
        f"the variance of δ is multiplied by less than {most:g} per layer, sigmoid, Glorot",
        factor,
        below=most,
        control="tanh",
    )
    near = ratio_between(
        f"over {SIGMOID[1]:g}, the factor of infinite width, within 5 % of 1",
        _logs(factor / SIGMOID[1]),
        above=0.95,
        below=1.05,
        control="tanh",
    )
    limit = of(networks(records[studies.RECURSION.name]), "sigmoid", "glorot").iloc[0]
    point, left = limit["last"], limit["factor"]
    text = f"infinite width: Var z settles at {point:.4f}, and a layer there leaves {left:.4f} of Var δ"
    settles = max(abs(point / SIGMOID[0] - 1), abs(left / SIGMOID[1] - 1)) < 1e-3
    fixed = Check(f"{text}, both to a thousandth", settles, "theorem", "He's weights")
    quantity = "factor of Var δ per layer, sigmoid, Glorot"
    return Measurement.of(quantity, factor, (held, fixed, loses, near))


@claim(
    "C3",
    "Naive uniform weights on ±1/√n divide the variance of ReLU's signal by six at every layer.",
    "1/6 per layer; 1/3 for tanh while z is small",
    studies.DEPTH,
    anchor="fig-init-signal",
)
def measure_naive(records: Records) -> Measurement:
    """C3: what a layer of ReLU leaves under the naive law, drawn from either shape."""
    table = _depth(records)
    groups = {shape: _logs(6 * of(table, "relu", "naive", shape=shape)["signal_factor"]) for shape in SHAPES}
    bounds = {"above": 0.95, "below": 1.05}
    sixth = ratio_between("6 times the factor per layer within 5 % of 1", groups, control="He", **bounds)
    tanh = _logs(of(table, "tanh", "naive")["signal_factor"] * 3)
    third = ratio_between(
        "tanh: 3 times the factor per layer within 5 % of 1", tanh, control="Glorot", **bounds
    )
    quantity = "factor of Var z per layer, ReLU, naive (uniform)"
    values = of(table, "relu", "naive", shape="uniform")["signal_factor"]
    return Measurement.of(quantity, values, (sixth, third))


@claim(
    "C4",
    "Glorot's weights keep the variance of a tanh network only as long as tanh is nearly linear.",
    "Var z → 1/(2l): 0.0522 after ten maps from 1 (infinite width)",
    studies.RECURSION,
    studies.DEPTH,
    anchor="fig-init-signal",
    locator="exercise 2, whose second assumption the slides leave out",
)
def measure_glorot(records: Records) -> Measurement:
    """C4: the decay of tanh's signal, against the recursion of infinite width and its law 1/(2l)."""
    limit = of(networks(records[studies.RECURSION.name]), "tanh", "glorot").iloc[0]
    table = of(_depth(records), "tanh", "glorot")
    q, _ = exact(table.iloc[0])
    after_ten, slow = limit["after_ten"], 2 * limit["depth"] * limit["last"]
    wrong = "He's weights"
    checks = [
        Check(
            f"infinite width: {after_ten:.4f} after ten maps, {TANH_AFTER_TEN} to a thousandth",
            abs(after_ten / TANH_AFTER_TEN - 1) < 1e-3,
            "theorem",
            wrong,
        ),
        Check(
            f"infinite width: 2l·Var z is 1 to a hundredth at l = {limit['depth']}: {slow:.3f}",
            abs(slow - 1) < 0.01,
            "theorem",
            wrong,
        ),
        mean_between("not kept: Var z below 0.1 at layer 10", table["signal_10"], below=0.1, control=wrong),
    ]
    for layer in (5, 10, 30):
        logs = _logs(table[f"signal_{layer}"] / q[layer - 1])
        text = f"over infinite width at layer {layer}, within 10 % of 1"
        checks.append(ratio_between(text, logs, above=0.9, below=1.1, control=wrong))
    return Measurement.of("Var z at layer 10, tanh, Glorot", table["signal_10"], checks)


@claim(
    "C5",
    "He's weights keep the variance of ReLU's signal; Glorot's halve it at every layer.",
    "factors 1 and 1/2 per layer",
    studies.DEPTH,
    anchor="fig-init-signal",
    locator="exercise 4",
)
def measure_he(records: Records) -> Measurement:
    """C5: factors of signal and gradient per layer, under both laws, drawn from either shape."""
    table = _depth(records)
    bounds, checks = {"above": 0.95, "below": 1.05}, []
    for law, times, other in (("he", 1, "Glorot"), ("glorot", 2, "He")):
        for what in ("signal", "gradient"):
            groups = {
                shape: _logs(of(table, "relu", law, shape=shape)[f"{what}_factor"] * times)
                for shape in SHAPES
            }
            scaled = f"{times} times the" if times > 1 else "the"
            text = f"{law.title()}: {scaled} factor of the {what} per layer within 5 % of 1"
            checks.append(ratio_between(text, groups, control=other, **bounds))
    values = of(table, "relu", "he")["signal_factor"]
    return Measurement.of("factor of Var z per layer, ReLU, He", values, checks)


@claim(
    "C6",
    "Leaky ReLU of slope α passes (1 + α²)/2 of the second moment, so He's variance becomes 2/((1 + α²)n).",
    "(1 + α²)/2",
    studies.LEAKY,
    studies.DEPTH,
    anchor="fig-init-leaky",
    locator="annex on Leaky ReLU",
)
def measure_leaky(records: Records) -> Measurement:
    """C6: the moment by quadrature and by draws, and networks with the variance that follows."""
    moments = frame(records[studies.LEAKY.name])
    exact = (moments["error"] < 1e-10).all()
    plain = "ReLU's one half for every α"
    checks = [Check("E f(Z)² is (1 + α²)/2 to 1e-10, every α", exact, "theorem", plain)]
    for slope, values in moments.groupby("slope")["sampled"]:
        mean, spread, n = mean_std(values)
        near = spread is not None and abs(mean - 1) <= 4 * spread / np.sqrt(n)
        text = f"α = {slope:g}: sampled over exact is 1 within 4 standard errors: {mean:.4f} (n = {n})"
        wrong = "V[f(Z)] in place of E f(Z)²" if slope < 1 else plain  # for α = 1 the two are one
        checks.append(Check(text, near if n > 2 else None, "theorem", wrong))
    table = _depth(records)
    groups = {f"α = {a:g}": _logs(of(table, "leaky", "he", a)["signal_factor"]) for a in (0.1, 0.5)}
    text = "networks: the factor of Var z per layer within 5 % of 1"
    checks.append(ratio_between(text, groups, above=0.95, below=1.05, control="He's weights without α"))
    half = moments[moments["slope"] == 0.5]
    return Measurement.of("sampled E f(Z)² over (1 + α²)/2, α = 0.5", half["sampled"], checks)


CLAIMS = in_order(claim)
