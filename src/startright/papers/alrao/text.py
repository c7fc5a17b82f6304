r"""Language models: streams of text, truncated backpropagation, and the training of a recurrent Alrao.

The text is cut into parallel streams that are read in chunks; the state is carried from chunk to chunk and
cut off from its past. Every position is one example: a chunk is a minibatch for the heads and for Switch.

Source: L. Blier, P. Wolinski and Y. Ollivier, *Learning with random learning rates*, 2019;
the protocol is that of the word language model in the examples of PyTorch.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch

from startright.data.text import Text
from startright.papers.alrao.model import Alrao, Optimizer
from startright.papers.alrao.training import Watch
from startright.seeds import lend_global_stream
from startright.training import History


@dataclass(frozen=True)
class TextConfig:
    """How a language model is trained.

    Args:
        epochs: passes over the text; the state starts from zero in each.
        streams: parallel streams in training.
        eval_streams: parallel streams in evaluation.
        chunk: tokens between two cuts of the gradient.
        max_norm: the norm to which the backbone's gradient is clipped.

    Raises:
        ValueError: a value that is not positive.
    """

    epochs: int = 1
    streams: int = 20
    eval_streams: int = 10
    chunk: int = 70
    max_norm: float = 0.25

    def __post_init__(self):
        for name in ("epochs", "streams", "eval_streams", "chunk", "max_norm"):
            if not 0 < getattr(self, name) < math.inf:
                raise ValueError(f"{name} must be positive and finite, got {getattr(self, name)}")


def chunks(tokens: torch.Tensor, streams: int, length: int) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """A text as chunks of parallel streams, with the next token as the target of each.

    Args:
        tokens: the text, (n,); what does not fill all streams alike is left out at its end.
        streams: number of streams, B.
        length: tokens a chunk, T; the last one may be shorter.

    Returns:
        An iterator over (inputs, targets), both (T, B).

    Raises:
        ValueError: a text too short for one target a stream.

    >>> [x.tolist() for x, y in chunks(torch.arange(10), 2, 3)]
    [[[0, 5], [1, 6], [2, 7]], [[3, 8]]]
    """
    rows = len(tokens) // streams
    if rows < 2:
        raise ValueError(f"a text of {len(tokens)} tokens is too short for {streams} streams")
    columns = tokens[: rows * streams].view(streams, rows).T.contiguous()
    return zip(columns[:-1].split(length), columns[1:].split(length), strict=True)


def n_chunks(n: int, streams: int, length: int) -> int:
    """How many chunks :func:`chunks` makes of ``n`` tokens."""
    return math.ceil((n // streams - 1) / length)


@torch.no_grad()
def evaluate_text(model: Alrao, tokens: torch.Tensor, config: TextConfig) -> tuple[float, float]:
    """Mean loss in nats a token and accuracy (0 to 1) of the mixture on a text, its weights as they are."""
    model.eval()
    loss, hits, count, state = 0.0, 0, 0, None
    for inputs, targets in chunks(tokens, config.eval_streams, config.chunk):
        z, state = model.backbone(inputs, state)
        log_probs, flat = model.mix(model.heads(z.flatten(0, 1))), targets.flatten()
        loss = loss - log_probs.gather(1, flat[:, None]).sum(dtype=torch.float64)
        hits = hits + (log_probs.argmax(1) == flat).sum()
        count += len(flat)
    model.train()
    return float(loss) / count, float(hits) / count


def fit_text(
    model: Alrao,
    optimizer: Optimizer,
    text: Text,
    config: TextConfig,
    *,
    seed: int = 0,
    watch: Watch | None = None,
) -> History:
    """Train a language model in place, and evaluate it after every epoch.

    Args:
        model: from :func:`~startright.alrao.model.wrap`; its backbone gives (features, state) from (tokens,
            state), such as :class:`startright.models.CharLSTM`. On the device where ``text`` is.
        optimizer: its optimizer.
        text: the data.
        config: how.
        seed: of the dropout (role ``"dropout"``).
        watch: given the heads' weights, (N,), after every step.

    Returns:
        Curves an epoch, in nats a token: ``train_loss``, the mean over the epoch while learning, and
        ``validation_`` and ``test_loss`` and ``_accuracy``. ``diverged`` if one was not finite.
    """
    history, step = History(), 0
    model.train()
    with lend_global_stream(seed, "dropout", text.train.device):
        for _ in range(config.epochs):
            total, count, state = 0.0, 0, None
            for inputs, targets in chunks(text.train, config.streams, config.chunk):
                z, state = model.backbone(inputs, state)
                state = tuple(part.detach() for part in state)
                loss = model.fit_features(z, targets, optimizer, max_norm=config.max_norm)
                total, count, step = total + loss * targets.numel(), count + targets.numel(), step + 1
                if watch is not None:
                    watch(model.switch.weights)
            point = {"train_loss": float(total) / count}
            for name in ("validation", "test"):
                point[f"{name}_loss"], point[f"{name}_accuracy"] = evaluate_text(
                    model, getattr(text, name), config
                )
            history.record(step, point)
            if history.status != "ok":
                break
    return history
