"""What the slider of the page turns: the epoch at which a deficit ends."""

from collections.abc import Sequence

from matplotlib.figure import Figure

from startright.figures import Sheet, band, sheet
from startright.papers.critical.figures import COLOUR
from startright.papers.critical.readings import control
from startright.studies import Record, curve_frame

REMOVALS = (20, 40, 60, 80, 100)


def removal(records: Sequence[Record], removals: Sequence[int] = REMOVALS, deficit: str = "blur") -> Sheet:
    """The accuracy over a training whose deficit ends at t₀, a panel per t₀; dots: the control at its end.

    Args:
        records: of the removal study.
        removals: t₀ of each panel, all of them in the grid.
        deficit: which.

    Raises:
        ValueError: a t₀ that the records do not have.
    """
    table = curve_frame(records, "accuracy").query("deficit == @deficit and not restart")
    for stop in removals:
        if stop not in set(table["stop"]):
            raise ValueError(f"no run has a {deficit} until epoch {stop}: {sorted(set(table['stop']))} are")
    base, most = float(control(records).mean()), int(table["epochs"].max())

    def draw(figure: Figure, stop: int) -> None:
        ax = figure.subplots()
        part = table[table["stop"] == stop]
        wide = part.pivot(index="seed", columns="step", values="accuracy")
        epochs = [
            min((step + 1) * int(part["every"].max()), int(part["epochs"].max())) for step in wide.columns
        ]
        ax.axvspan(0, stop, color=COLOUR["blur"], alpha=0.1, lw=0)
        band(ax, epochs, wide.to_numpy(), color=COLOUR[deficit])
        ax.axhline(base, color=COLOUR["none"], ls=":", lw=1.2)
        ax.set(xlim=(0, most), ylim=(0, 102), xlabel="epoch", ylabel="accuracy (%)", title=f"t₀ = {stop}")

    return sheet(draw, removals, height=2.6)
