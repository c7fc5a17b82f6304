"""Whether two runs of a page say the same: exact cells to their digits, measured ones by their spreads.

A cell tagged ``nbval-ignore-output`` prints what was **measured**: its output carries means, spreads and n
(see :mod:`startright.measured`), and these are compared, not the text. Two numbers differ if chance would
set them so far apart with a probability below :data:`FAMILY_LEVEL` divided by the number of numbers on the
page (Bonferroni): two runs of a page that are independent draws of one law are told apart by mistake once
in twenty times. Runs with the same seeds are more alike than that, so it happens less often. What stops a
strict build is judged at :data:`STRICT_LEVEL`, divided by the number of numbers of all pages. Any other cell
is **exact** and must say the same, word for word. Every cell must show outputs of the same kinds. A
**figure** must be the one that is drawn here, as :mod:`startright.book.pictures` sees it: whoever puts
another in its place, and renews the seal, is found.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from nbformat import NotebookNode

from startright.book import pictures
from startright.book.gate import ACTIVE, MEASURED, entries, images, texts
from startright.book.pair import code_cells
from startright.uncertainty import Entry, distance, typical_spreads

FAMILY_LEVEL = 0.05  # the chance to mark any number of a page although both runs are draws of one law
STRICT_LEVEL = 0.01  # the same over all pages, for a build that stops
_MACHINE = re.compile(r"\btorch \d+\.\d+")  # what the footer says of the machine is no result
_TOKEN = re.compile(r"[-+−]?(?:\d+\.\d+|\.\d+|\d+)(?:[eE][-+]?\d+)?|[^\W\d_][\w-]*|\S")


@dataclass(frozen=True)
class Difference:
    """Where two runs of a page say different things.

    Args:
        page: the page.
        cell: its number among the code cells, from 1.
        cell_id: its id.
        kind: ``exact``, ``figure``, ``measured``, ``sign`` (a finding says the opposite), ``finite`` (one
            side has no finite number, as where a run diverged) or ``verdict``.
        name: what differs: row and column of a table, a claim, the short name of a fact.
        ours: what this run says.
        reference: what the reference says.
        errors: the distance in standard errors; None where there is no such thing.
        chance: of numbers so far apart or more, if both runs are draws of one law.
    """

    page: str
    cell: int
    cell_id: str | None
    kind: str
    name: str
    ours: str
    reference: str
    errors: float | None = None
    chance: float = 0.0

    def stops(self, numbers: int) -> bool:
        """Whether it stops a strict build: not a verdict, which may hang on a threshold between like numbers.

        Args:
            numbers: how many are compared in all.
        """
        return self.kind not in ("verdict", "finite") and self.chance < STRICT_LEVEL / max(numbers, 1)

    def __str__(self) -> str:
        where = f"{self.page}: code cell {self.cell}{f' [{self.cell_id}]' if self.cell_id else ''}"
        return f"{where}: {self.said}"

    @property
    def said(self) -> str:
        """What differs, in words."""
        far = "" if self.errors is None else f" ({self.errors:.1f} standard errors)"
        return f"{self.name}: {self.ours} in this run, {self.reference} in the reference{far}"


def tokens(text: str) -> list[str]:
    """Words, numbers and signs of ``text``, without the white space.

    >>> tokens("KS 0.12 at width 1e3 (C1)")
    ['KS', '0.12', 'at', 'width', '1e3', '(', 'C1', ')']
    """
    return _TOKEN.findall(_MACHINE.sub("torch", text))


def is_measured(cell: NotebookNode) -> bool:
    """Whether a cell prints what was measured and is compared by its numbers."""
    return MEASURED in cell.metadata.get("tags", [])


def count_numbers(notebook: NotebookNode) -> int:
    """How many numbers of a page are compared: the family of the error level."""
    kinds = Counter(entry["kind"] for _, cell in code_cells(notebook) for entry in entries(cell))
    return kinds["mean"] + kinds["count"]


def _said(entry: Entry) -> str:
    if entry["kind"] == "count":
        return f"{entry['k']} of {entry['n']}"
    if entry["kind"] == "word":
        return entry["text"]
    if entry["kind"] == "machine":
        return "a number of the machine"
    mean = "not finite" if entry["mean"] is None else f"{entry['mean']:.4g}"
    return mean + ("" if entry["spread"] is None else f" ± {entry['spread']:.2g}") + f" (n = {entry['n']})"


def judge(
    ours: Entry, reference: Entry, typical: float, level: float
) -> tuple[str, float | None, float] | None:
    """The kind of difference between two entries of one name, its size and its chance; None where they agree.

    Args:
        ours: what this run carries.
        reference: what the reference carries.
        typical: the relative spread of the quantity.
        level: the chance below which two numbers differ.
    """
    if ours["kind"] != reference["kind"]:
        return "exact", None, 0.0
    if ours["kind"] == "word":
        return None if ours["text"] == reference["text"] else ("verdict", None, 1.0)
    if ours["kind"] == "machine":
        return None
    known = [entry["n"] > 0 and entry.get("mean", 0.0) is not None for entry in (ours, reference)]
    if not all(known):
        return ("finite", None, 1.0) if any(known) else None
    errors, chance = distance(ours, reference, typical)
    if chance < level:
        return "measured", errors, chance
    return ("sign", errors, 0.0) if ours.get("sign", 0) * reference.get("sign", 0) < 0 else None


Found = tuple[str, str, str, str] | tuple[str, str, str, str, float | None, float]


def _measured(now: NotebookNode, then: NotebookNode, level: float) -> Iterator[Found]:
    sides = [{(e["name"], e["quantity"]): e for e in entries(cell)} for cell in (now, then)]
    ours, reference = sides
    typical = typical_spreads(entry for side in sides for entry in side.values())
    for key in dict.fromkeys([*reference, *ours]):
        name = key[0] if key[0] == key[1] else ", ".join(key)
        if key not in ours or key not in reference:
            here, there = (_said(side[key]) if key in side else "nothing" for side in sides)
            yield "exact", name, here, there
        elif found := judge(ours[key], reference[key], typical.get(key[1], 0.0), level):
            yield found[0], name, _said(ours[key]), _said(reference[key]), *found[1:]


def _words(cell: NotebookNode) -> list[tuple[str, str]]:
    """What a cell says, in its order; a stream is one text, however often it was flushed."""
    said: list[tuple[str, str]] = []
    for kind, text in texts(cell):
        if said and kind == said[-1][0] and kind not in ACTIVE:
            said[-1] = kind, said[-1][1] + text
        else:
            said.append((kind, text))
    return said


def _kinds(cell: NotebookNode) -> list[str]:
    """Of what kinds the outputs of a cell are."""
    streams = {kind for kind, _ in _words(cell) if kind not in ACTIVE}
    return sorted([*streams, *(mime for output in cell.outputs for mime in output.get("data", {}))])


def _exact(now: NotebookNode, then: NotebookNode) -> Iterator[Found]:
    """The first word that differs; none if the cells say the same."""
    ours, reference = _words(now), _words(then)
    kinds = [[kind for kind, _ in side] for side in (ours, reference)]
    if kinds[0] != kinds[1]:
        yield "exact", "outputs", str(kinds[0]), str(kinds[1])
        return
    for (_, here), (_, there) in zip(ours, reference, strict=True):
        left, right = tokens(here), tokens(there)
        for a, b in zip(left, right, strict=False):
            if a != b:
                yield "exact", "printed", repr(a), repr(b)
                return
        if len(left) != len(right):
            yield "exact", "printed", f"{len(left)} words", f"{len(right)}"
            return


def _figures(now: NotebookNode, then: NotebookNode) -> Iterator[Found]:
    for here, there in zip(images(now), images(then), strict=True):
        if (far := pictures.distance(here, there).largest) > 1:
            yield "figure", "figure", f"{far:.1f} times as far from it as may be", "another picture"


def _differences(now: NotebookNode, then: NotebookNode, level: float) -> Iterator[Found]:
    """Where two cells of one source say different things; if their outputs are of other kinds, only that."""
    kinds = _kinds(now), _kinds(then)
    if kinds[0] != kinds[1]:
        yield "exact", "outputs", *map(str, kinds)
        return
    if is_measured(now):
        yield from _measured(now, then, level)
    if not is_measured(now) or _same_numbers(now, then):
        yield from _exact(now, then)
    yield from _figures(now, then)


def _same_numbers(now: NotebookNode, then: NotebookNode) -> bool:
    """Whether two measured cells carry the very same numbers: then they must say the same as well."""
    ours = entries(now)
    return ours == entries(then) and all(entry["kind"] != "machine" for entry in ours)


def pairs(
    reference: NotebookNode, executed: NotebookNode
) -> Iterator[tuple[int, NotebookNode, NotebookNode]]:
    """Number, cell and reference of the code cells that two runs share: the nth of a source with the nth."""
    known: Mapping[str, list[NotebookNode]] = defaultdict(list)
    for _, cell in code_cells(reference):
        known[cell.source].append(cell)
    for number, cell in code_cells(executed):
        if known[cell.source]:
            yield number, cell, known[cell.source].pop(0)


def compare(reference: NotebookNode, executed: NotebookNode, name: str) -> list[Difference]:
    """Where two runs of a page say different things, cell by cell.

    Args:
        reference: the committed page.
        executed: the page run again; cells of the same source are compared.
        name: the page's name in the messages.

    Raises:
        ValueError: a cell of either carries numbers that are not as :mod:`startright.measured` writes them,
            or a picture that cannot be read.
    """
    level = FAMILY_LEVEL / max(count_numbers(reference), 1)
    return [
        Difference(name, number, cell.get("id"), *found)
        for number, cell, old in pairs(reference, executed)
        for found in _differences(cell, old, level)
    ]
