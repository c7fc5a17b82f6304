"""One number on its way, from the evaluation that measures it to the table that prints it.

A file has the number where a function of it does, in a variable or in what it returns. The fewer, the sooner
a reader has seen all that happens to it.
"""

import math
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import startright
from startright.papers.alrao import tables
from startright.papers.alrao.studies.images import LEARNING
from startright.studies import RecordStore, run

PACKAGE = str(Path(startright.__file__).parent)
DEPTH, MANY = 4, 1000  # containers in containers; entries of an array


def holds(value: object, number: float, depth: int = DEPTH) -> bool:
    """Whether a value is the number, as a share or in %, or has it inside, as a number or as text."""
    if isinstance(value, float):
        return min(abs(value - number), abs(value - 100 * number)) < 1e-7
    if isinstance(value, bytes | str):
        text = value if isinstance(value, str) else value.decode(errors="replace")
        return repr(number) in text or (len(text) < 40 and f"{100 * number:.1f}" in text)
    if not depth or isinstance(value, type):
        return False
    value = value.to_numpy() if hasattr(value, "to_numpy") else value  # a column or a table
    if hasattr(value, "tolist"):  # a tensor or an array; weights and images are no places to look
        return math.prod(value.shape) < MANY and holds(value.tolist(), number, depth)
    if isinstance(value, Mapping):
        parts = list(value.values())
    elif isinstance(value, list | tuple):
        parts = value[:MANY]
    else:
        own = type(value).__module__.startswith("startright")
        parts = list(getattr(value, "__dict__", {}).values()) if own else []
    return any(holds(part, number, depth - 1) for part in parts)


def walk(task: Callable[[], object], number: float) -> list[str]:
    """The files of the package that have the number while the task runs, in their order."""
    found: dict[str, None] = {}

    def look(frame, event, value):
        name = frame.f_code.co_filename
        if event != "return" or not name.startswith(PACKAGE):
            return
        sys.setprofile(None)
        if any(holds(part, number) for part in (value, *frame.f_locals.values())):
            found[Path(name).relative_to(PACKAGE).as_posix()] = None
        sys.setprofile(look)

    before = sys.getprofile()
    sys.setprofile(look)
    try:
        task()
    finally:
        sys.setprofile(before)
    return list(found)


def study(configs):
    return replace(LEARNING, grid=lambda profile: configs, seeds=lambda profile: (0,))


def is_adam(config):
    return config.optimizer == "adam" and config.heads == 1


def test_a_number_passes_few_files(tmp_path):
    """Nine to write it, none twice; from the records to the table five."""
    grid = LEARNING.grid("quick")
    sgd = [c for c in grid if c.heads == 1 and c.optimizer == "sgd"][:2]
    adam, ours = (next(c for c in grid if test(c)) for test in (is_adam, lambda c: c.heads > 1))
    configs = [replace(config, epochs=1) for config in (ours, adam, *sgd)]
    how = {"engine": "serial", "device": "cpu"}
    records = run(study(configs), store=RecordStore(tmp_path / "first.jsonl"), **how)
    number = records[0].metrics["best_test_accuracy"]
    again = RecordStore(tmp_path / "again.jsonl")
    assert walk(lambda: run(study(configs[:1]), store=again, **how), number) == [
        "training/evaluation.py",
        "training/loop.py",
        "papers/alrao/training.py",
        "papers/alrao/images.py",
        "studies/record.py",
        "studies/engines.py",
        "studies/runner.py",
        "studies/strict_json.py",
        "studies/store.py",
    ]
    assert walk(lambda: str(tables.methods(records)), number) == [
        "studies/frames.py",
        "papers/alrao/readings.py",
        "summary.py",
        "measured.py",
        "papers/alrao/tables.py",
    ]
