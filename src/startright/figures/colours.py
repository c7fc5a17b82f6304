"""One colour per method in the whole book, and words in it that can be read."""

from matplotlib.colors import to_hex, to_rgb

from startright.errors import unknown

#: Colour-blind safe (Okabe and Ito; wine is Tol's), readable in grey.
COLOURS = {
    "blue": "#0072B2",
    "orange": "#E69F00",
    "green": "#009E73",
    "red": "#D55E00",
    "purple": "#CC79A7",
    "sky": "#56B4E9",
    "grey": "#6E6E6E",
    "wine": "#882255",
}
#: method → the name of its colour, the same in every chapter.
METHODS = {
    "sgd": "blue",
    "momentum": "sky",
    "adam": "grey",
    "gradient": "orange",
    "alrao": "red",
    "gauss-newton": "green",
    "grouped-newton": "wine",
    "kfac": "purple",
    # of activations, which no figure shows beside optimisers
    "relu": "red",
    "tanh": "orange",
    "phi-odd": "blue",
    "phi-positive": "green",
}
CONTRAST = 4.5  # of words on white, as the guidelines for accessible pages ask


def colour(method: str) -> str:
    """The colour of a method.

    Args:
        method: one of those in :data:`METHODS`, or registered by :func:`register`.

    Raises:
        ValueError: a method without a colour; the message names those that have one.

    >>> colour("alrao")
    '#D55E00'
    """
    if method not in METHODS:
        raise unknown("method", method, METHODS)
    return COLOURS[METHODS[method]]


def register(method: str, name: str) -> str:
    """Give a method its colour; a paper does so in its own module of figures.

    Args:
        method: a short name, such as ``"scalp"``.
        name: of a colour in :data:`COLOURS`.

    Returns:
        The colour.

    Raises:
        ValueError: no such colour, or the method has another one already.
    """
    if name not in COLOURS:
        raise unknown("colour", name, COLOURS)
    if METHODS.setdefault(method, name) != name:
        raise ValueError(f"{method!r} is {METHODS[method]} in this book, not {name}: use colour({method!r})")
    return COLOURS[name]


def luminance(shade: object) -> float:
    """The relative luminance of a colour, 0 of black and 1 of white.

    Source:
        Web Content Accessibility Guidelines 2.2, "relative luminance".
    """
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(shade)]
    return sum(part * c for part, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def ink(shade: object) -> str:
    """The colour for words: darker where it would be too pale to be read on white.

    >>> ink("black"), ink(COLOURS["orange"])
    ('#000000', '#9c6c00')
    """
    rgb, dark = to_rgb(shade), 1.0
    while 1.05 / (luminance([dark * c for c in rgb]) + 0.05) < CONTRAST:
        dark -= 0.01
    return to_hex([dark * c for c in rgb])
