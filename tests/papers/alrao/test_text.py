"""Language models: how the text is cut, what is clipped, what is carried over."""

import math

import pytest
import torch
from torch import nn

from startright.data.text import Text
from startright.models import CharLSTM, build
from startright.papers.alrao import wrap
from startright.papers.alrao.text import TextConfig, chunks, evaluate_text, fit_text, n_chunks


def alternating(n=4000, tokens=5):
    """A text that can be learnt: the token after k is k + 1."""
    text = torch.arange(n) % tokens
    return Text("cycle", text, text[:800], text[: n // 4], tuple("abcde"))


def model(seed=0, interval=(0.1, 10.0), n_heads=4, dropout=0.2):
    backbone = build(lambda: CharLSTM(5, 8, 16, n_classes=None, dropout=dropout), seed)
    return wrap(backbone, lambda: nn.Linear(16, 5), interval, n_heads, seed=seed)


@pytest.mark.parametrize(
    ("n", "streams", "length"), [(10, 2, 3), (103, 4, 5), (5_101_618, 20, 70), (40, 20, 70)]
)
def test_chunks_hold_each_position_of_each_stream_once(n, streams, length):
    text = torch.arange(n)
    parts = list(chunks(text, streams, length))
    assert len(parts) == n_chunks(n, streams, length)
    inputs = torch.cat([x for x, _ in parts])
    targets = torch.cat([y for _, y in parts])
    rows = n // streams
    assert torch.equal(inputs, text[: rows * streams].view(streams, rows).T[:-1])
    assert torch.equal(targets, inputs + 1)
    assert all(len(x) <= length for x, _ in parts)


def test_the_papers_epoch_has_3644_steps():
    assert n_chunks(5_101_618, 20, 70) == 3644


def test_a_text_too_short_and_settings_out_of_range_are_refused():
    with pytest.raises(ValueError, match="too short for 20 streams"):
        chunks(torch.arange(30), 20, 70)
    for name in ("epochs", "streams", "chunk", "max_norm"):
        with pytest.raises(ValueError, match=f"{name} must be positive"):
            TextConfig(**{name: 0})


def test_it_learns_and_the_same_seed_gives_the_same_course():
    config = TextConfig(epochs=3, streams=4, eval_streams=2, chunk=10, max_norm=2.0)
    first, again, other = (fit_text(*model(), alternating(), config, seed=seed) for seed in (0, 0, 1))
    assert first.curves == again.curves
    assert first.curves["train_loss"] != other.curves["train_loss"]  # another dropout
    assert first.last["test_loss"] < 0.5 * math.log(5)
    assert first.last["test_accuracy"] > 0.9


def test_evaluation_is_the_mean_over_all_positions_and_leaves_the_model_alone():
    net, _ = model(dropout=0.5)
    text = alternating().test
    before = {name: value.clone() for name, value in net.state_dict().items()}
    loss, accuracy = evaluate_text(net, text, TextConfig(eval_streams=2, chunk=7))
    net.eval().requires_grad_(False)
    (inputs, targets), *rest = chunks(text, 2, len(text))
    assert not rest
    z, _ = net.backbone(inputs)
    log_probs = net.mix(net.heads(z.flatten(0, 1)))
    assert loss == pytest.approx(float(nn.functional.nll_loss(log_probs, targets.flatten())), rel=1e-5)
    assert accuracy == pytest.approx(
        float((log_probs.argmax(1) == targets.flatten()).float().mean()), abs=1e-6
    )
    assert all(torch.equal(before[name], value) for name, value in net.state_dict().items())


def test_only_the_gradient_of_the_backbone_is_clipped():
    net, optimizer = model(interval=(1e-3, 1e-3), n_heads=1, dropout=0.0)
    inputs, targets = next(iter(chunks(alternating().train, 4, 10)))
    net.fit_features(net.backbone(inputs)[0], targets, optimizer, max_norm=1e-3)
    norm = torch.cat([p.grad.flatten() for p in net.backbone.parameters()]).norm()
    assert float(norm) == pytest.approx(1e-3, rel=1e-3)
    assert float(net.heads.weight.grad.norm()) > 1e-2


def test_a_training_whose_features_are_not_finite_is_diverged():
    net, optimizer = model()
    with torch.no_grad():
        net.backbone.embedding.weight[0] = float("nan")
    history = fit_text(
        net, optimizer, alternating(), TextConfig(epochs=2, streams=4, eval_streams=2, chunk=50)
    )
    assert history.status == "diverged"
    assert "not finite" in history.reason
    assert history.steps == []
