"""Runs the benchmarks of this folder and keeps their numbers with the machine they came from.

A benchmark is a script that prints one JSON object a line when called with ``--json``: times or errors with
their unit in the name, and where it makes sense the baseline and the ``ratio``.
Run all, or those named: ``python benchmarks/run.py training_stacked``.
"""

import json
import platform
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

HERE = Path(__file__).parent
NO_TIMES = (
    "run",
    "timing",
    "higher_order_operations",
)  # the last writes its own table, in a quarter of an hour


def lines(script: Path) -> list[dict]:
    """What the script printed, line by line."""
    command = [sys.executable, str(script), "--json"]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


def show(row: dict) -> str:
    """A result on one line."""
    return ", ".join(
        f"{key} {value:.3g}" if isinstance(value, float) else f"{key} {value}" for key, value in row.items()
    )


def main(names: list[str]) -> None:
    """Runs the scripts and writes ``results/NAME.json``."""
    machine = {
        "machine": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "torch": version("torch"),
    }
    scripts = {path.stem: path for path in sorted(HERE.glob("*.py")) if path.stem not in NO_TIMES}
    if unknown := sorted(set(names) - set(scripts)):
        sys.exit(f"unknown benchmark {unknown[0]!r}; known: {', '.join(scripts)}")
    for name in names or scripts:
        rows = lines(scripts[name])
        if not rows:
            print(f"{name}: nothing measured on this machine, its results stay", flush=True)
            continue
        print(*map(show, rows), sep="\n", flush=True)
        target = HERE / "results" / f"{name}.json"
        target.parent.mkdir(exist_ok=True)
        target.write_text(json.dumps({**machine, "results": rows}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
