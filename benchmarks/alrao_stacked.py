"""A grid of Alrao and plain rates, trained as one program, against one run after another.

Eight settings (Alrao, and SGD at seven rates) with four seeds each, on digits: an MLP with batch
normalisation and batches of 32. All ways train the same networks on the same batches to the same curves
(checked here). To reach: 3 times faster on a CPU, 15 times on a GPU, and on a CPU 4 times with the step
compiled, whose ``compile_s`` are apart; after ``pays_after_steps`` steps they are saved. The limit is that of
the arithmetic of a step, at the speed of products of its layers' shapes, and of what the optimizer moves.
"""

from collections.abc import Iterator

import torch
from stacking import ALONE, COMPILED, PARTS, TOGETHER, compiling, parts_of_step, payment, trained
from timing import CPU, arguments, row, show, speeds

from startright.data import load
from startright.devices import pick_device
from startright.models import MLP, build
from startright.papers.alrao import stack, wrap_classifier
from startright.papers.alrao.stack import fit_stacked
from startright.papers.alrao.training import fit
from startright.training import TrainConfig

BATCH, SEEDS, WIDTHS = 32, range(4), (64, 128, 128, 10)
SETTINGS = [((1e-5, 10.0), 10), *(((rate, rate), 1) for rate in (1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1.0, 10.0))]
RUNS = [(interval, n, seed) for interval, n in SETTINGS for seed in SEEDS]


def main() -> None:
    parser = arguments(__doc__, blocks=3)
    parser.add_argument("--epochs", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    show(rows(TrainConfig(options.epochs, BATCH), pick_device(options.device), options.blocks), options)


def rows(config: TrainConfig, device: torch.device, blocks: int) -> Iterator[dict]:
    """The row of the stack, then that of the compiled one."""
    data = load("digits", device=device, validation=203, flatten=True)
    seeds = [seed for _, _, seed in RUNS]

    def networks() -> list:
        def made(interval, n, seed):
            net = build(lambda: MLP(WIDTHS, batch_norm=True), seed).to(device)
            return wrap_classifier(net, interval, n, seed=seed)

        return [made(*run) for run in RUNS]

    def alone(pairs):
        return [fit(*pair, data, config, seed=seed) for pair, seed in zip(pairs, seeds, strict=True)]

    def together(pairs):
        return fit_stacked(pairs, data, config, seeds=seeds)

    def compiled(pairs):
        return fit_stacked(pairs, data, config, seeds=seeds, compile=True)

    ways = {ALONE: alone, TOGETHER: together, COMPILED: compiled}
    seconds, kept = trained(networks, ways, blocks, device)
    agree(kept)
    steps = max(history.steps[-1] for history in kept[ALONE])
    about = {"runs": len(RUNS), "steps": steps, "device": device}
    if device == CPU:
        about |= limit(min(seconds[ALONE]) / (len(RUNS) * steps))
    moved = ("forward and backward", stack._Runs, "move"), ("heads", stack._Heads, "step")
    parts = PARTS | {TOGETHER: (*moved, *PARTS[TOGETHER])}

    def found(way: str, goal: str) -> dict:
        case = f"{len(RUNS)} MLPs {'-'.join(map(str, WIDTHS))}"
        return row(
            "alrao_stacked",
            case,
            seconds,
            way,
            ALONE,
            goal=goal,
            profile=lambda: parts_of_step(networks, ways[way], parts[way], steps),
            **about,
        )

    yield found(TOGETHER, ">= 15" if device.type == "cuda" else ">= 3")
    cost = payment(seconds, steps, compiling(networks, compiled))
    yield found(COMPILED, ">= 15" if device.type == "cuda" else ">= 4") | cost


def agree(kept: dict[str, list]) -> None:
    """The first epoch's losses are equal up to rounding, which grows in the runs whose rate is too large."""
    for others in kept.values():
        for expected, got in zip(kept[ALONE], others, strict=True):
            assert (expected.status, expected.steps) == (got.status, got.steps)
            first, second = (h.curves.get("train_loss", [float("nan")])[0] for h in (expected, got))
            assert not first < 2 or abs(first - second) < 0.01 * first, (first, second)


def limit(step_s: float) -> dict:
    """How many times as fast a run's step could be as it is alone, in ``step_s`` seconds."""
    n, width, _, classes = WIDTHS
    heads = sum(n for _, n, _ in RUNS) / len(RUNS)
    flop = 2 * BATCH * (2 * n * width + 3 * width**2 + 3 * heads * width * classes)
    weights = n * width + width**2
    moved = 4 * 4 * weights  # read: weights, gradients and rates; written: weights
    pair = torch.randn(len(RUNS), BATCH, width), torch.randn(len(RUNS), width, width)
    speed, stream = speeds(*pair, len(RUNS) * weights)
    return {
        "limit": step_s / (flop / speed + moved / stream),
        "limit_of": f"{flop / 1e6:.2f} MFLOP a step of a run at {speed / 1e9:.0f} GFLOP/s, and"
        f" {moved / 1e3:.0f} kB that the optimizer moves at {stream / 1e9:.0f} GB/s",
    }


if __name__ == "__main__":
    main()
