"""Forward and backward of φ_θ against torch.tanh on 10⁶ float32 elements, eager and compiled.

To reach on a CPU: 10 times tanh in eager mode, 3 times compiled.
"""

import argparse

import torch
from timing import alternate, arguments, longest, row, show

from startright.devices import pick_device
from startright.papers.preact import GaussianActivation

SIZE = 1_000_000
GOALS = {"eager": "<= 10", "compiled": "<= 3"}


def main() -> None:
    parser = arguments(__doc__, blocks=42)
    parser.add_argument("--theta", type=float, default=4.0)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    pairs = ((kind, mode) for kind in ("odd", "positive") for mode in GOALS)
    show((compare(*pair, pick_device(options.device), options) for pair in pairs), options)


def compare(kind: str, mode: str, device: torch.device, options: argparse.Namespace) -> dict:
    """Least times of both functions, and their ratio."""
    functions = {"φ": GaussianActivation(options.theta, kind), "tanh": torch.tanh}
    if mode == "compiled":
        functions = {name: torch.compile(function) for name, function in functions.items()}
    z = torch.randn(SIZE, device=device, requires_grad=True)
    grad = torch.ones_like(z)
    kinds = {
        name: lambda function=function: torch.autograd.grad(function(z), z, grad)
        for name, function in functions.items()
    }
    return row(
        "preact_activation",
        f"{kind}, {mode}",
        alternate(kinds, options.blocks, device),
        "φ",
        "tanh",
        goal=GOALS[mode],
        device=device,
        profile=lambda: longest(kinds["φ"]),
    )


if __name__ == "__main__":
    main()
