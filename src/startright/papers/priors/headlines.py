"""What the chapter says first, in words: the page explains its symbols below."""

from collections.abc import Sequence

from startright.measured import Contrast, Finding, finding, listed, needs_records
from startright.papers.priors import readings
from startright.studies import Record


@needs_records
def without_a_search(records: Sequence[Record]) -> Finding:
    """C6 and C8: the strength of theory against the best one, by penalty."""
    runs = readings.trainings(records)
    lost = {name: Contrast.of(-cost) for name, cost in readings.costs(runs).items()}
    said = [
        f"**{each.word('behind', 'ahead of')}** it for {name}, {each.text(1, ' points')}"
        for name, each in lost.items()
    ]
    weaker = []
    for (kind, setup), best in readings.best(runs).items():
        if setup == "bayesian":
            low, high = (f"{10**-exponent:.2g}" for exponent in (best.level[-1], best.level[0]))
            between = low if low == high else f"{low} to {high}"
            weaker.append(f"{between} times smaller for {readings.NAMES[kind]}")
    text = f"""At the strength that theory gives without a search, test accuracy is, beside that at the best
        strength, {listed(said)}. The strengths that validation cannot tell from the best are
        {listed(weaker)}."""
    return finding(text, records, **lost)
