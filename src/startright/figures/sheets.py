"""Panels for a slider: one figure for several values of a knob, in one picture."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import TypeVar

import matplotlib as mpl
from matplotlib.figure import Figure
from PIL import Image

from startright.figures.style import DPI, SHARP, small

T = TypeVar("T")
SHEET_COLUMNS = 2  # of a sheet of panels; the slider of the pages knows it
PANEL = 3.8  # inches of width


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
        height: of a panel in inches; it is half as wide as the sheet.

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
    return Sheet(small(whole), len(values))


def _panel(draw: Callable[[Figure, object], None], value: object, height: float) -> Image.Image:
    figure, out = Figure(figsize=(PANEL, height), layout="constrained"), BytesIO()
    draw(figure, value)
    with mpl.rc_context({"savefig.bbox": None}):  # trimmed, panels would not be of one size
        figure.savefig(out, format="png", dpi=SHARP * DPI)
    return Image.open(out)
