"""Tables of the paper: records in, a small table out."""

from collections.abc import Sequence

from startright.measured import Measured, Table, table
from startright.papers.critical.readings import WORDS, by_decay, control, courses, gaps, sensitivities
from startright.studies import Record


def removal(records: Sequence[Record]) -> Table:
    """By deficit: points of accuracy lost, a column per removal t₀."""
    kinds = [(name, False) for name in WORDS if name != "none"] + [("blur", True), ("noise", True)]
    found = {kind: gaps(records, kind[0], restart=kind[1]) for kind in kinds}
    columns = sorted({stop for by_stop in found.values() for stop in by_stop})
    rows = {}
    for (name, restart), by_stop in found.items():
        if by_stop:
            label = WORDS[name] + (", learning rate restarted" if restart else "")
            rows[label] = {f"until epoch {stop}": Measured.of(by_stop.get(stop, [])) for stop in columns}
    return table(rows, records, index="points lost to")


def fisher(records: Sequence[Record]) -> Table:
    """By kind of training: the trace at first, at its peak and at the end, and accuracies in per cent."""
    rows = {}
    for part in courses(records).values():
        stop = int(part["stop"].max())
        label = f"blur until epoch {stop}" if stop else f"no deficit, {int(part['epochs'].max())} epochs"
        rows[label] = {
            "Tr F at first": Measured.of(part["fisher_first"], 1),
            "at its peak": Measured.of(part["fisher_peak"], 0),
            "epoch of the peak": Measured.of(part["peak_epoch"], 0),
            "at the end": Measured.of(part["fisher_last"], 0),
            "accuracy at the end (%)": Measured.of(part["accuracy"], 1),
        }
    return table(rows, records, index="training")


def window(records: Sequence[Record]) -> Table:
    """By onset of a window: points of accuracy lost."""
    rows = {
        f"from epoch {onset}": {"points lost": Measured.of(values)}
        for onset, values in sensitivities(records).items()
    }
    return table(rows, records, index="window")


def decay(decays: Sequence[Record], removals: Sequence[Record]) -> Table:
    """By weight decay: the control's accuracy, and the points lost to the longest blur."""
    rows = {}
    for value, lost in by_decay(decays, removals).items():
        base = control(decays, value)
        base = base if len(base) else control(removals, value)
        rows[f"{value:g}"] = {
            "accuracy without deficit (%)": Measured.of(base, 1),
            "points lost to the blur": Measured.of(lost),
        }
    return table(rows, decays, index="weight decay")
