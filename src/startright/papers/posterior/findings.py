"""The sentences of the chapter that report a result, printed from records; words follow from intervals."""

from collections.abc import Sequence

import pandas as pd

from startright.measured import Contrast, Count, Finding, Measured, finding, listed, needs_records
from startright.papers.posterior import readings
from startright.papers.posterior.readings import COLD
from startright.studies import Record, frame
from startright.summary import number

Records = Sequence[Record]


@needs_records
def conjugate(records: Records) -> Finding:
    """Where the best temperature is known, the grid finds it."""
    runs = frame(records).query("not mean_field")
    hits = Count.of(runs["best"] == runs["known"])
    cases = runs.groupby(["curation", "copies", "correlation"]).ngroups
    steep = max(float(runs["slope"].abs().max()), 1e-12)
    word = "exactly where theory has it" if hits.k == hits.n else "not always where theory has it"
    slope = "below 1e−10" if steep < 1e-10 else f"up to {steep:.0e}"
    return finding(
        f"In {cases} conjugate cases the best temperature is {word} ({hits} runs), and the slope of the"
        f" expected loss there is {slope} nats per unit of ln τ.",
        records,
    )


@needs_records
def mean_field(records: Records) -> Finding:
    """What independence of the weights does to the best temperature of a right model."""
    runs = frame(records).query("mean_field")
    told = []
    for correlation, group in runs.groupby("correlation"):
        best = group["fine_best"]
        side = "colder than" if (best < 1).all() else "warmer than" if (best > 1).all() else "about"
        told.append(f"at correlation {correlation:g} it is {best.median():.2g}, {side} 1")
    return finding(
        "Of independent weights the best temperature is no longer 1, although model and data agree: "
        f"{listed(told)}. None of this is a property of Bayes' posterior.",
        records,
    )


@needs_records
def cold(records: Records) -> Finding:
    """τ = 1 against the cold temperature that was laid down beforehand."""
    gaps = {name: Contrast.of(gap) for name, gap in readings.over_cold(records).items()}
    told: dict[str, list[str]] = {}
    for name, gap in gaps.items():
        told.setdefault(gap.word("better", "worse"), []).append(f"by {gap.text(3, ' nats')} at {name}")
    groups = [f"{word} in {len(each)} of {len(gaps)} cells, {'; '.join(each)}" for word, each in told.items()]
    text = f"Held against τ = {COLD:g}, τ = 1 predicts {'. It predicts '.join(groups)}."
    return finding(text, records, **{f"gap_{k}": gap for k, gap in enumerate(gaps.values())})


@needs_records
def means(records: Records) -> Finding:
    """τ = 1 against no posterior at all: the means of the cold network."""
    gaps = {name: Contrast.of(gap) for name, gap in readings.over_cold(records, means=True).items()}
    worse = [name for name, gap in gaps.items() if gap.sign() > 0 and gap.n >= 3]
    better = [name for name, gap in gaps.items() if gap.sign() < 0 and gap.n >= 3]
    told = [f"worse than these means in {len(worse)} of {len(gaps)} cells"]
    if better:
        told.append(f"better at {listed(better)}")
    text = f"Against no averaging at all, the means of τ = {COLD:g} alone, τ = 1 predicts {listed(told)}."
    return finding(text, records, **{f"gap_{k}": gap for k, gap in enumerate(gaps.values())})


def _moved(name: str, gap: Contrast) -> str:
    unknown = "not to be told from that of the images as they are"
    word = gap.word("colder", "warmer", "where it was", unknown=unknown, margin=0.15)
    if not gap.n:
        return f"a bound, with and without, at {name}"
    return f"{word} at {name} (by a factor of {10**gap.mean:.2g}; change of log₁₀ τ* {gap.text(2)})"


@needs_records
def augmentation(records: Records) -> Finding:
    """Which way shifts of the images move the best temperature."""
    gaps = {name: Contrast.of(gap) for name, gap in readings.shifts(records, "shift").items()}
    text = (
        "With shifted images the best temperature is "
        + "; ".join(_moved(*each) for each in gaps.items())
        + "."
    )
    return finding(text, records, **{f"shift_{k}": gap for k, gap in enumerate(gaps.values())})


@needs_records
def duplicates(records: Records) -> Finding:
    """Each image twice: nothing new, and nothing should move."""
    gaps = {name: Contrast.of(gap) for name, gap in readings.shifts(records, "twice").items()}
    text = (
        "With every image twice, counted once, it is "
        + "; ".join(_moved(*each) for each in gaps.items())
        + "."
    )
    return finding(text, records, **{f"twice_{k}": gap for k, gap in enumerate(gaps.values())})


@needs_records
def heuristic(records: Records) -> Finding:
    """What the correlation of gradients predicts of the move, and the move itself."""
    moves, rho = readings.shifts(records, "shift"), readings.correlations(records)
    told = [
        f"{number(value, '.2f')} at N = {count}, where the best temperature moved by the factor"
        f" {number(10 ** moves[f'N = {count}'].mean(), '.2g')}"
        for count, value in rho.items()
        if len(moves.get(f"N = {count}", ()))
    ]
    facts = {f"rho_{count}": Measured.of([value], 2) for count, value in rho.items()}
    text = f"The gradients of two shifts of one image are correlated, {listed(told)}."
    return finding(text, records, **facts)


@needs_records
def drift(records: Records) -> Finding:
    """How the best temperature moves with N."""
    slope = Contrast.of(readings.drift(records))
    word = slope.word("falls with N", "rises with N", "stays", unknown="does not move beyond chance")
    cells = readings.cells(readings.temperatures(records)).values()
    ends = Count.of(readings.at_an_end(losses).any() for losses in cells)
    limits = (
        f" In {ends} cells some seed has its best temperature at an end of the grid, where it is a bound."
    )
    text = f"Without augmentation the best temperature {word}:"
    text += f" log₁₀ τ* changes by {slope.text(2)} per decade of N." if slope.n else " no seed tells."
    return finding(text + limits * (ends.k > 0), records, slope=slope, ends=ends)


@needs_records
def below_one(records: Records) -> Finding:
    """How many cells have their best temperature below 1."""
    cells = readings.cells(readings.temperatures(records))
    logs: dict[tuple[int, str], pd.Series] = {key: readings.best(losses) for key, losses in cells.items()}
    colder = Count.of(Contrast.of(values).sign() < 0 and len(values) > 2 for values in logs.values())
    text = f"""The best temperature lies below 1, that of Bayes' rule, in {colder} cells: a number of training
        images, shown as they are, shifted or each twice."""
    return finding(text, records, colder=colder)
