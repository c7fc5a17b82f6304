"""Runs the benchmarks of this folder and keeps their numbers with the machine they came from.

A benchmark is a script that prints one JSON object a line when called with ``--json``, in the shape that
``timing.py`` gives it.

.. code-block:: sh

    python benchmarks/run.py                     # all
    python benchmarks/run.py training_stacked    # those named
    python benchmarks/run.py --minutes 5         # the shortest, as many as fit
    python benchmarks/run.py --list              # what there is, and how long it took
"""

import argparse
import json
import platform
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path

from timing import sentence, spread

HERE = Path(__file__).parent
HELPERS = {"run", "timing", "stacking", "sweeps"}
OWN_TABLE = {"higher_order_operations"}  # writes it itself, in a quarter of an hour


def scripts() -> dict[str, Path]:
    """The benchmarks by name."""
    return {p.stem: p for p in sorted(HERE.glob("*.py")) if p.stem not in HELPERS | OWN_TABLE}


def kept(name: str) -> dict:
    """What was recorded of a benchmark last; empty if nothing was."""
    path = HERE / "results" / f"{name}.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def plan(seconds: Mapping[str, float | None], minutes: float) -> tuple[list[str], list[str]]:
    """Which benchmarks fit into so many minutes, the shortest first, and which are left out.

    Args:
        seconds: that each took when it was recorded; None: not known, so it is tried last, if time is left.
        minutes: in all.

    >>> plan({"long": 100.0, "new": None, "short": 20.0}, 1)
    (['short', 'new'], ['long'])
    """
    chosen, left, spent = [], [], 0.0
    for name in sorted(seconds, key=lambda name: (seconds[name] is None, seconds[name] or 0.0, name)):
        fits = spent + (seconds[name] or 0.0) <= 60 * minutes and spent < 60 * minutes
        (chosen if fits else left).append(name)
        spent += (seconds[name] or 0.0) if fits else 0.0
    return chosen, left


def record(name: str, blocks: int | None = None) -> list[dict]:
    """Runs a script, in its own number of blocks or so many, and writes ``results/NAME.json``.

    Returns:
        Its rows, none if it measured nothing here.
    """
    begin = time.perf_counter()
    command = [sys.executable, str(scripts()[name]), "--json", *([f"--blocks={blocks}"] if blocks else [])]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    rows = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    if not rows:
        print(f"{name}: nothing measured on this machine, its results stay", flush=True)
        return []
    print(*map(sentence, rows), sep="\n", flush=True)
    whole = {
        "machine": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "torch": version("torch"),
        "seconds": round(time.perf_counter() - begin, 1),
        "results": rows,
    }
    target = HERE / "results" / f"{name}.json"
    target.parent.mkdir(exist_ok=True)
    target.write_text(json.dumps(whole, indent=1) + "\n", encoding="utf-8")
    return rows


def table(rows: Sequence[Mapping]) -> str:
    """Benchmark, case, ratio, goal, whether it was reached, and the limit, a row a line."""
    head = ("benchmark", "case", "ratio (low to high)", "goal", "reached", "limit")
    cells = [head, *map(_cells, rows)]
    widths = [max(len(row[k]) for row in cells) for k in range(len(head))]
    lines = ("  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)) for row in cells)
    return "\n".join(line.rstrip() for line in lines)


def _cells(row: Mapping) -> tuple[str, ...]:
    time = f"{row['way_s']:.3g} s" + (f" (to {row['way_high_s']:.3g})" if "way_high_s" in row else "")
    goals = [row["goal"], row["goal_s"] and f"<= {row['goal_s']:g} s"]
    case = f"{row['case']}: {row['way']}, {row['baseline']}" if "ratio" in row else row["case"]
    return (
        row["benchmark"],
        case,
        spread(row) if "ratio" in row else time,
        ", ".join(filter(None, goals)) or "-",
        {True: "yes", False: "no", None: "-"}[row["reached"]],
        f"{row['limit']:.2f}" if "limit" in row else "-",
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", help="only these")
    parser.add_argument("--minutes", type=float, help="stop when so many are spent; the shortest go first")
    parser.add_argument("--blocks", type=int, help="of every benchmark, for a trial: its own are more")
    parser.add_argument("--list", action="store_true", help="name the benchmarks and their last seconds")
    options = parser.parse_args()
    if unknown := sorted(set(options.names) - set(scripts())):
        sys.exit(f"unknown benchmark {unknown[0]!r}; known: {', '.join(scripts())}")
    names = options.names or list(scripts())
    seconds = {name: kept(name).get("seconds") for name in names}
    if options.list:
        print(
            *(f"{name}: {'not known' if s is None else f'{s:g} s'}" for name, s in seconds.items()), sep="\n"
        )
        return
    names, left = (names, []) if options.minutes is None else plan(seconds, options.minutes)
    begin, rows = time.monotonic(), []
    for name in names:
        if options.minutes is not None and time.monotonic() - begin > 60 * options.minutes:
            left.append(name)
            continue
        rows += record(name, options.blocks)
    print("", table(rows), sep="\n")
    if left:
        print(f"\nleft out for want of time: {', '.join(left)}")


if __name__ == "__main__":
    main()
