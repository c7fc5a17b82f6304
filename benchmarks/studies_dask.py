"""Two Dask workers against one on a study of equal runs: digits MLPs trained one after another.

Only the sweep is timed, not the start of the workers: it begins when all of them have computed runs.
To reach: 1.8 times faster. Workers are processes of one thread; times are the least of alternating repeats.
"""

import argparse
import json
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from startright.data import load
from startright.devices import describe_device
from startright.models import MLP, build
from startright.studies import Dask, Outcome, RecordStore, Study, run
from startright.training import TrainConfig, train

WIDTHS = (64, 256, 256, 10)


@dataclass(frozen=True)
class Training:
    """A training of so many epochs."""

    epochs: int


def compute(config, seed, device):
    """Trains one MLP on the digits."""
    data = load("digits", device=device, flatten=True)
    model = build(lambda: MLP(WIDTHS, nn.Tanh), seed)
    return Outcome(train(model.to(device), data, TrainConfig(config.epochs, 32, 0.1), seed=seed).last)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=24)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    seconds = {1: [], 2: []}
    with Dask(workers=1).start() as one, Dask(workers=2).start() as two:
        clusters = {1: one.scheduler_address, 2: two.scheduler_address}
        for repeat in range(options.repeats + 1):
            for workers, address in clusters.items():
                seconds[workers].append(sweep(address, options.runs, options.epochs))
            if repeat == 0:  # the workers have now imported torch and loaded the data
                seconds = {1: [], 2: []}
    row = {
        "benchmark": "studies_dask",
        "runs": options.runs,
        "widths": "-".join(map(str, WIDTHS)),
        "one_worker_s": min(seconds[1]),
        "two_workers_s": min(seconds[2]),
        "ratio": min(seconds[1]) / min(seconds[2]),
        "device": describe_device(torch.device("cpu")),
        "torch": torch.__version__,
    }
    print(
        json.dumps(row)
        if options.json
        else "{runs} MLPs {widths}: one worker {one_worker_s:.2f} s, two {two_workers_s:.2f} s,"
        " {ratio:.2f} times faster (to reach: 1.8), torch {torch}".format(**row)
    )


def sweep(address, runs, epochs) -> float:
    """Seconds of one sweep, recorded on the disk like any other."""
    study = Study(
        "bench-digits", 1, "?", lambda profile: [Training(epochs)], lambda profile: range(runs), compute
    )
    with tempfile.TemporaryDirectory() as folder:
        store = RecordStore(Path(folder) / "records")
        begin = time.perf_counter()
        records = run(study, device="cpu", engine=Dask(address), store=store, progress=False)
        seconds = time.perf_counter() - begin
    if any(record.status != "ok" for record in records):
        raise RuntimeError(records[0].reason or "a run failed")
    return seconds


if __name__ == "__main__":
    main()
