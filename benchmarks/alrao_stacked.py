"""A grid of Alrao and plain rates, trained as one program, against one run after another.

Eight settings (Alrao, and SGD at seven rates) with four seeds each, on digits: an MLP with batch
normalisation and batches of 32. Both train the same networks on the same batches to the same curves (checked
here). To reach: 3 times faster on 2 cores, 15 times on a GPU. Times are the least of alternating repeats, so
that a busy machine harms both alike.
"""

import argparse
import json
import time

import torch

from startright.data import load
from startright.devices import describe_device, pick_device
from startright.models import MLP, build
from startright.papers.alrao import wrap_classifier
from startright.papers.alrao.stack import fit_stacked
from startright.papers.alrao.training import fit
from startright.training import TrainConfig

SEEDS, WIDTHS = range(4), (64, 128, 128, 10)
SETTINGS = [((1e-5, 10.0), 10), *(((rate, rate), 1) for rate in (1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1.0, 10.0))]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    device = pick_device(options.device)
    data = load("digits", device=device, validation=203, flatten=True)
    row = compare(data, TrainConfig(options.epochs, 32), device, options.repeats)
    print(
        json.dumps(row)
        if options.json
        else "{runs} MLPs {widths}: one by one {serial_s:.2f} s, stacked {stacked_s:.2f} s, "
        "{ratio:.1f} times faster (to reach: {target}) on {device}, torch {torch}".format(**row)
    )


def compare(data, config, device, repeats) -> dict:
    serial, stacked = [], []
    for _ in range(repeats):
        pairs, seeds = networks(device)
        alone, seconds = timed(
            lambda pairs=pairs, seeds=seeds: [
                fit(*pair, data, config, seed=seed) for pair, seed in zip(pairs, seeds, strict=True)
            ],
            device,
        )
        serial.append(seconds)
        pairs, seeds = networks(device)
        together, seconds = timed(
            lambda pairs=pairs, seeds=seeds: fit_stacked(pairs, data, config, seeds=seeds), device
        )
        stacked.append(seconds)
    agree(alone, together)
    return {
        "benchmark": "alrao_stacked",
        "runs": len(alone),
        "widths": "-".join(map(str, WIDTHS)),
        "serial_s": min(serial),
        "stacked_s": min(stacked),
        "ratio": min(serial) / min(stacked),
        "target": 15 if device.type == "cuda" else 3,
        "device": describe_device(device),
        "torch": torch.__version__,
    }


def networks(device):
    """The pairs and the seed of each."""
    runs = [(interval, n, seed) for interval, n in SETTINGS for seed in SEEDS]
    pairs = [
        wrap_classifier(
            build(lambda: MLP(WIDTHS, batch_norm=True), seed).to(device),
            interval,
            n,
            seed=seed,
        )
        for interval, n, seed in runs
    ]
    return pairs, [seed for _, _, seed in runs]


def agree(alone, together) -> None:
    """The first epoch's losses are equal up to rounding, which grows in the runs whose rate is too large."""
    for expected, got in zip(alone, together, strict=True):
        assert (expected.status, expected.steps) == (got.status, got.steps)
        first, second = (h.curves.get("train_loss", [float("nan")])[0] for h in (expected, got))
        assert not first < 2 or abs(first - second) < 0.01 * first, (first, second)


def timed(run, device) -> tuple:
    begin = time.perf_counter()
    result = run()
    if device.type == "cuda":
        torch.cuda.synchronize()
    return result, time.perf_counter() - begin


if __name__ == "__main__":
    main()
