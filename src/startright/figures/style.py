"""The style of every figure: its width, its letters, its pictures; bands, and where a number is from."""

from collections.abc import Sequence
from io import BytesIO
from textwrap import fill

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image

from startright.figures.colours import COLOURS

#: Of a figure, in inches; on a phone, 350 pixels wide, letters of 9 points are 7.8 pixels high, of 10 8.7.
WIDTH = 5.6
DPI = 110  # dots per inch of a screen, for the layout
PALETTE = 128  # colours of a picture
SHARP = 2  # times as many in the pictures: screens of phones and new computers show them
LINE = 86  # characters of a line below a figure


def use_style() -> None:
    """Set matplotlib's defaults for the book's figures (call once a page)."""
    import seaborn as sns  # noqa: PLC0415 - slow to import, and only pages set the style

    sns.set_theme(context="notebook", style="ticks", palette=list(COLOURS.values()))
    mpl.rcParams.update(
        {
            "figure.dpi": DPI,
            "savefig.dpi": SHARP * DPI,
            "font.size": 10,
            "axes.labelsize": 10,
            "axes.titlesize": 10,
            "xtick.labelsize": 9,
            "ytick.labelsize": 9,
            "legend.fontsize": 9,
            "legend.title_fontsize": 9,
            "savefig.bbox": "tight",
            "figure.constrained_layout.use": True,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.grid": True,
            "grid.color": "0.82",  # paler, the few colours of a picture would make it white in parts
            "grid.linewidth": 0.8,
            "legend.frameon": False,
            "lines.linewidth": 1.6,
        }
    )
    _show_small_pictures()


def png(figure: Figure) -> bytes:
    """The figure as a PNG of few colours: a quarter of the bytes, and no difference to the eye.

    Args:
        figure: the figure; its resolution is that of ``savefig.dpi``, twice that of a screen.
    """
    full = BytesIO()
    figure.savefig(full, format="png")
    return small(Image.open(full))


def small(picture: Image.Image) -> bytes:
    """A picture as a PNG of few colours.

    They are the leaves of an octree: the median cut, which counts dots, gives a small patch the colour of a
    larger one, so that the end of a scale turns grey. The leaf that holds white is white, as paper is.
    """
    out = BytesIO()
    full = picture.convert("RGB")
    few = full.quantize(PALETTE, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
    colours = np.reshape(few.getpalette(), (-1, 3))
    colours[np.asarray(few)[np.asarray(full).min(axis=2) == 255]] = 255
    few.putpalette(colours.flatten().tolist())
    few.save(out, "PNG", optimize=True)
    return out.getvalue()


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
    limits: tuple[float, float] = (-np.inf, np.inf),
    **look: object,
) -> None:
    """A line at the mean over runs, and a band of ± one standard deviation, of zero height for one run.

    Args:
        ax: where they are drawn.
        x: the points, (T,).
        runs: a run a row, (n, T); what is not a number is left out.
        log: of the logarithms, for values of any order of magnitude.
        alpha: how opaque the band is.
        limits: what the values cannot pass, such as 0 and 100 of a percentage: the band ends there.
        **look: ``color``, which the band has as well, and what ``Axes.plot`` takes besides.
    """
    table = pd.DataFrame(runs)
    table = np.log10(table) if log else table
    mean, std = table.mean(), table.std().fillna(0)
    middle, low, high = (10**y if log else y for y in (mean, mean - std, mean + std))
    low, high = low.clip(*limits), high.clip(*limits)
    ax.plot(x, middle, **look)
    ax.fill_between(x, low, high, color=look["color"], alpha=alpha, lw=0)


def source_label(figure: Figure, text: str) -> None:
    """Write below a figure where its numbers come from, e.g. the stamp of the records."""
    figure.supxlabel(fill(text, LINE), fontsize=8, color=COLOURS["grey"], x=1.0, ha="right")
