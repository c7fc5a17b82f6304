"""The experiments on text: one rate a unit against one a weight, and Alrao against tuned rates (C5, C8)."""

import math
from dataclasses import dataclass, replace

import torch
from torch import nn

from startright import data
from startright.data.text import Text
from startright.devices import flushed_denormals
from startright.models import CharLSTM, build
from startright.papers.alrao.model import Alrao, Optimizer, wrap
from startright.papers.alrao.text import TextConfig, fit_text, n_chunks
from startright.papers.alrao.trace import WeightTrace, log_steps
from startright.profiles import by_profile
from startright.studies import Outcome, Study


@dataclass(frozen=True)
class CharConfig:
    """A character LSTM of two layers, trained by Alrao or, with one head and lo = hi, at one rate.

    Args:
        optimizer: ``"sgd"`` or ``"adam"``.
        lo: ηmin.
        hi: ηmax.
        heads: their number.
        per: ``"unit"`` or ``"weight"``.
        lstm: ``"per_unit"`` or ``"per_gate_row"``.
        hidden: units a layer; the embedding has as many for 100, else half.
        epochs: passes over the text.
        train_tokens: how much of the text's beginning; None for all of it. The other parts are a tenth each.
    """

    optimizer: str
    lo: float
    hi: float
    heads: int
    per: str = "unit"
    lstm: str = "per_unit"
    hidden: int = 100
    epochs: int = 1
    train_tokens: int | None = None


def char_text(train_tokens: int | None, device: torch.device) -> Text:
    """The characters of the Penn Treebank, whole or its beginning."""
    text = data.load_text("ptb", level="char", device=device)
    if train_tokens is None:
        return text
    rest = train_tokens // 10
    return replace(
        text, train=text.train[:train_tokens], validation=text.validation[:rest], test=text.test[:rest]
    )


def make_model(config: CharConfig, seed: int, n_tokens: int, device: torch.device) -> tuple[Alrao, Optimizer]:
    """The network at initialisation, and its optimizer."""
    backbone = build(lambda: CharLSTM(n_tokens, config.hidden, config.hidden, n_classes=None), seed)
    return wrap(
        backbone.to(device),
        lambda: nn.Linear(config.hidden, n_tokens),
        (config.lo, config.hi),
        config.heads,
        seed=seed,
        optimizer=config.optimizer,
        per=config.per,
        lstm=config.lstm,
    )


def run_char(config: CharConfig, seed: int, device: torch.device) -> Outcome:
    """Train one language model; losses in bits a character."""
    text = char_text(config.train_tokens, device)
    model, optimizer = make_model(config, seed, len(text.vocabulary), device)
    how = TextConfig(epochs=config.epochs)
    trace = WeightTrace(log_steps(config.epochs * n_chunks(len(text.train), how.streams, how.chunk)))
    with flushed_denormals():  # with ηmax = 1e4 the gates saturate, which doubled the time
        history = fit_text(model, optimizer, text, how, seed=seed, watch=trace)
    curves = {
        name.replace("loss", "bits"): [value / math.log(2) for value in values] if "loss" in name else values
        for name, values in history.curves.items()
    }
    metrics = {name: values[-1] for name, values in curves.items()}
    if config.heads > 1:
        metrics["best_head_rate"] = float(model.head_rates[model.switch.weights.argmax()])
        metrics["best_head_weight"] = float(model.switch.weights.max())
        curves |= trace.curves()
    return Outcome.of(history, metrics, curves)


FOUR = [(1e-4, 1e2), (1e-3, 1e4)]


def _four(**options) -> list[CharConfig]:
    return [CharConfig("sgd", lo, hi, 6, per, **options) for lo, hi in FOUR for per in ("unit", "weight")]


GRANULARITY = Study(
    name="alrao-granularity",
    version=1,
    question="Must rates be drawn per unit, or would one a weight do?",
    grid=by_profile(full=_four(), paper=_four(epochs=20)),
    seeds=by_profile(full=tuple(range(4)), paper=tuple(range(10))),
    run=run_char,
)


def _against(**options) -> list[CharConfig]:
    """Alrao, SGD at the paper's best rate, Adam at its default."""
    return [
        CharConfig("sgd", 1e-3, 1e2, 6, **options),
        CharConfig("sgd", 1.0, 1.0, 1, **options),
        CharConfig("adam", 1e-3, 1e-3, 1, **options),
    ]


TEXT = Study(
    name="alrao-text",
    version=1,
    question="Does Alrao train a recurrent network about as well as the best rate?",
    grid=by_profile(full=_against(), paper=_against(epochs=300)),
    seeds=by_profile(full=(0, 1, 2), paper=tuple(range(5))),
    run=run_char,
)
