"""Language models: an embedding, layers of LSTM, and a linear layer for the next character or word."""

import torch
from torch import nn

from startright.models.shape import classifier

State = tuple[torch.Tensor, torch.Tensor]


class CharLSTM(nn.Module):
    """An embedding, a stack of LSTM layers, and a linear layer over the next token.

    Dropout follows the embedding, every LSTM layer but the last, and the last one.

    Args:
        n_tokens: size of the vocabulary.
        n_embedding: entries of a token's vector; drawn uniformly in ±0.1.
        hidden: units a layer.
        n_layers: LSTM layers.
        dropout: probability that an entry is dropped, in [0, 1).
        n_classes: number of outputs; None for the features alone.

    Attributes:
        n_features: size of the features, ``hidden``.

    Raises:
        ValueError: a size that is not positive, or a dropout out of its range.

    Source: the language model of L. Blier, P. Wolinski and Y. Ollivier, *Learning with random learning
    rates*, 2019, appendix.

    >>> outputs, state = CharLSTM(50, 16, 16, n_classes=50)(torch.zeros(7, 3, dtype=torch.long))
    >>> outputs.shape, state[0].shape
    (torch.Size([7, 3, 50]), torch.Size([2, 3, 16]))
    """

    def __init__(
        self,
        n_tokens: int = 50,
        n_embedding: int = 100,
        hidden: int = 100,
        n_layers: int = 2,
        *,
        dropout: float = 0.2,
        n_classes: int | None = 50,
    ):
        super().__init__()
        for name, size in (("n_tokens", n_tokens), ("n_embedding", n_embedding), ("hidden", hidden)):
            if size < 1:
                raise ValueError(f"{name} must be positive, got {size}")
        if n_layers < 1 or not 0 <= dropout < 1:
            raise ValueError(f"n_layers must be positive and dropout in [0, 1), got {n_layers} and {dropout}")
        self.n_features = hidden
        self.embedding = nn.Embedding(n_tokens, n_embedding)
        nn.init.uniform_(self.embedding.weight, -0.1, 0.1)
        self.dropout = nn.Dropout(dropout)
        self.lstm = nn.LSTM(n_embedding, hidden, n_layers, dropout=dropout if n_layers > 1 else 0.0)
        self.classifier = classifier(hidden, n_classes)

    def forward(self, tokens: torch.Tensor, state: State | None = None) -> tuple[torch.Tensor, State]:
        """Outputs, (T, B, n_classes), or features, (T, B, hidden), and the state after the last token.

        Args:
            tokens: T positions of B streams, int64 (T, B).
            state: the hidden and the cell state before the first token, (n_layers, B, hidden) each; None for
                zeros. Detach it to cut the gradient off from what came before.
        """
        z, state = self.lstm(self.dropout(self.embedding(tokens)), state)
        return self.classifier(self.dropout(z)), state
