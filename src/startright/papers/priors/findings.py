"""Sentences of the chapter that report a result: records in, a :class:`startright.measured.Finding` out.

Words such as "ahead of" are chosen by the spread over seeds. Without records every sentence reads "Not yet
run".
"""

from collections.abc import Sequence

import numpy as np

from startright.measured import Contrast, Finding, Measured, finding, listed, needs_records
from startright.papers.priors import readings
from startright.studies import Record, frame

Records = Sequence[Record]


@needs_records
def theorem(records: Records) -> Finding:
    """How far recovered priors are from the true ones (exact)."""
    table = frame(records)
    smooth = table[table["prior"] != "laplace"]["tv"].max()
    laplace = table[table["prior"] == "laplace"].sort_values("sigma")
    low, high = laplace["tv"].iloc[[0, -1]]
    far = "below $10^{-6}$" if smooth < 1e-6 else f"up to {smooth:.0e}"
    sigmas = laplace["sigma"].iloc[[0, -1]].tolist()
    text = f"""
        The Gaussian and the quartic prior come back from their own divergences with a total variation
        {far}. Laplace's, whose cusp no finite band of frequencies can draw, comes back to {low:.4f}
        from posteriors of deviation {sigmas[0]:g}, and to {high:.4f} from posteriors of deviation
        {sigmas[1]:g}."""
    return finding(text, "full")


@needs_records
def conditions(records: Records) -> Finding:
    """How many penalties are judged as the theorem judges them (exact)."""
    table = frame(records)
    proper = table["tv"] < 1
    right = int(table["right"].sum())
    text = f"""
        Of {len(table)} penalties the theorem gives {int(proper.sum())} a prior and {int((~proper).sum())}
        none. The four tests on a grid agree with it, reason included, in {right} of {len(table)} cases."""
    return finding(text, "full")


@needs_records
def strengths(records: Records) -> Finding:
    """Whether sampled priors fulfil Glorot's condition."""
    cells = frame(records).groupby(["kind", "fan_in", "fan_out"])["second"]
    off = {"-".join(map(str, name)): Contrast.of(values - 1) for name, values in cells}
    worst = max(off.values(), key=lambda each: abs(each.mean))
    text = f"""
        Over {len(off)} pairs of a penalty and a layer, $P\\,\\mathbb{{E}}\\,w^2$ of sampled weights is
        farthest from 1 by {worst.text(4)}."""
    return finding(text, records, worst=worst)


@needs_records
def noise(records: Records) -> Finding:
    """The best cut for the noisiest penalty that was tried."""
    table = frame(records)
    level = table["noise"].max()
    mean = table[table["noise"] == level].groupby("cut")["tv"].mean()
    cut = float(mean.idxmin())
    at = Measured.of(table[(table["noise"] == level) & (table["cut"] == cut)]["tv"], 3)
    sharpest = Measured.of(table[(table["noise"] == level) & (table["cut"] == mean.index.min())]["tv"], 2)
    text = f"""
        With a noise of {level:g} on the penalty, the cut that comes nearest to the true prior is
        $\\tau = 10^{{{np.log10(cut):.3g}}}$, with a total variation of {at} (n = {at.n}); at the smallest
        cut it is {sharpest}: noise, and no prior."""
    return finding(text, records, best=at, sharpest=sharpest)


@needs_records
def strongest(records: Records, network: str | None = None) -> Finding:
    """λ* against λ_Th, penalty by penalty, with Bayesian factors; of the first network by default."""
    runs = readings.trainings(records, network)
    facts: dict[str, Contrast] = {}
    alike: dict[tuple[str, str], list[str]] = {}
    for (kind, setup), best in readings.best(runs).items():
        if setup != "bayesian":
            continue
        name = readings.NAMES[kind]
        facts[name] = ratio = Contrast.of(-best.single)
        open_ = listed([f"$10^{{{0 - exponent:g}}}$" for exponent in reversed(best.level)])
        where = {1: "lie below", -1: "lie above"}.get(ratio.sign(), "cannot be told from")
        alike.setdefault((where, open_), []).append(f"**{name}**")
    said = [
        f"For {listed(names)} the best strengths $\\lambda^*$ of the seeds {where}"
        f" $\\lambda_{{\\mathrm{{Th}}}}$;"
        f" the ratios $\\lambda_{{\\mathrm{{Th}}}}/\\lambda^*$ that validation leaves open are {open_}."
        for (where, open_), names in alike.items()
    ]
    return finding(" ".join(said), records, **facts)


@needs_records
def costs(records: Records, network: str | None = None) -> Finding:
    """What λ_Th costs, penalty by penalty; of the first network by default."""
    found = {
        name: Contrast.of(cost) for name, cost in readings.costs(readings.trainings(records, network)).items()
    }
    said = [
        f"for {name} the best strength is {each.word('behind', 'ahead of')} it, {each.text(1, ' points')}"
        for name, each in found.items()
    ]
    said = "; ".join(said)
    return finding(rf"To use $\lambda_{{\mathrm{{Th}}}}$ without a search: {said}.", records, **found)


@needs_records
def setups(records: Records, network: str | None = None) -> Finding:
    """Bayesian against usual factors, each at its best strength; of the first network by default."""
    found = {
        name: Contrast.of(gap) for name, gap in readings.gaps(readings.trainings(records, network)).items()
    }
    said = [
        f"for {name} they are {each.word('behind', 'ahead of', 'level with', margin=0.7)} the usual ones,"
        f" {each.text(1, ' points')}"
        for name, each in found.items()
    ]
    return finding(f"At the best strength of each, Bayesian factors: {'; '.join(said)}.", records, **found)
