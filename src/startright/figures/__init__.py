"""The shared look of every figure: one style, one colour per method, and the paper beside ours."""

from startright.figures.colours import COLOURS, METHODS, colour, ink, register
from startright.figures.comparison import Beside, beside, printed
from startright.figures.labels import name_curves
from startright.figures.layout import key, pairs
from startright.figures.maps import heat
from startright.figures.sheets import Sheet, sheet
from startright.figures.style import WIDTH, band, panels, png, source_label, use_style

__all__ = [
    "COLOURS",
    "METHODS",
    "WIDTH",
    "Beside",
    "Sheet",
    "band",
    "beside",
    "colour",
    "heat",
    "ink",
    "key",
    "name_curves",
    "pairs",
    "panels",
    "png",
    "printed",
    "register",
    "sheet",
    "source_label",
    "use_style",
]
