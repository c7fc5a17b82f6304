import pytest
import torch

from startright.data import Split
from startright.training import cross_entropy, evaluate, evaluation


@pytest.mark.parametrize("rows", [1, 3, 7, 1000])
def test_chunks_do_not_matter(rows, monkeypatch):
    monkeypatch.setattr(evaluation, "ROWS", rows)
    g = torch.Generator().manual_seed(0)
    weights = torch.randn(3, 5, 4, generator=g, dtype=torch.float64)
    x, y = torch.randn(11, 5, generator=g, dtype=torch.float64), torch.randint(0, 4, (11,), generator=g)
    seen = []

    def forward(x):
        seen.append(len(x))
        return x @ weights

    losses, accuracies = evaluate(forward, Split(x, y), runs=3)
    assert sum(seen) == 11
    assert 3 * max(seen) <= max(rows, 3)
    for run in range(3):
        outputs = x @ weights[run]
        torch.testing.assert_close(losses[run], cross_entropy(outputs, y).mean())
        assert accuracies[run].item() == pytest.approx((outputs.argmax(1) == y).double().mean().item())


def test_cross_entropy_by_hand():
    outputs = torch.tensor([[0.0, 0.0], [0.0, torch.log(torch.tensor(3.0))]])
    losses = cross_entropy(outputs, torch.tensor([0, 1]))
    torch.testing.assert_close(losses, torch.tensor([2.0, 4 / 3]).log())
