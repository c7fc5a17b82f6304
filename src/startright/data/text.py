"""The text datasets as token tensors with their vocabulary."""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import torch

from startright.data.files import reader
from startright.data.registry import entry
from startright.errors import unknown


@dataclass(frozen=True, eq=False)
class Text:
    """Three parts of a text as int64 tokens, (n,), and the vocabulary they index, most frequent first."""

    name: str
    train: torch.Tensor
    validation: torch.Tensor
    test: torch.Tensor
    vocabulary: tuple[str, ...]


def words(text: str) -> list[str]:
    r"""The words of a text of one sentence a line, ``<eos>`` after each line.

    >>> words("no it was n't\n")
    ['no', 'it', 'was', "n't", '<eos>']
    """
    return text.replace("\n", " <eos> ").split()


LEVELS: dict[str, Callable[[str], Iterable[str]]] = {"word": words, "char": list}


def load_text(
    name: str = "ptb",
    *,
    level: str = "word",
    device: str | torch.device = "cpu",
    root: str | Path | None = None,
) -> Text:
    """A text dataset, verified, as tokens on ``device``.

    Args:
        name: ``"ptb"``.
        level: ``"word"``, with ``<eos>`` at the ends of lines, or ``"char"``, every character as it stands.
        device: where the tensors are to live.
        root: the folder of the datasets; by default :func:`startright.paths.data_root`.

    Raises:
        ValueError: an unknown dataset or level, or a truncated or altered file.
        FileNotFoundError: the dataset is not there; the message says what to place where.

    Source: T. Mikolov et al., *Recurrent neural network based language model*, 2010, for the preprocessing.
    """
    if entry(name).name != "ptb":
        raise unknown("text dataset", name, ["ptb"])
    if level not in LEVELS:
        raise unknown("level", level, LEVELS)
    read = reader(name, root)
    parts = [LEVELS[level](read(f"ptb/ptb.{part}.txt").decode()) for part in ("train", "valid", "test")]
    counts = Counter(parts[0])
    vocabulary = tuple(sorted(counts, key=lambda token: (-counts[token], token)))
    index = {token: i for i, token in enumerate(vocabulary)}
    train, validation, test = (torch.tensor([index[token] for token in p], device=device) for p in parts)
    return Text(name, train, validation, test, vocabulary)
