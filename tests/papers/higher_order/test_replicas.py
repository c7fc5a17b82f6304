"""Two processes with a replica each: equal to the last bit after training, or refused."""

from functools import partial
from pathlib import Path

import pytest
import torch
from torch import distributed, nn
from torch import multiprocessing as mp
from torch.nn import functional as F

from startright.papers.higher_order import (
    Derivatives,
    GroupedNewton,
    grouped_derivatives,
    loss_function,
    suggest_learning_rates,
)

X, Y = torch.randn(16, 4, generator=torch.Generator().manual_seed(0)), torch.arange(16) % 3


def network(seed=0):
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 3))


@pytest.fixture(scope="module")
def in_two_processes(tmp_path_factory):
    """What the functions below return in each, by name; they find this file as pytest named it."""
    folder = tmp_path_factory.mktemp("replicas")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(Path(__file__).parents[3])
        mp.spawn(_run, (folder,), nprocs=2)
    return [torch.load(folder / f"{rank}.pt") for rank in range(2)]


def _run(rank, folder):
    torch.set_num_threads(1)
    store = distributed.FileStore(str(folder / "store"), 2)
    distributed.init_process_group("gloo", store=store, rank=rank, world_size=2)
    torch.save({main.__name__: main(rank) for main in (train, apart, mean_of)}, folder / f"{rank}.pt")
    distributed.barrier()
    distributed.destroy_process_group()


def train(rank):
    """Four steps, each process on its half of the examples; then what a single step had to be."""
    ddp = nn.parallel.DistributedDataParallel(network(rank))  # which broadcasts the first's weights
    optimizer = GroupedNewton(ddp, lr=0.3, period=2, warm_up=1, window=1)
    x, y = X[rank::2], Y[rank::2]
    for k in range(4):
        optimizer.zero_grad()
        F.cross_entropy(ddp(x), y).backward()
        optimizer.step(curvature=loss_function(ddp, F.cross_entropy, x.roll(k, 0), y.roll(k, 0)))
    try:
        suggest_learning_rates(ddp, F.cross_entropy, (x, y))
    except ValueError as error:
        said = str(error)
    return {
        "weights": {name: p.detach() for name, p in ddp.module.named_parameters()},
        "rates": optimizer.rates,
        "H": optimizer.last.derivatives.H,
        "buffers": [optimizer.state[p]["momentum_buffer"] for p in ddp.parameters()],
        "said": said,
    }


def apart(rank):
    """Each process with gradients of its own data: the replicas would part."""
    net = network()
    optimizer = GroupedNewton(net, period=1, warm_up=0)
    x, y = X[rank::2], Y[rank::2]
    F.cross_entropy(net(x), y).backward()
    try:
        optimizer.step(curvature=loss_function(net, F.cross_entropy, x, y))
    except ValueError as error:
        return str(error)
    return "nothing"


def test_replicas(in_two_processes):
    one, two = (made["train"] for made in in_two_processes)
    for name, p in one["weights"].items():
        assert torch.equal(p, two["weights"][name])
        assert not torch.equal(p, dict(network().named_parameters())[name])
    assert one["rates"] == two["rates"]
    assert max(one["rates"].values()) > 0
    assert torch.equal(one["H"], two["H"])
    assert list(one["weights"]) == list(one["rates"]) == ["0.weight", "0.bias", "2.weight", "2.bias"]
    assert "gradients of their own for 0.weight" in in_two_processes[0]["apart"]
    assert "model.module" in one["said"]


def mean_of(rank):
    net = network()
    params = {name: p.detach() for name, p in net.named_parameters()}
    u = {name: torch.ones_like(p) for name, p in params.items()}
    from startright.papers.higher_order.replicas import mean_over_processes

    loss = partial(loss_function, net, F.cross_entropy)
    found = grouped_derivatives(loss(X[rank::2], Y[rank::2]), params, "canonical", u)
    mean = mean_over_processes(found, u)
    whole = grouped_derivatives(loss(X, Y), params, "canonical", u)
    second = mean_over_processes(Derivatives(found.g, found.H, None), u)
    return [tuple(mean), tuple(whole), second.d3]


def test_the_mean_is_the_derivative_of_all_examples(in_two_processes):
    for mean, whole, none in (made["mean_of"] for made in in_two_processes):
        for ours, theirs in zip(mean, whole, strict=True):
            torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-6)
        assert none is None


def test_sharded_parameters_are_refused():
    net = network()
    net[0].weight.placements = ("Shard(0)",)  # as a DTensor has
    with pytest.raises(ValueError, match=r"0\.weight is sharded"):
        GroupedNewton(net)
