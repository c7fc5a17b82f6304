"""Whether a figure is the one that the page draws: compared as a reader sees it from afar.

The same figure on another processor is not the same file: measured curves move a little, another FreeType
sets the letters otherwise. Both pictures are taken apart into cells, 40 across, of their mean colours. Cells
of the same place differ by what has **moved**; and a cell may hold what is **new**, a colour that the other
picture has neither there nor in the cells around. Both are set against all that is drawn, and what is new
against the whole picture too, its **amount**.

The limits in :data:`MOST` were set between two measurements on the book's 52 figures. In units of the limits,
the pages executed with four other arithmetics and another Python are at most 0.73 from the committed ones,
and no two different figures are nearer than 1.18 (the nearest are the quick and the recorded study of one
kind). Ten figures drawn again without hinting are at most 0.82 away, with letters 3 % larger 0.73. Drawn from
seeds that were drawn again with replacement, which moves curves by their spread, 18 of 20 are at most 0.89
and two of three seeds each beyond, 1.13 and 1.30: a figure of other runs than the page's is another one.
"""

import io
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from PIL import Image

ACROSS = 40
SIZE = 0.05  # by which width and height may differ
#: The largest differences of two pictures of one figure, as parts of what is drawn and of the picture.
MOST = {"moved": 0.30, "new": 0.15, "amount": 0.018}
_CHUNKS = {b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND", b"pHYs", b"gAMA", b"sRGB"}  # no texts


@dataclass(frozen=True)
class Distance:
    """How far two pictures are apart, each part in units of what is allowed.

    Args:
        moved: the difference of the colours, as a part of what is drawn.
        new: that part of one picture which the other has nowhere near.
        amount: the difference of the colours, as a part of the whole picture.
        size: the difference of width or height.
    """

    moved: float
    new: float
    amount: float
    size: float

    @property
    def largest(self) -> float:
        """Above 1 the pictures are of different figures."""
        return max(self.moved, self.new, self.amount, self.size)


def problem(png: bytes) -> str | None:
    """What is wrong with the bytes of a picture: it cannot be read, or carries more than a picture."""
    if not png.startswith(b"\x89PNG\r\n\x1a\n"):
        return "a picture that is no PNG"
    at, names = 8, []
    while at < len(png):
        names.append(png[at + 4 : at + 8])
        at += 12 + int.from_bytes(png[at : at + 4])
    if at != len(png) or names[-1:] != [b"IEND"] or names.count(b"IEND") > 1:
        return "a picture that does not end where its file ends"
    if odd := set(names) - _CHUNKS:
        return f"a picture with something beside it ({', '.join(sorted(map(repr, odd)))})"
    try:
        _picture(png).load()
    except Exception as error:  # Pillow raises nearly anything
        return f"a picture that cannot be read: {error}"
    return None


@lru_cache(maxsize=256)
def size(png: bytes) -> tuple[int, int]:
    """Width and height of a picture in dots."""
    return _picture(png).size


def _picture(png: bytes) -> Image.Image:
    return Image.open(io.BytesIO(png), formats=["PNG"])


@lru_cache(maxsize=256)  # who holds many pictures against one another decodes each once
def _cells(png: bytes, shape: tuple[int, int]) -> np.ndarray:
    """Mean colours on white, (rows, columns, 3), from 0 to 1."""
    picture = _picture(png).convert("RGBA")
    page = Image.new("RGBA", picture.size, "white")
    page.alpha_composite(picture)
    small = page.convert("RGB").resize(shape[::-1], Image.Resampling.BOX)
    return np.asarray(small, dtype=float) / 255


def _nearest(cells: np.ndarray, other: np.ndarray) -> np.ndarray:
    """How far each cell is from the most like of the nine around its place in the other picture."""
    rows, columns, _ = cells.shape
    around = np.pad(other, ((1, 1), (1, 1), (0, 0)), constant_values=np.inf)
    shifts = [around[i : i + rows, j : j + columns] for i in range(3) for j in range(3)]
    return np.min([np.abs(cells - shift).max(-1) for shift in shifts], axis=0)


def distance(ours: bytes, reference: bytes) -> Distance:
    """How far two pictures are apart.

    Args:
        ours: a PNG.
        reference: the PNG that it is held against.

    Raises:
        ValueError: one of them is no PNG that can be read.
    """
    try:
        (width, height), (w, h) = map(size, (reference, ours))
        shape = max(round(ACROSS * height / width), 1), ACROSS
        left, right = (_cells(png, shape) for png in (ours, reference))
    except Exception as error:  # Pillow raises nearly anything
        raise ValueError(f"a picture cannot be read: {error}") from error
    drawn = sum((1 - side).max(-1).sum() for side in (left, right)) / 2 or 1.0
    apart = np.abs(left - right).max(-1)
    new = max(_nearest(left, right), _nearest(right, left), key=np.sum)
    resized = max(abs(w / width - 1), abs(h / height - 1))
    parts = {"moved": apart.sum() / drawn, "new": new.sum() / drawn, "amount": new.mean()}
    return Distance(**{name: float(part / MOST[name]) for name, part in parts.items()}, size=resized / SIZE)
