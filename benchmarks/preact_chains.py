"""Propagation through full Weibull matrices: seconds a layer for 10 000 networks of width 100.

The baseline is the cost of the weights alone, drawn with torch's normal generator: the same number of them.
"""

import argparse
import json
import time

import torch

from startright.devices import describe_device, pick_device
from startright.papers.preact.chains import CHUNK, matrix_chain
from startright.papers.preact.schemes import gaussian_preact


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--width", type=int, default=100)
    parser.add_argument("--draws", type=int, default=10_000)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    device = pick_device(options.device)
    rng = torch.Generator(device).manual_seed(0)
    weights = torch.empty(CHUNK, device=device)
    chunks = options.draws * options.width**2 / CHUNK
    normal = chunks * timed(lambda: weights.normal_(generator=rng), device)
    scheme, depth = gaussian_preact(4.0, "positive"), 3
    chain = timed(lambda: matrix_chain(scheme, options.width, depth, options.draws, generator=rng), device)
    row = {
        "benchmark": "preact_chains",
        "width": options.width,
        "draws": options.draws,
        "normal_weights_s": normal,
        "layer_s": chain / (depth - 1),  # the first layer is drawn from its law
        "ratio": chain / (depth - 1) / normal,
        "device": describe_device(device),
        "torch": torch.__version__,
    }
    print(
        json.dumps(row)
        if options.json
        else "{draws} networks of width {width}: {layer_s:.2f} s a layer, {ratio:.1f} times "
        "its weights drawn as normals ({normal_weights_s:.2f} s), on {device}, torch {torch}".format(**row)
    )


def timed(run, device) -> float:
    """The least of three runs, seconds."""
    times = []
    for _ in range(3):
        begin = time.perf_counter()
        run()
        if device.type == "cuda":
            torch.cuda.synchronize()
        times.append(time.perf_counter() - begin)
    return min(times)


if __name__ == "__main__":
    main()
