import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from startright.data import batches, epoch_order
from startright.data.batches import batch_sizes
from startright.models import MLP, build
from startright.seeds import generator


@given(st.integers(1, 200), st.integers(1, 50), st.booleans(), st.integers(0, 100))
def test_one_pass_takes_every_example_once(n, batch_size, drop_last, seed):
    if drop_last and n < batch_size:
        return
    passed = list(batches(n, batch_size, generator(seed, "order"), drop_last=drop_last))
    taken = torch.cat(passed)
    assert [len(batch) for batch in passed] == batch_sizes(n, batch_size, drop_last)
    assert len(taken.unique()) == len(taken) == (n - n % batch_size if drop_last else n)
    assert set(taken.tolist()) <= set(range(n))


def test_order_changes_over_epochs_and_follows_the_seed():
    first, again, other = generator(0, "order"), generator(0, "order"), generator(1, "order")
    one, two = epoch_order(50, first), epoch_order(50, first)
    assert not torch.equal(one, two)
    assert torch.equal(one, torch.cat(list(batches(50, 7, again))))
    assert torch.equal(two, torch.cat(list(batches(50, 50, again))))
    assert not torch.equal(one, epoch_order(50, other))


def test_order_does_not_depend_on_the_initialisation():
    build(lambda: MLP((64, 10)), seed=0)
    one = epoch_order(50, generator(0, "order"))
    build(lambda: MLP((64, 30, 10)), seed=0)
    assert torch.equal(one, epoch_order(50, generator(0, "order")))


@pytest.mark.parametrize("sizes", [(0, 4), (10, 0), (10, -1)])
def test_sizes_must_be_positive(sizes):
    with pytest.raises(ValueError, match=f"must be positive, got {sizes[0]} and {sizes[1]}"):
        batches(*sizes, generator(0, "order"))


def test_no_full_batch():
    with pytest.raises(ValueError, match="no batch of 11 in 10 examples"):
        batches(10, 11, generator(0, "order"), drop_last=True)
