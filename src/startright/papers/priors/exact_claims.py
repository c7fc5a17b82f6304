"""Claims C1 to C5, on the theorem, its corollaries and the factors: closed forms, and sampled priors."""

import pandas as pd

from startright.checks import Check, each_between
from startright.claims import Measurement
from startright.papers.priors import studies, verdicts
from startright.papers.priors.readings import NAMES, Records
from startright.statements import Claims
from startright.studies import frame

NAIVE = "the penalty's own transform, no background"
NO_ENTROPY = "A without the entropy"
ONE_SIGMA, ONE_CUT, ONE_WINDOW = "one σ alone", "one cut alone", "one window alone"
CENTRED = "constants taken out of A"

claim = Claims("priors", page="structure/penalty-prior")


# --- C1: the theorem --------------------------------------------------------------------------


@claim(
    "C1",
    "A penalty is the divergence from a prior, up to a constant, for every posterior of a translation"
    " family, if and only if condition (⋆) holds; the prior is then unique and given by a Fourier formula.",
    "exact",
    studies.RECOVERY,
    anchor="fig-priors-recovery",
    locator="the main theorem, number not known to us",
)
def measure_theorem(records: Records) -> Measurement:
    """C1: known priors come back from their own divergences."""
    table = frame(records[studies.RECOVERY.name])
    laplace = table[table["prior"] == "laplace"].set_index("sigma")
    smooth = table[table["prior"] != "laplace"]
    tv, kind = float(laplace.loc[0.5, "tv"]), "theorem"
    constant, back = table["constant_error"].abs().max(), table["way_back"].max()
    checks = (
        Check(f"Laplace's prior, σ = 0.5: TV at most 0.006: {tv:.4f}", tv <= 0.006, kind, NAIVE),
        Check(
            "Gaussian and quartic priors: TV below 1e-6, every σ", (smooth["tv"] < 1e-6).all(), kind, NAIVE
        ),
        Check("K = −ln κ to 0.002, every prior and σ", constant < 0.002, kind, NO_ENTROPY),
        Check("r − KL(β‖α) = K to 0.002 for all μ, every prior and σ", back < 0.002, kind, NAIVE),
    )
    quantity = "total variation between Laplace's prior and the recovered one, σ = 0.5, cut 1e-8"
    return Measurement(quantity, tv, None, len(table), checks)


# --- C2 to C4: corollaries --------------------------------------------------------------------


def _cases(records: Records) -> pd.DataFrame:
    return frame(records[studies.CONDITIONS.name]).set_index("case")


def _rejected(table: pd.DataFrame, name: str, text: str, control: str) -> Check:
    """Whether a case was rejected for the reason that the theorem gives."""
    row = table.loc[name]
    return Check(
        f"{text}: rejected, and for that reason", row["right"] and not row["accepted"], "theorem", control
    )


@claim(
    "C2",
    "With Gaussian posteriors of any variance, a penalty f₁(σ²) + f₂(σ²)μ² has a prior only if it is the"
    " divergence from N(0, σ₀²), up to a constant.",
    "exact: A depends on σ unless f₂ is constant and f₁ holds −½ ln σ²",
    studies.CONDITIONS,
    anchor="fig-priors-rejected",
    locator="the corollary on L2, number not known to us",
)
def measure_gaussian(records: Records) -> Measurement:
    """C2: the range over σ of A, constants included."""
    table = _cases(records)
    right = table.loc["gaussian"]
    depends = verdicts.DEPENDS
    checks = (
        Check(
            "KL: accepted, and A the same for all σ to 1e-6",
            right["accepted"] and right["depends"] < 1e-6,
            "theorem",
            NO_ENTROPY,
        ),
        _rejected(table, "tempered", f"½ KL: {depends}", CENTRED),
        _rejected(table, "no-logarithm", f"L2 without −½ ln σ²: {depends}", CENTRED),
        _rejected(table, "one-over-variance", f"f₂ = 1/2σ: {depends}", ONE_SIGMA),
    )
    quantity = "sup |A_σ − A_σ'| of half the KL, σ = 0.4 and 0.8 (of the KL itself: below 1e-6)"
    return Measurement(quantity, float(table.loc["tempered", "depends"]), None, 1, checks)


@claim(
    "C3",
    "For point masses the variational loss is that of the maximum a posteriori, and α ∝ exp(−r).",
    "exact",
    studies.CONDITIONS,
    anchor="fig-priors-gallery",
    locator="the corollary on MAP; one slide of 2020 has the sign wrong",
)
def measure_point_masses(records: Records) -> Measurement:
    """C3: the sign."""
    table = _cases(records)
    distances = table.loc[["dirac-l1", "dirac-cauchy"], "tv"]
    wrong = "α ∝ exp(+r)"
    checks = (
        Check("r = |w| is Laplace's law: TV below 1e-6", distances["dirac-l1"] < 1e-6, "theorem", wrong),
        Check(
            "r = ln(1 + w²) is Cauchy's law: TV below 0.002",
            distances["dirac-cauchy"] < 0.002,
            "theorem",
            wrong,
        ),
    )
    quantity = "total variation between exp(−|w|)/2 and the recovered prior (resolved to 1e-9)"
    return Measurement(quantity, max(float(distances["dirac-l1"]), 1e-9), None, len(distances), checks)


@claim(
    "C4",
    "Some usual penalties have no prior: L1 on the mean with Gaussian posteriors, a cosine that is not"
    " damped, and whatever makes e^A of infinite mass.",
    "exact: rejected",
    studies.CONDITIONS,
    anchor="fig-priors-rejected",
    locator="the examples after the theorem, numbers not known to us",
)
def measure_rejections(records: Records) -> Measurement:
    """C4: each is rejected for its own reason, and what is proper is not."""
    table = _cases(records)
    proper = table.loc[["gaussian", "laplace", "cosine"], "accepted"]
    checks = (
        Check("the proper ones, a damped cosine among them: accepted", proper.all(), "theorem", NO_ENTROPY),
        _rejected(table, "l1-mean", f"L1 on the mean: {verdicts.BLOWS_UP}", ONE_CUT),
        _rejected(table, "undamped", f"a cosine that is not damped: {verdicts.DEPENDS}", ONE_SIGMA),
        _rejected(table, "pure-cosine", f"a cosine alone: {verdicts.NOT_INTEGRABLE}", ONE_WINDOW),
        _rejected(table, "dirac-log", f"ln(1 + |w|), point masses: {verdicts.NOT_INTEGRABLE}", ONE_WINDOW),
        _rejected(table, "dirac-half", f"½ ln(1 + w²), point masses: {verdicts.NOT_INTEGRABLE}", ONE_WINDOW),
    )
    improper = table[table["tv"] == 1]
    quantity = f"penalties without a prior that are rejected for the right reason, of {len(improper)}"
    return Measurement(quantity, float(improper["right"].sum()), None, len(improper), checks)


# --- C5: the factors --------------------------------------------------------------------------


@claim(
    "C5",
    "Asking of the prior that it fulfil Glorot's condition fixes the factor of a layer: P/2, √(2P),"
    " √(P(P+1)), √(P(n+1)).",
    "P·E w² = 1",
    studies.STRENGTHS,
    anchor="tab-priors-strengths",
    locator="the penalty strength heuristic, table of factors",
)
def measure_factors(records: Records) -> Measurement:
    """C5: sample the prior."""
    table = frame(records[studies.STRENGTHS.name])
    groups = table.groupby(["kind", "fan_in", "fan_out"])
    cells = {f"{NAMES[kind]}, P = {p}, n = {n}": group for (kind, p, n), group in groups}
    second = {name: group["second"] for name, group in cells.items()}
    shape = {name: group["kurtosis"] / group["kurtosis_exact"] for name, group in cells.items()}
    checks = (
        each_between(
            "P·E w² within 1 % of 1, every penalty and layer",
            second,
            above=0.99,
            below=1.01,
            kind="theorem",
            control="usual factors",
        ),
        each_between(
            "kurtosis over 3(d + 3)/(d + 1) within 5 % of 1",
            shape,
            above=0.95,
            below=1.05,
            kind="theorem",
            control="Gaussian weights of the same variance",
        ),
    )
    rows = table[(table["kind"] == "rows") & (table["fan_in"] == 784)]
    return Measurement.of("P·E w² by rows, P = 784, n = 300", rows["second"], checks)
