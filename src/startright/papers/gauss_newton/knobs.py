"""What the slider of the page turns: losses along training, for several steps."""

from collections.abc import Sequence

from matplotlib.figure import Figure

from startright.figures import Sheet, sheet
from startright.papers.gauss_newton.figures import losses
from startright.studies import Record


def hidden(records: Sequence[Record], steps: Sequence[float], scale: float = 0.01) -> Sheet | None:
    """Training loss, test loss and test loss after a refit along training, a panel a step.

    Args:
        records: of the grid.
        steps: λ/N, in the order of the slider.
        scale: initial scale of the students.

    Returns:
        The panels; None without records.
    """

    def draw(figure: Figure, step: float) -> None:
        ax = figure.subplots()
        losses(ax, records, scale, step)
        ax.set_xlim(0, 1000)
        ax.legend(loc="upper right")

    return sheet(draw, steps, height=3.2) if records else None
