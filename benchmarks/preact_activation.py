"""Forward and backward of φ_θ against torch.tanh on 10⁶ float32 elements, eager and compiled.

To reach on a CPU: 10 times tanh in eager mode, 3 times compiled. Times are the least of alternating repeats,
so that a busy machine harms both alike; with one thread, the CPU time of the process.
"""

import argparse
import json
import time

import torch

from startright.devices import describe_device, pick_device
from startright.papers.preact import GaussianActivation

SIZE = 1_000_000
TO_REACH = {"eager": 10, "compiled": 3}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--theta", type=float, default=4.0)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--repeats", type=int, default=40)
    parser.add_argument("--json", action="store_true", help="print one JSON object a line")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    device = pick_device(options.device)
    for kind in ("odd", "positive"):
        for mode in TO_REACH:
            row = compare(GaussianActivation(options.theta, kind), mode, device, options)
            print(json.dumps(row) if options.json else sentence(row))


def compare(activation, mode, device, options) -> dict:
    """Least times of both functions, in milliseconds, and their ratio."""
    functions = {"tanh_ms": torch.tanh, "phi_ms": activation}
    if mode == "compiled":
        functions = {name: torch.compile(function) for name, function in functions.items()}
    z = torch.randn(SIZE, device=device, requires_grad=True)
    grad = torch.ones_like(z)
    clock = time.process_time if options.threads == 1 and device.type == "cpu" else time.perf_counter
    times = {name: [] for name in functions}
    for _ in range(options.repeats + 3):
        for name, function in functions.items():
            begin = clock()
            torch.autograd.grad(function(z), z, grad)
            if device.type == "cuda":
                torch.cuda.synchronize()
            times[name].append(1e3 * (clock() - begin))
    least = {name: min(values[3:]) for name, values in times.items()}
    return {
        "benchmark": "preact_activation",
        "kind": activation.kind,
        "mode": mode,
        **least,
        "ratio": least["phi_ms"] / least["tanh_ms"],
        "to_reach": TO_REACH[mode],
        "device": describe_device(device),
        "torch": torch.__version__,
    }


def sentence(row: dict) -> str:
    return (
        "φ ({kind}), {mode}: {phi_ms:.2f} ms, tanh {tanh_ms:.2f} ms, {ratio:.1f} times tanh "
        "(to reach: {to_reach}) on {device}, torch {torch}"
    ).format(**row)


if __name__ == "__main__":
    main()
