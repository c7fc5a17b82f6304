"""The shared look of every figure: one style, one set of colours, labels that say where a number is from."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import TypeVar

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image

T = TypeVar("T")
SHEET_COLUMNS = 2  # of a sheet of panels; the slider of the pages knows it
WIDTH = 7.6  # inches: the text column of the book at 110 dots an inch
#: Colour-blind safe (Okabe and Ito), readable in grey.
COLOURS = {
    "blue": "#0072B2",
    "orange": "#E69F00",
    "green": "#009E73",
    "red": "#D55E00",
    "purple": "#CC79A7",
    "sky": "#56B4E9",
    "grey": "#6E6E6E",
}


def use_style() -> None:
    """Set matplotlib's defaults for the book's figures (call once a page)."""
    import seaborn as sns  # noqa: PLC0415 - slow to import, and only pages set the style

    sns.set_theme(context="notebook", style="ticks", palette=list(COLOURS.values()), font_scale=0.85)
    mpl.rcParams.update(
        {
            "figure.dpi": 110,
            "savefig.dpi": 110,
            "savefig.bbox": "tight",
            "figure.constrained_layout.use": True,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.grid": True,
            "grid.alpha": 0.25,
            "legend.frameon": False,
            "lines.linewidth": 1.6,
        }
    )

    _show_small_pictures()


def png(figure: Figure) -> bytes:
    """The figure as a PNG of 256 colours: a quarter of the bytes, and no difference to the eye.

    Args:
        figure: the figure; its resolution is that of ``savefig.dpi``.
    """
    full = BytesIO()
    figure.savefig(full, format="png")
    return _small(Image.open(full))


def _small(picture: Image.Image) -> bytes:
    small = BytesIO()
    picture.convert("RGB").quantize(256, dither=Image.Dither.NONE).save(small, "PNG", optimize=True)
    return small.getvalue()


@dataclass(frozen=True)
class Sheet:
    """One figure for several values of a knob, as panels of one picture, two in a row.

    A page shows it with a slider that puts one panel at a time before the reader; where no script runs, in
    print and in Colab, all are seen at once.

    Args:
        picture: the PNG.
        count: the number of panels.
    """

    picture: bytes
    count: int

    def _repr_png_(self) -> bytes:
        return self.picture

    def __repr__(self) -> str:
        return f"<Sheet of {self.count} panels>"


def sheet(draw: Callable[[Figure, T], None], values: Sequence[T], *, height: float = 2.7) -> Sheet:
    """Draw a figure for every value of a knob.

    Args:
        draw: draws on an empty figure, given the value. Limits of axes should be the same for all values.
        values: of the knob, in the order of the slider.
        height: of a panel in inches; it is as wide as half the book's column, and twice as fine.

    Raises:
        ValueError: fewer than two values.
    """
    if len(values) < 2:
        raise ValueError(f"a slider needs two values or more, got {values!r}")
    pictures = [_panel(draw, value, height) for value in values]
    (width, high), rows = pictures[0].size, -(-len(values) // SHEET_COLUMNS)
    whole = Image.new("RGB", (SHEET_COLUMNS * width, rows * high), "white")
    for index, picture in enumerate(pictures):
        row, column = divmod(index, SHEET_COLUMNS)
        whole.paste(picture, (column * width, row * high))
    return Sheet(_small(whole), len(values))


def _panel(draw: Callable[[Figure, object], None], value: object, height: float) -> Image.Image:
    figure, out = Figure(figsize=(WIDTH / SHEET_COLUMNS, height), layout="constrained"), BytesIO()
    draw(figure, value)
    with mpl.rc_context({"savefig.bbox": None}):  # trimmed, panels would not be of one size
        figure.savefig(out, format="png", dpi=2 * mpl.rcParams["savefig.dpi"])
    return Image.open(out)


def _show_small_pictures() -> None:
    """In a notebook, let :func:`png` make the pictures."""
    try:
        shell = get_ipython()  # IPython defines it
    except NameError:
        return
    plt.switch_backend(mpl.get_backend())  # loaded only now, it would put its own pictures in place of ours
    shell.display_formatter.formatters["image/png"].for_type(Figure, png)


def panels(rows: int = 1, columns: int = 1, *, height: float = 3.0, **kwargs: object) -> tuple[Figure, Axes]:
    """A figure of the book's width with ``rows`` × ``columns`` axes, each row ``height`` inches high.

    Args:
        rows: number of rows.
        columns: number of columns.
        height: height of one row, in inches.
        **kwargs: passed on to ``matplotlib.pyplot.subplots`` (``sharex``, ``sharey``, …).

    Returns:
        The figure and its axes, as ``plt.subplots`` returns them.
    """
    return plt.subplots(rows, columns, figsize=(WIDTH, height * rows), **kwargs)


def band(
    ax: Axes,
    x: Sequence[float],
    runs: pd.DataFrame | np.ndarray,
    *,
    log: bool = False,
    alpha: float = 0.2,
    **look: object,
) -> None:
    """A line at the mean over runs, and a band of ± one standard deviation, of zero height for one run.

    Args:
        ax: where they are drawn.
        x: the points, (T,).
        runs: a run a row, (n, T); what is not a number is left out.
        log: of the logarithms, for values of any order of magnitude.
        alpha: how opaque the band is.
        **look: ``color``, which the band has as well, and what ``Axes.plot`` takes besides.
    """
    table = pd.DataFrame(runs)
    table = np.log10(table) if log else table
    mean, std = table.mean(), table.std().fillna(0)
    middle, low, high = (10**y if log else y for y in (mean, mean - std, mean + std))
    ax.plot(x, middle, **look)
    ax.fill_between(x, low, high, color=look["color"], alpha=alpha, lw=0)


def source_label(figure: Figure, text: str) -> None:
    """Write below a figure where its numbers come from, e.g. the stamp of the records."""
    figure.supxlabel(text, fontsize="x-small", color=COLOURS["grey"], x=1.0, ha="right")
