"""A whole training step of Alrao replayed as one CUDA graph, against the same step launched piece by piece.

Batches of 32 images of CIFAR-10's size from the device's memory: indices, crop and reflection, both passes,
both kinds of gradient, the update, Switch. To reach on an H100: 1.5 ms for VGG19, 3 ms for GoogLeNet. Its
limit is ``kernels_ms``, the time of the kernels alone. Needs a CUDA device; times are the least of blocks in
which the kinds take turns.
"""

import argparse
import json
import time

import torch

from startright.data import cifar
from startright.devices import describe_device
from startright.models import VGG19, GoogLeNet, MobileNetV2, build
from startright.papers.alrao import wrap_classifier
from startright.training.launches import WARM_UP, CapturedStep

NETS = {"VGG19": (VGG19, 1.5), "GoogLeNet": (GoogLeNet, 3.0), "MobileNetV2": (MobileNetV2, None)}
BATCH, EXAMPLES, INTERVAL = 32, 4096, (1e-5, 10.0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--net", choices=NETS, action="append", help="only these; repeat for several")
    parser.add_argument("--optimizer", choices=("sgd", "adam"), default="sgd")
    parser.add_argument("--blocks", type=int, default=5)
    parser.add_argument("--json", action="store_true", help="print one JSON object a row")
    options = parser.parse_args()
    if not torch.cuda.is_available():
        print("no CUDA device: nothing to measure")
        return
    for name in options.net or NETS:
        row = compare(name, options.optimizer, options.blocks)
        print(
            json.dumps(row)
            if options.json
            else "{case}, {optimizer}: eager {eager_ms:.2f} ms, captured {captured_ms:.2f} ms a step,"
            " {ratio:.1f} times faster (kernels alone {kernels_ms:.2f} ms; to reach: {goal});"
            " {device}, torch {torch}".format(**row)
        )


def compare(name: str, optimizer: str, blocks: int) -> dict:
    make, goal = NETS[name]
    eager = make_step(make, optimizer)
    captured = CapturedStep(*make_step(make, optimizer))
    indices = torch.randint(EXAMPLES, (50, BATCH), device="cuda")
    for index in indices[: WARM_UP + 1]:
        captured(index)
        eager[0](index)
    least = [float("inf")] * 2
    for _ in range(blocks):
        for kind, step in enumerate((eager[0], captured)):
            least[kind] = min(least[kind], seconds(step, indices))
    return {
        "benchmark": "training_captured",
        "case": name,
        "optimizer": optimizer,
        "batch": BATCH,
        "eager_ms": 1e3 * least[0],
        "captured_ms": 1e3 * least[1],
        "kernels_ms": kernels_ms(captured, indices),
        "ratio": least[0] / least[1],
        "goal": goal,
        "device": describe_device(torch.device("cuda")),
        "torch": torch.__version__,
    }


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


def seconds(step, indices: torch.Tensor) -> float:
    torch.cuda.synchronize()
    begin = time.perf_counter()
    for index in indices:
        step(index)
    torch.cuda.synchronize()
    return (time.perf_counter() - begin) / len(indices)


def kernels_ms(step, indices: torch.Tensor) -> float:
    """The time of the kernels of a step, without the gaps between them."""
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CUDA]) as profile:
        seconds(step, indices[:10])
    return sum(event.self_device_time_total for event in profile.key_averages()) / 1e4


if __name__ == "__main__":
    main()
