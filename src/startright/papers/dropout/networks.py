"""The network of the experiments: residual blocks with dropout inside and stochastic depth around them."""

import torch
from torch import Tensor, nn

from startright.papers.dropout.layers import Dropout, StochasticDepth


class Block(nn.Module):
    """x + drop(W₂ dropout(ReLU(W₁ norm(x)))).

    Args:
        width: of x.
    """

    def __init__(self, width: int):
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.up, self.down = nn.Linear(width, width), nn.Linear(width, width)
        self.dropout, self.depth = Dropout(), StochasticDepth()

    def forward(self, x: Tensor) -> Tensor:
        """(n, width) → (n, width)."""
        branch = self.down(self.dropout(torch.relu(self.up(self.norm(x)))))
        return x + self.depth(branch)


def residual_mlp(inputs: int, width: int, depth: int, classes: int = 10) -> nn.Sequential:
    """A residual network of fully connected blocks, all rates 0, its weights torch's default.

    Args:
        inputs: numbers an example has.
        width: of the stream that the blocks add to.
        depth: blocks.
        classes: outputs.
    """
    blocks = [Block(width) for _ in range(depth)]
    return nn.Sequential(
        nn.Flatten(), nn.Linear(inputs, width), *blocks, nn.LayerNorm(width), nn.Linear(width, classes)
    )
