"""What the chapter says first, in words: the page explains its symbols below."""

from collections.abc import Sequence

import numpy as np

from startright.measured import Contrast, Finding, Measured, finding, needs_records
from startright.papers.critical.readings import FALLEN, courses, gaps, longest, network
from startright.studies import Record

POINT = 0.5  # points of accuracy: below this a difference does not matter


@needs_records
def bump(records: Sequence[Record]) -> Finding:
    """C10: the information in the weights over a clean training."""
    clean = courses(records)["clean"]
    up = Measured.of(clean["fisher_peak"] / clean["fisher_first"], 0)
    fallen = clean["fisher_peak"] / clean["fisher_last"]
    down, beyond = Measured.of(fallen, 1), Contrast.of(np.log10(fallen / FALLEN))
    unknown = "whether it then shrinks is undecided"
    falls = beyond.word("then it shrinks little", "then it shrinks", unknown=unknown)
    start, end = (Measured.of(clean[name], 1) for name in ("accuracy_at_peak", "accuracy"))
    text = f"""
        Clean images, {network(records)}: in the first epochs the information in the weights grows to {up}
        times what it was; {falls}: it ends
        at its peak divided by {down}, while accuracy goes from {start} % to {end} % (n = {up.n})."""
    return finding(text, records, up=up, down=down, start=start, end=end)


@needs_records
def lasting(records: Sequence[Record]) -> Finding:
    """C7: what the longest blur costs after clean data for as long as ever."""
    last = longest(records)
    clean = int(min(record.config["epochs"] for record in records))
    lost = Contrast.of(gaps(records)[last])
    word = lost.word("better than", "worse than", "level with", margin=POINT)
    text = f"""
        A network that saw blurred images for {last} epochs ({network(records)}) is, after {clean} clean
        ones, **{word}** one that
        saw clean images alone for {clean} epochs: {lost.text(1, " points of accuracy lost")}."""
    return finding(text, records, lost=lost)


@needs_records
def reopened(records: Sequence[Record]) -> Finding:
    """C7, the control: the same with a learning rate that starts anew."""
    last = longest(records)
    lost = Contrast.of(gaps(records, restart=True)[last])
    word = lost.word("better than", "worse than", "level with", margin=POINT)
    text = f"""
        With a learning rate that starts anew when the blur ends, it is **{word}** that control:
        {lost.text(1, " points of accuracy lost")}."""
    return finding(text, records, lost=lost)
