"""Propagation through full Weibull matrices: seconds a layer for 10 000 networks of width 100.

The baseline is the cost of the weights alone, drawn with torch's normal generator: the same number of them.
"""

import torch
from timing import alternate, arguments, row, show

from startright.devices import pick_device
from startright.papers.preact.chains import CHUNK, matrix_chain
from startright.papers.preact.schemes import gaussian_preact

DEPTH = 3  # the first layer is drawn from its law


def main() -> None:
    parser = arguments(__doc__, blocks=3)
    parser.add_argument("--width", type=int, default=100)
    parser.add_argument("--draws", type=int, default=10_000)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    show([compare(options.width, options.draws, pick_device(options.device), options.blocks)], options)


def compare(width: int, draws: int, device: torch.device, blocks: int) -> dict:
    """Least seconds of a layer and of its weights."""
    rng = torch.Generator(device).manual_seed(0)
    weights, scheme = torch.empty(CHUNK, device=device), gaussian_preact(4.0, "positive")
    kinds = {
        "a layer": lambda: matrix_chain(scheme, width, DEPTH, draws, generator=rng),
        "its weights as normals": lambda: weights.normal_(generator=rng),
    }
    found = alternate(kinds, blocks, device)
    shares = {"a layer": 1 / (DEPTH - 1), "its weights as normals": draws * width**2 / CHUNK}
    seconds = {name: [shares[name] * each for each in times] for name, times in found.items()}
    case = f"{draws} networks of width {width}"
    return row("preact_chains", case, seconds, *kinds, cost=True, device=device)


if __name__ == "__main__":
    main()
