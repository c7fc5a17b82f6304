"""A sweep over λ, stacked, against one training after another: seven strengths and five seeds on digits.

Both train the same networks to the same losses (checked here). To reach: 3 times faster on 2 cores. Times are
the least of alternating repeats, so that a busy machine harms both alike.
"""

import argparse
import json
import time

import torch

from startright.devices import describe_device, pick_device
from startright.papers.priors.studies import TRAINING
from startright.studies import Run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--json", action="store_true", help="print one JSON object a line")
    options = parser.parse_args()
    for kind in ("l2", "rows"):
        row = compare(kind, options.repeats)
        print(
            json.dumps(row)
            if options.json
            else "{kind}, {runs} runs: one by one {serial_s:.2f} s, stacked {stacked_s:.2f} s, "
            "{ratio:.1f} times faster (to reach: 3) on {device}".format(**row)
        )


def compare(kind: str, repeats: int) -> dict:
    device = pick_device("cpu")
    chosen = [run for run in TRAINING.runs("quick") if wanted(run, kind)]
    serial, stacked = [], []
    for _ in range(repeats):
        alone, seconds = timed(lambda: [TRAINING.run(run.config, run.seed, device) for run in chosen])
        serial.append(seconds)
        pairs = [(run.config, run.seed) for run in chosen]
        together, seconds = timed(lambda pairs=pairs: TRAINING.run_stacked(pairs, device))
        stacked.append(seconds)
    for one, other in zip(alone, together, strict=True):
        torch.testing.assert_close(
            one.metrics["train_loss"], other.metrics["train_loss"], rtol=1e-2, atol=1e-3
        )
    return {
        "benchmark": "priors_sweep",
        "kind": kind,
        "runs": len(chosen),
        "serial_s": min(serial),
        "stacked_s": min(stacked),
        "ratio": min(serial) / min(stacked),
        "device": describe_device(device),
        "torch": torch.__version__,
    }


def wanted(run: Run, kind: str) -> bool:
    return (run.config.kind, run.config.setup) == (kind, "bayesian")


def timed(run) -> tuple:
    begin = time.perf_counter()
    return run(), time.perf_counter() - begin


if __name__ == "__main__":
    main()
