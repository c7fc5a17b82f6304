"""What the chapter says first, in words: the page explains its symbols below."""

from collections.abc import Sequence

from startright.measured import Finding, Measured, finding, needs_records
from startright.papers.scalp import readings
from startright.papers.scalp.hidden import BN_LASSO, STANDARD
from startright.papers.scalp.scalings import ASYMMETRIC
from startright.papers.scalp.studies.width import ETA
from startright.studies import Record


@needs_records
def evenness(records: Sequence[Record]) -> Finding:
    """C4: how the training losses of narrow and wide networks differ, under one learning rate for all."""
    facts, said = {}, []
    ways = (("uniform", ETA, "with scaling layers"), (STANDARD, readings.FIXED, "without them"))
    for activation in readings.settings(records, "activation"):
        each = []
        for method, lr, words in ways:
            where = {"method": method, "lr": lr, "activation": activation}
            ratio = Measured.of(10 ** readings.spread(records, "train_loss", **where), 2)
            facts[f"{activation}, {method}"] = ratio
            each.append(f"{ratio} {words}")
        said.append(f"with {readings.ACTIVATIONS[activation]}, {' and '.join(each)}")
    n = max(ratio.n for ratio in facts.values())
    text = f"""With one learning rate for all widths, the ratio of the largest training loss to the smallest
        is, {"; ".join(said)} (n = {n})."""
    return finding(text, records, **facts)


@needs_records
def final_width(records: Sequence[Record]) -> Finding:
    """C6: what pruning leaves of a narrow and of a wide layer."""
    widths = sorted(readings.settings(records, "width"))
    few, many = widths[0], widths[-1]
    facts, said = {}, []
    names = {method: f"under the scaling {method}" for method in ASYMMETRIC}
    names |= {"uniform": "under the uniform one", BN_LASSO: "with its rival, network slimming"}
    for method, words in names.items():
        found = readings.by_width(records, "left", method=method)
        each = [Measured.of(found[width], 1) for width in (few, many)]
        facts |= {f"{method}, N = {width}": left for width, left in zip((few, many), each, strict=True)}
        said.append(f"{each[0]} and {each[1]} {words}")
    n = max(left.n for left in facts.values())
    text = f"""Of {few} and of {many} neurons at the start, training with a penalty leaves {"; ".join(said)}
        (n = {n})."""
    return finding(text, records, **facts)
