"""What the slider of the page turns: the indices that are left, for several widths at the start."""

from collections.abc import Sequence

from matplotlib.figure import Figure

from startright.figures import Sheet, sheet
from startright.papers.scalp import readings
from startright.papers.scalp.figures import METHOD_COLOURS
from startright.studies import Record


def survivors(records: Sequence[Record], widths: Sequence[int]) -> Sheet | None:
    """The indices of the neurons that are left, a line a run, for every width at the start.

    Args:
        records: of final widths.
        widths: N, in the order of the slider.

    Returns:
        The panels; None without records.
    """
    most = 1.2 * max(widths)

    def draw(figure: Figure, width: int) -> None:
        ax, row, ticks = figure.subplots(), 0.0, {}
        for method in readings.settings(records, "method"):
            runs = [r for r in records if r.config["method"] == method and r.config["width"] == width]
            ticks[readings.name(method)] = row + (len(runs) - 1) / 2
            for run in runs:
                kept = run.curves.get("kept", [])
                ax.plot(kept, [row] * len(kept), "|", ms=6, color=METHOD_COLOURS[method])
                row += 1
            row += 1
        ax.axvline(width, color="black", lw=0.8)
        ax.set(xscale="log", xlim=(0.8, most), ylim=(row - 0.5, -1), xlabel="index k of the neurons left")
        ax.set_yticks(list(ticks.values()), [name.replace("ScaLP, ", "") for name in ticks])
        ax.set_title(f"N = {width}")

    return sheet(draw, widths, height=3.2) if records else None
