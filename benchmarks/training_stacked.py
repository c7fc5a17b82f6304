"""Stacked training of 32 small MLPs against training them one after another with the same loop's settings.

Both train the same networks on the same batches to the same curves (checked here). To reach: 3 times faster
up to a width of 64, 4 times with the step compiled, and never slower: from a width of 256 on, where a stack
is bound by arithmetic and memory, ``train_stacked`` trains one by one itself. ``compile_s`` is apart from the
times of compiled trainings; after ``pays_after_steps`` steps it is saved. The limit is that of the arithmetic
of a step, at the speed of products of its layers' shapes, and of what the optimizer moves.
"""

from collections.abc import Iterator
from itertools import pairwise

import torch
from stacking import ALONE, COMPILED, PARTS, TOGETHER, compiling, parts_of_step, payment, trained
from timing import CPU, arguments, row, show, speeds
from torch import nn

from startright.data import Dataset, load
from startright.devices import pick_device
from startright.models import MLP, build
from startright.training import TrainConfig, train, train_stacked
from startright.training.sizes import stacking_pays

RUNS, BATCH = 32, 32
# width, optimizer, epochs, goal of the stack, goal of the compiled one
CASES = (
    (32, "sgd", 3, ">= 3", None),
    (64, "sgd", 3, ">= 3", ">= 4"),
    (64, "adam", 3, ">= 3", None),
    (128, "sgd", 3, ">= 1", ">= 4"),
    (256, "sgd", 2, ">= 1", None),
    (512, "sgd", 1, ">= 1", None),
)
CONFIGS = {"sgd": ("sgd", 0.9), "adam": ("adam", 0.0)}
MOVED = {"sgd": 5, "adam": 7}  # times its weights that an optimizer reads and writes


def main() -> None:
    parser = arguments(__doc__, blocks=3)
    parser.add_argument("--width", type=int, action="append", help="only these; repeat for several")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    device = pick_device(options.device)
    data = load("digits", device=device, flatten=True)
    cases = (case for case in CASES if options.width is None or case[0] in options.width)
    show((found for case in cases for found in rows(case, data, device, options.blocks)), options)


def rows(case: tuple, data: Dataset, device: torch.device, blocks: int) -> Iterator[dict]:
    """The row of the stack, then that of the compiled one."""
    width, optimizer, epochs, goal, compiled_goal = case
    rate = 0.1 if optimizer == "sgd" else 1e-3
    config = TrainConfig(epochs, BATCH, rate, *CONFIGS[optimizer])
    widths = (64, width, width, 10)

    def networks() -> list[nn.Module]:
        return [build(lambda: MLP(widths, nn.Tanh), seed) for seed in range(RUNS)]

    def together(models, compile=False):
        return train_stacked(models, data, config, seeds=range(RUNS), compile=compile)

    def compiled(models):
        return together(models, compile=True)

    def alone(models):
        return [train(model, data, config, seed=seed) for seed, model in enumerate(models)]

    ways = {ALONE: alone, TOGETHER: together} | ({COMPILED: compiled} if compiled_goal else {})
    seconds, kept = trained(networks, ways, blocks, device)
    agree(kept)
    steps = kept[ALONE][0].steps[-1]
    about = {"runs": RUNS, "steps": steps, "optimizer": optimizer, "device": device}
    if device == CPU:
        about |= limit(widths, optimizer, min(seconds[ALONE]) / (RUNS * steps))
    name = f"{RUNS} MLPs {'-'.join(map(str, widths))}, {optimizer}"

    def parts(way):
        falls_back = way == TOGETHER and not stacking_pays(networks()[0], device)
        return parts_of_step(networks, ways[way], PARTS[ALONE if falls_back else way], steps)

    def found(way, goal):
        return row(
            "training_stacked", name, seconds, way, ALONE, goal=goal, profile=lambda: parts(way), **about
        )

    yield found(TOGETHER, goal)
    if compiled_goal:
        yield found(COMPILED, compiled_goal) | payment(seconds, steps, compiling(networks, compiled))


def agree(kept) -> None:
    """The curves are equal up to rounding."""
    for others in kept.values():
        for one, other in zip(kept[ALONE], others, strict=True):
            torch.testing.assert_close(
                one.curves["test_loss"], other.curves["test_loss"], rtol=1e-3, atol=1e-4
            )


def limit(widths: tuple[int, ...], optimizer: str, step_s: float) -> dict:
    """How many times as fast a run's step could be as it is alone, in ``step_s`` seconds."""
    layers = [n * m for n, m in pairwise(widths)]
    flop = 2 * BATCH * (3 * sum(layers) - layers[0])  # nothing asks for the gradient of the images
    moved = 4 * MOVED[optimizer] * (sum(layers) + sum(widths[1:]))
    speed, stream = speeds(
        torch.randn(RUNS, BATCH, widths[1]), torch.randn(RUNS, widths[1], widths[2]), RUNS * sum(layers)
    )
    return {
        "limit": step_s / (flop / speed + moved / stream),
        "limit_of": f"{flop / 1e6:.2f} MFLOP a step of a run at {speed / 1e9:.0f} GFLOP/s, and"
        f" {moved / 1e3:.0f} kB that the optimizer moves at {stream / 1e9:.0f} GB/s",
    }


if __name__ == "__main__":
    main()
