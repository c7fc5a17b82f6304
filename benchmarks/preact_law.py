"""The exact law: time and error of a table of φ_θ for each θ, and the distance of W·φ_θ(Z) from N(0, 1).

To reach: 6 s a table (1001 nodes on [0, 8]) on one core, errors of 1e-9, distances of 1e-6. The baseline is
the authors' pipeline: about 10 minutes a θ, errors of 0.07 to 0.34 on |z| ≤ 3, distances of 0.002 to 0.011.
"""

import argparse
import json
import time

import numpy as np
import torch

from startright.papers.preact import GaussianActivation, ks_of_product, phi
from startright.papers.preact.activation import hermite_cubics

THETAS = (2.05, 2.5, 3.0, 4.0, 5.0, 7.0, 10.0)
NODES = 1001
AUTHORS_MINUTES = 10


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object a line")
    options = parser.parse_args()
    for kind in ("odd", "positive"):
        for theta in THETAS:
            row = measure(theta, kind)
            print(json.dumps(row) if options.json else sentence(row))


def measure(theta: float, kind: str) -> dict:
    begin = time.thread_time()
    hermite_cubics(theta, kind, NODES)
    seconds = time.thread_time() - begin
    z = np.random.default_rng(0).uniform(-8, 8, 2000)
    table = GaussianActivation(theta, kind, NODES)(torch.tensor(z)).numpy()
    return {
        "benchmark": "preact_law",
        "theta": theta,
        "kind": kind,
        "table_s": seconds,
        "ratio": 60 * AUTHORS_MINUTES / seconds,
        "table_error": float(np.abs(table - phi(z, theta, kind)).max()),
        "ks": ks_of_product(theta, kind),
    }


def sentence(row: dict) -> str:
    return (
        "θ = {theta:g} ({kind}): {table_s:.2f} s a table (to reach: 6; the authors: about 600), "
        "table off by {table_error:.0e} (to reach: 1e-9), KS {ks:.0e} (to reach: 1e-6)"
    ).format(**row)


if __name__ == "__main__":
    main()
