"""Sentences of the chapter that report a result: records in, findings out."""

from collections.abc import Sequence

import numpy as np

from startright.measured import Contrast, Finding, Measured, finding, listed, needs_records
from startright.papers.critical.readings import WORDS, by_decay, courses, gaps, longest, sensitivities
from startright.studies import Record

Records = Sequence[Record]
POINT = 0.5  # points of accuracy: below this a difference does not matter


def _said(lost: Contrast) -> str:
    """``"costs 1.2 ± 0.3 points (n = 4)"``, or that nothing is to be seen."""
    unknown = "cannot be told from no cost:"
    word = lost.word("gains", "costs", "costs nothing that matters,", unknown=unknown, margin=POINT)
    return f"{word} {lost.text(1, ' points')}"


@needs_records
def fisher(records: Records) -> Finding:
    """What an early blur does to the Fisher information at the end."""
    kinds = courses(records)
    clean, blurred = (kinds[kind].set_index("seed") for kind in ("clean", "blur"))
    left = Contrast.of(np.log10(blurred["fisher_last"] / clean["fisher_last"]).dropna())
    word = left.word("less than", "more than", "as much as", margin=np.log10(1.1))
    times = Measured.of(blurred["fisher_last"] / clean["fisher_last"], 2)
    stop = int(blurred["stop"].max())
    text = f"""
        After a blur until epoch {stop}, and as many clean epochs as the control has, the trace at the end is
        {word} the control's: {times} times it (n = {left.n})."""
    return finding(text, records, left=left)


@needs_records
def removal(records: Records) -> Finding:
    """What the longest of each deficit costs."""
    last, facts, said = longest(records), {}, []
    for name in ("blur", "noise", "flip", "labels"):
        lost = gaps(records, name).get(last)
        if lost is not None:
            facts[name] = Contrast.of(lost)
            said.append(f"{WORDS[name]} {_said(facts[name])}")
    return finding(f"Until epoch {last}, and then clean: {'; '.join(said)}.", records, **facts)


@needs_records
def restarted(records: Records) -> Finding:
    """What a restart of the learning rate gives back."""
    last = longest(records)
    plain, again = gaps(records)[last], gaps(records, restart=True)[last]
    back = Contrast.paired(plain, again)
    word = back.word("takes away", "gives back", "changes nothing that matters,", margin=POINT)
    word = "cannot be told from no help:" if word == "not to be told from" else word
    text = f"""
        A restart of the learning rate when the blur ends, at epoch {last}, {word}
        {back.text(1, " points")}."""
    facts, noise = {"back": back}, gaps(records, "noise", restart=True).get(last)
    if noise is not None:
        facts["noise"] = Contrast.of(noise)
        text += f" Noise until then, and a rate that starts anew, {_said(facts['noise'])}."
    return finding(text, records, **facts)


@needs_records
def window(records: Records) -> Finding:
    """What a window costs, by its onset."""
    facts = {f"from {onset}": Contrast.of(values) for onset, values in sensitivities(records).items()}
    said = [f"{name.replace('from', 'from epoch')} it {_said(lost)}" for name, lost in facts.items()]
    return finding(f"A blur in a window: {'; '.join(said)}.", records, **facts)


def decay(decays: Records, removals: Records) -> Finding:
    """How the gap moves with weight decay, with its sign."""
    found = by_decay(decays, removals)
    if len(found) < 2:
        return finding("*Not yet run.*", [])
    least, most = min(found), max(found)
    change = Contrast.paired(found[least], found[most])
    word = change.word("smaller than", "larger than", "as large as", margin=POINT)
    costs = {value: Contrast.of(lost) for value, lost in found.items()}
    said = listed([f"{lost.mean:.1f} at {value:g}".replace("-", "−") for value, lost in costs.items()])
    text = f"""
        By weight decay the longest blur costs, in points, {said}: without weight decay the gap is {word}
        that with the usual one, {change.text(1, " points")}."""
    return finding(text, decays, change=change)
