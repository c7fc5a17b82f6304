"""How many gradients the reduced derivatives cost, against the number of groups (C2)."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise, product

import torch

from startright.papers.higher_order.networks import make_network
from startright.papers.higher_order.partition import Partition
from startright.papers.higher_order.reduced import grouped_derivatives
from startright.papers.higher_order.tasks import batch_loss, clock, gradient, loss_of, parameters
from startright.profiles import by_profile
from startright.seeds import generator
from startright.studies import Outcome, Study


@dataclass(frozen=True)
class CostConfig:
    """The time of the reduced derivatives, for random images, in units of one gradient of the same batch.

    Args:
        net: of images of 3 × 32 × 32.
        batch: images.
        groups: S, neighbouring tensors together.
        third: whether the diagonal of the third derivative is computed.
        backend: the way of computing them.
        repeats: of which the fastest counts.
    """

    net: str
    batch: int
    groups: int
    third: bool
    backend: str
    repeats: int = 3


def run_cost(config: CostConfig, seed: int, device: torch.device) -> Outcome:
    """Both times, each the fastest of some repeats, and their ratio."""
    rng = generator(seed, "inputs")
    x = torch.randn(config.batch, 3, 32, 32, generator=rng).to(device)
    y = torch.randint(10, (config.batch,), generator=rng).to(device)
    model = make_network(config.net, seed).to(device)
    params, of_params = parameters(model), batch_loss(model, loss_of(config.net), x, y)
    names, cuts = list(params), [round(k * len(params) / config.groups) for k in range(config.groups + 1)]
    groups = Partition.custom(params, [tuple(names[a:b]) for a, b in pairwise(cuts)])
    direction, how = gradient(of_params, params), {"third": config.third, "backend": config.backend}
    calls = (
        lambda: gradient(of_params, params),
        lambda: grouped_derivatives(of_params, params, groups, direction, **how),
    )
    for call in calls:  # the first call of each kind loads code
        call()
    one, all_of_it = (min(_seconds(call, clock(device)) for _ in range(config.repeats)) for call in calls)
    return Outcome({"gradients": all_of_it / one, "gradient_seconds": one})


def _seconds(call: Callable[[], object], now: Callable[[], float]) -> float:
    start = now()
    call()
    return now() - start


WAYS = ("double_backward", "tangents")


def _costs(net: str, batch: int, sizes: tuple[int, ...], repeats: int = 3) -> list[CostConfig]:
    each = product(WAYS, (False, True), sizes)
    return [CostConfig(net, batch, S, third, backend, repeats) for backend, third, S in each]


COST = Study(
    name="higher-order-cost",
    version=1,
    question="How many gradients do the reduced derivatives cost?",
    grid=by_profile(
        quick=_costs("lenet", 50, (1, 5, 10), repeats=2),
        full=[*_costs("lenet", 200, (1, 2, 5, 10), repeats=5), *_costs("vgg11", 32, (1, 6, 18), repeats=1)],
        paper=[*_costs("lenet", 200, (1, 2, 5, 10)), *_costs("vgg11", 100, (1, 2, 6, 10, 18))],
    ),
    seeds=by_profile(quick=(0,), full=(0,), paper=(0, 1, 2)),
    run=run_cost,
)
