"""The exact law: time and error of a table of φ_θ for each θ, and the distance of W·φ_θ(Z) from N(0, 1).

To reach: 6 s a table (1001 nodes on [0, 8]) on one core, errors of 1e-9, distances of 1e-6. The authors'
pipeline, on their machine: about 10 minutes a θ, errors of 0.07 to 0.34 on |z| ≤ 3, distances of 0.002 to
0.011.
"""

import numpy as np
import torch
from timing import alone, alternate, arguments, show

from startright.papers.preact import GaussianActivation, ks_of_product, phi
from startright.papers.preact.activation import hermite_cubics

THETAS = (2.05, 2.5, 3.0, 4.0, 5.0, 7.0, 10.0)
NODES = 1001


def main() -> None:
    options = arguments(__doc__, blocks=3).parse_args()
    torch.set_num_threads(options.threads)
    pairs = ((theta, kind) for kind in ("odd", "positive") for theta in THETAS)
    show((measure(*pair, options.blocks) for pair in pairs), options)


def measure(theta: float, kind: str, blocks: int) -> dict:
    """The time of a table, its error and the distance."""

    def table() -> None:
        hermite_cubics.cache_clear()
        hermite_cubics(theta, kind, NODES)

    seconds = alternate({"table": table}, blocks)["table"]
    z = np.random.default_rng(0).uniform(-8, 8, 2000)
    ours = GaussianActivation(theta, kind, NODES)(torch.tensor(z)).numpy()
    return alone(
        "preact_law",
        f"θ = {theta:g}, {kind}",
        seconds,
        goal_s=6.0,
        table_error=float(np.abs(ours - phi(z, theta, kind)).max()),
        ks=ks_of_product(theta, kind),
    )


if __name__ == "__main__":
    main()
