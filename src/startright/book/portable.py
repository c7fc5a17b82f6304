"""Other processors on this one: the quick studies of every page under several arithmetics.

The same program on the same seeds gives other numbers where another kernel rounds otherwise. Environment
variables make the libraries take the kernels that they would take on another processor, so the spread over
machines can be seen on one: exact cells must print the same under all of them, findings must not say the
opposite, and means of measured numbers should scatter over arithmetics no more than over seeds.
"""

import math
import os
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median, stdev

from startright.book.compare import is_measured
from startright.book.contents import Page
from startright.book.gate import entries
from startright.book.pair import code_cells, read
from startright.book.rerun import Rerun, Say, executed_path, rerun, say
from startright.errors import unknown

ARITHMETICS: dict[str, dict[str, str]] = {
    "default": {},  # what `make book` does here: one thread a page
    "avx2": {
        "ATEN_CPU_CAPABILITY": "avx2",
        "ONEDNN_MAX_CPU_ISA": "AVX2",
        "MKL_ENABLE_INSTRUCTIONS": "AVX2",
    },
    "compatible": {"MKL_CBWR": "COMPATIBLE"},
    "sse41": {"ATEN_CPU_CAPABILITY": "default", "ONEDNN_MAX_CPU_ISA": "SSE41"},
    "two-threads": {"OMP_NUM_THREADS": "2"},
}
_ALL = {name for settings in ARITHMETICS.values() for name in settings}


@contextmanager
def arithmetic(name: str) -> Iterator[None]:
    """Kernels that start inside the block compute with the arithmetic ``name``, whatever was set before.

    Raises:
        ValueError: an unknown name.
    """
    if name not in ARITHMETICS:
        raise unknown("arithmetic", name, ARITHMETICS)
    before = {variable: os.environ.get(variable) for variable in _ALL}
    try:
        for variable in _ALL if name != "default" else ():
            os.environ.pop(variable, None)
        os.environ.update(ARITHMETICS[name])
        yield
    finally:
        for variable, value in before.items():
            os.environ.pop(variable, None)
            os.environ.update({} if value is None else {variable: value})


def place(page: Page, name: str) -> Path:
    """Where a page executed with the arithmetic ``name`` lies."""
    if name == "default":
        return executed_path(page)
    return page.root / "_build" / "portable" / name / f"{page.docname}.ipynb"


@dataclass(frozen=True)
class Spread:
    """How the measured numbers of one quantity scatter.

    Args:
        page: the page.
        quantity: column of a table, or short name of a fact.
        numbers: how many numbers there are.
        seeds: median relative standard error of a mean, from its spread over seeds.
        arithmetics: median relative standard deviation of that mean over the arithmetics.
        worst: the largest ratio of the two.
    """

    page: str
    quantity: str
    numbers: int
    seeds: float
    arithmetics: float
    worst: float


def spreads(page: Page, names: Sequence[str]) -> list[Spread]:
    """The spread over arithmetics beside that over seeds, by quantity.

    Args:
        page: the page.
        names: two arithmetics or more that it was executed with.
    """
    found: Mapping[tuple[str, str, str], list[dict]] = defaultdict(list)
    for name in names:
        for number, cell in code_cells(read(place(page, name))):
            for entry in entries(cell) if is_measured(cell) else ():
                if entry["kind"] == "mean" and entry["mean"] is not None and entry["spread"]:
                    found[entry["quantity"], entry["name"], str(number)].append(entry)
    groups: Mapping[str, list[tuple[float, float]]] = defaultdict(list)
    for (quantity, *_), runs in found.items():
        if len(runs) > 1:
            size = abs(sum(run["mean"] for run in runs) / len(runs)) or 1.0
            error = median(run["spread"] / math.sqrt(run["n"]) for run in runs) / size
            groups[quantity].append((error, stdev(run["mean"] for run in runs) / size))
    return [
        Spread(
            page.docname,
            quantity,
            len(pairs),
            median(seeds for seeds, _ in pairs),
            median(over for _, over in pairs),
            max(over / seeds for seeds, over in pairs),
        )
        for quantity, pairs in groups.items()
    ]


def run(pages: Sequence[Page], names: Sequence[str], report: Say = say) -> dict[str, Rerun]:
    """Executes pages with each arithmetic and compares them with the committed ones.

    Args:
        pages: the pages.
        names: of :data:`ARITHMETICS`.
        report: takes a line of progress at a time.

    Raises:
        ValueError: an unknown arithmetic.
    """
    results = {}
    for name in names:
        settings = " ".join(f"{key}={value}" for key, value in ARITHMETICS.get(name, {}).items())
        report(f"arithmetic {name} {f'({settings})' if settings else ''}".rstrip())
        with arithmetic(name):
            results[name] = rerun(pages, report, place=lambda page, name=name: place(page, name))
    return results


def failures(results: Mapping[str, Rerun]) -> list[str]:
    """What no arithmetic may change: pages that do not run, exact cells, findings that say the opposite."""
    numbers = sum(result.numbers for result in results.values())
    return [
        f"{name}: {found}"
        for name, result in results.items()
        for found in (*result.problems, *(d for d in result.differences if d.stops(numbers)))
    ]


def _head(*names: str) -> list[str]:
    return [f"| {' | '.join(names)} |", f"|{' --- |' * len(names)}"]


def report_of(pages: Sequence[Page], results: Mapping[str, Rerun]) -> str:
    """The table of what differs and of the spreads, as Markdown."""
    lines = _head(
        "arithmetic",
        "exact cells",
        "opposite findings",
        "figures",
        "measured beyond chance",
        "other verdicts",
    )
    for name, result in results.items():
        kinds = Counter(each.kind for each in result.differences)
        measured = f"{kinds['measured']} of {result.numbers}"
        counts = [kinds["exact"], kinds["sign"], kinds["figure"], measured, kinds["verdict"]]
        lines.append(f"| {name} | {' | '.join(map(str, counts))} |")
    failed = {problem.page for result in results.values() for problem in result.problems}
    shown = [page for page in pages if page.docname not in failed] if len(results) > 1 else []
    if shown:
        names = ("page", "quantity", "numbers", "error of a mean by seeds", "spread over arithmetics")
        lines += ["", *_head(*names, "largest ratio")]
    for page in shown:
        for each in spreads(page, list(results)):
            shares = f"{each.seeds:.1%} | {each.arithmetics:.1%} | {each.worst:.1f}"
            lines.append(f"| {each.page} | {each.quantity} | {each.numbers} | {shares} |")
    return "\n".join(lines)
