"""A whole training step of Alrao replayed as one CUDA graph, against the same step launched piece by piece.

Batches of 32 images of CIFAR-10's size from the device's memory: indices, crop and reflection, both passes,
both kinds of gradient, the update, Switch. To reach on an H100: 1.5 ms for VGG19, 3 ms for GoogLeNet. Its
limit is the time of the kernels alone. Needs a CUDA device.
"""

import torch
from timing import alternate, arguments, row, show

from startright.data import cifar
from startright.models import VGG19, GoogLeNet, MobileNetV2, build
from startright.papers.alrao import wrap_classifier
from startright.training.launches import WARM_UP, CapturedStep

NETS = {"VGG19": (VGG19, 1.5e-3), "GoogLeNet": (GoogLeNet, 3e-3), "MobileNetV2": (MobileNetV2, None)}
BATCH, EXAMPLES, INTERVAL = 32, 4096, (1e-5, 10.0)


def main() -> None:
    parser = arguments(__doc__, blocks=6)
    parser.set_defaults(device="cuda")
    parser.add_argument("--net", choices=NETS, action="append", help="only these; repeat for several")
    parser.add_argument("--optimizer", choices=("sgd", "adam"), default="sgd")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    if not torch.cuda.is_available():
        print("no CUDA device: nothing to measure")
        return
    show((compare(name, options.optimizer, options.blocks) for name in options.net or NETS), options)


def compare(name: str, optimizer: str, blocks: int) -> dict:
    """Least seconds of a step of both kinds, and what of it the kernels are."""
    make, goal_s = NETS[name]
    eager = make_step(make, optimizer)[0]
    captured = CapturedStep(*make_step(make, optimizer))
    indices = torch.randint(EXAMPLES, (50, BATCH), device="cuda")
    for index in indices[: WARM_UP + 1]:
        captured(index)
        eager(index)
    kinds = {"captured": lambda: all_of(captured, indices), "eager": lambda: all_of(eager, indices)}
    found = alternate(kinds, blocks, indices.device)
    seconds = {kind: [each / len(indices) for each in times] for kind, times in found.items()}
    kernels = kernels_s(captured, indices)
    gaps = min(seconds["captured"]) - kernels
    return row(
        "training_captured",
        f"{name}, {optimizer}",
        seconds,
        *kinds,
        goal_s=goal_s,
        limit=min(seconds["eager"]) / kernels,
        limit_of=f"the kernels alone, {1e3 * kernels:.2f} ms",
        device=indices.device,
        profile=lambda: {"kernels": 1e6 * kernels, "between them": 1e6 * gaps},
        batch=BATCH,
    )


def make_step(make, optimizer: str):
    """A training step from indices, and the generator that it draws from."""
    images = torch.rand(EXAMPLES, 3, 32, 32, device="cuda")
    labels = torch.randint(10, (EXAMPLES,), device="cuda")
    net = build(lambda: make(10), 0).cuda().to(memory_format=torch.channels_last)
    model, opt = wrap_classifier(net, INTERVAL, optimizer=optimizer)
    for group in opt.param_groups:
        group["capturable"] = True
    noise = torch.Generator("cuda").manual_seed(0)
    model.train()

    def step(index: torch.Tensor) -> torch.Tensor:
        return model.training_step(cifar.augment(images[index], noise), labels[index], opt)

    return step, [noise]


def all_of(step, indices: torch.Tensor) -> None:
    for index in indices:
        step(index)


def kernels_s(step, indices: torch.Tensor) -> float:
    """The time of the kernels of a step, without the gaps between them."""
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CUDA]) as profile:
        all_of(step, indices[:10])
        torch.cuda.synchronize()
    return sum(event.self_device_time_total for event in profile.key_averages()) / 1e7


if __name__ == "__main__":
    main()
