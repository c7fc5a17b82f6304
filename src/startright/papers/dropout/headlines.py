"""What the chapter says, in words that need no symbol, printed from records; words follow from intervals."""

from collections.abc import Sequence

from startright.measured import Contrast, Finding, Measured, finding, listed, needs_records
from startright.papers.dropout import readings
from startright.papers.dropout.readings import REGIMES, name
from startright.studies import Record
from startright.summary import number

Records = Sequence[Record]


@needs_records
def depth(records: Records) -> Finding:
    """C14: the draws against the closed form (exact)."""
    table = readings.depths(records)
    worst = max(table["mean_errors"].abs().max(), table["variance_errors"].abs().max())
    case = table.query("depth == 54 and last == 0.5 and rule == 'linear'").iloc[0]
    far = "all within" if worst <= 3 else "not all within"
    runs = Measured.of([r.metrics["sampled"] for r in records if r.config["depth"] == 54 and _half(r)], 2)
    text = f"""
        Of {case["depth"]} blocks with stochastic depth {case["expected"]:.2f} are computed on average if the
        last survives half the time; sampled networks compute {runs} (n = {runs.n}), and means and variances
        of {len(table)} cases are {far} 3 standard errors of the closed forms."""
    return finding(text, records, sampled=runs)


def _half(record: Record) -> bool:
    return record.config["last"] == 0.5 and record.config["rule"] == "linear"


def _signed(gap: Contrast, digits: int = 2) -> str:
    if gap.spread is None:
        return f"{number(gap.mean, f'+.{digits}f')} (n = {gap.n})"
    low, high = (number(gap.mean + sign * gap.half, f"+.{digits}f") for sign in (-1, 1))
    return f"{number(gap.mean, f'+.{digits}f')}, interval {low} to {high}, n = {gap.n}"


@needs_records
def schedules(records: Records) -> Finding:
    """C13: early dropout of the under-fitting, late stochastic depth of the over-fitting network."""
    gained = readings.gains(records)
    parts, facts = [], {}
    for regime, method, schedule in (("under", "dropout", "early"), ("over", "depth", "late")):
        gap = Contrast.of(gained.get((regime, method, schedule), ()))
        unknown = "**not to be told from** no noise"
        word = gap.word("**worse** than no noise", "**better** than no noise", unknown=unknown)
        parts.append(f"{name(method, schedule)} of the {REGIMES[regime]} network is {word} ({_signed(gap)})")
        facts[f"{method}_{schedule}"] = gap
    text = f"In points of test accuracy, {listed(parts)}."
    return finding(text, records, **facts)


@needs_records
def gradients(records: Records) -> Finding:
    """C12: the three signs, for the largest rate that was run."""
    told, facts = [], {}
    words = {
        "norm": ("gradients are", "shorter", "longer", "as long"),
        "distance": ("the way from the start is", "shorter", "longer", "as long"),
        "gdv": ("their directions are", "less variable", "more variable", "as variable"),
    }
    for column, (subject, below, above, level) in words.items():
        (rate, values), *_ = reversed(list(readings.early(records, column).items()))
        gap = facts[column] = Contrast.of(values)
        told.append(f"{subject} {gap.word(below, above, level, unknown='not clearly changed')}")
    text = f"""
        Early in training, with dropout of {rate}, {listed(told)} (by the interval over seeds,
        n = {facts["gdv"].n})."""
    return finding(text, records, **facts)


@needs_records
def standard(records: Records) -> Finding:
    """What noise from beginning to end does to both networks; how late compares with standard."""
    gained, told, facts = readings.gains(records), [], {}
    for regime, words in REGIMES.items():
        for method in ("dropout", "depth"):
            gap = facts[f"{regime}_{method}"] = Contrast.of(gained.get((regime, method, "standard"), ()))
            told.append(f"{_signed(gap)} with {name(method, 'standard')} in the {words} network")
    late = facts["late"] = Contrast.paired(
        gained["over", "depth", "late"], gained["over", "depth", "standard"]
    )
    word = late.word("behind", "ahead of")
    text = f"""
        Noise all along gains, in points over none: {"; ".join(told)}. In the over-fitting network late
        stochastic depth is {word} the standard one ({_signed(late)})."""
    return finding(text, records, **facts)


@needs_records
def fitting(records: Records) -> Finding:
    """How far each network's training accuracy is above its test accuracy, without noise."""
    gaps = {f"gap_{regime}": Measured.of(values, 1) for regime, values in readings.gap(records).items()}
    told = [f"{gaps[f'gap_{regime}']} in the {REGIMES[regime]} network" for regime in REGIMES]
    text = f"""
        Without noise, points of accuracy on the training images over the test images are
        {listed(told)} (n = {gaps["gap_under"].n})."""
    return finding(text, records, **gaps)
