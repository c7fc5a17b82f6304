"""Runs the benchmarks of this folder and keeps their numbers with the machine they came from.

A benchmark is a script whose ``main()`` prints JSON lines: ``{"name": …, "ours": …, "baseline": …,
"ratio": …, "unit": …, "target": …}``. Run all, or those named: ``python benchmarks/run.py phi``.
"""

import json
import platform
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

HERE = Path(__file__).parent


def lines(script: Path) -> list[dict]:
    """What the script printed, line by line."""
    done = subprocess.run([sys.executable, str(script)], stdout=subprocess.PIPE, text=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


def show(row: dict) -> str:
    """A result on one line, beside its baseline."""
    numbers = "  ".join(
        f"{key} {row[key]:.3g}" for key in ("ours", "baseline", "ratio") if row.get(key) is not None
    )
    target = f"  (target {row['target']})" if "target" in row else ""
    return f"{row['name']:48} {numbers} {row.get('unit', '')}{target}"


def main(names: list[str]) -> None:
    """Runs the scripts and writes ``results/NAME.json``."""
    machine = {
        "machine": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "torch": version("torch"),
    }
    scripts = {path.stem: path for path in sorted(HERE.glob("*.py")) if path.stem != "run"}
    if unknown := set(names) - set(scripts):
        sys.exit(f"unknown benchmark {sorted(unknown)[0]!r}; known: {', '.join(scripts)}")
    for name in names or scripts:
        rows = lines(scripts[name])
        print(*map(show, rows), sep="\n", flush=True)
        target = HERE / "results" / f"{name}.json"
        target.parent.mkdir(exist_ok=True)
        target.write_text(json.dumps({**machine, "results": rows}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
