from dataclasses import replace

import pytest
import torch
from torch import nn

from startright.data import load
from startright.models import MLP, build
from startright.papers.alrao import CrossEntropy, wrap, wrap_classifier
from startright.papers.alrao.likelihoods import Categorical
from startright.papers.alrao.stack import fit_stacked
from startright.papers.alrao.trace import WeightTrace
from startright.papers.alrao.training import fit
from startright.training import TrainConfig, sizes
from startright.training.schedules import cosine

MIXED = [((1e-5, 10.0), 6), ((0.1, 0.1), 1), ((1e-3, 1.0), 3), ((0.5, 0.5), 1), ((1e-4, 1e-1), 6)]
CALM = [((1e-4, 1e-2), 3), ((1e-3, 1e-3), 1), ((1e-3, 1e-2), 3)]
CONFIG = TrainConfig(epochs=2, batch_size=32, eval_every=7)


@pytest.fixture(scope="module")
def digits():
    return load("digits", n_train=200, validation=50, n_test=50, flatten=True, dtype=torch.float64)


def pairs(settings, optimizer="sgd", batch_norm=True, widths=(64, 12, 10), **options):
    nets = [build(lambda: MLP(widths, batch_norm=batch_norm), s).double() for s in range(len(settings))]
    return [
        wrap_classifier(net, interval, n, seed=seed, optimizer=optimizer, **options)
        for seed, (net, (interval, n)) in enumerate(zip(nets, settings, strict=True))
    ]


def assert_same(alone, together, model, other, rel=1e-8):
    assert (together.status, together.steps, together.reason) == (alone.status, alone.steps, alone.reason)
    assert list(together.curves) == list(alone.curves)
    for name, values in alone.curves.items():
        assert together.curves[name] == pytest.approx(values, rel=rel), name
    torch.testing.assert_close(
        dict(other.state_dict()), dict(model.state_dict()), rtol=100 * rel, atol=rel, equal_nan=True
    )


@pytest.mark.parametrize(
    ("settings", "options"),
    [(MIXED, {}), (CALM, {"optimizer": "adam", "batch_norm": False})],
    ids=["sgd", "adam"],
)
def test_each_run_is_what_fit_makes_of_it_alone(digits, settings, options):
    together, seeds = pairs(settings, **options), [5, 6, 7, 5, 9][: len(settings)]
    traces = [WeightTrace([1, 3, 10]) for _ in settings]
    histories = fit_stacked(together, digits, CONFIG, seeds=seeds, watches=traces)
    for run, (model, optimizer) in enumerate(pairs(settings, **options)):
        trace = WeightTrace([1, 3, 10])
        alone = fit(model, optimizer, digits, CONFIG, seed=seeds[run], watch=trace)
        assert_same(alone, histories[run], model, together[run][0])
        assert traces[run].weights.shape == (3, settings[run][1])
        torch.testing.assert_close(traces[run].weights, trace.weights, rtol=1e-8, atol=1e-12)


def test_wide_networks_are_trained_one_by_one(digits, monkeypatch):
    together, alone = pairs(CALM), pairs(CALM)
    expected = fit_stacked(together, digits, CONFIG, seeds=[1, 2, 3])
    monkeypatch.setattr(sizes, "WIDE", 12)
    monkeypatch.setattr("startright.papers.alrao.stack.ModelStack", None)
    traces = [WeightTrace([1, 3, 10]) for _ in CALM]
    histories = fit_stacked(alone, digits, CONFIG, seeds=[1, 2, 3], watches=traces)
    for run, (model, _) in enumerate(alone):
        assert_same(expected[run], histories[run], together[run][0], model)
        assert traces[run].weights.shape == (3, CALM[run][1])
    different = [pair for n in (12, 13) for pair in pairs(CALM[:1], widths=(64, n, 12, 10))]
    with pytest.raises(ValueError, match="model 1 differs"):
        fit_stacked(different, digits, CONFIG, seeds=[0, 1])


def test_rates_of_a_group_keep_their_factor(digits):
    (together,), (single,) = (pairs(CALM[:1]) for _ in range(2))
    for _, optimizer in (together, single):
        optimizer.param_groups[0]["lr"] = 0.25
    (history,) = fit_stacked([together], digits, CONFIG, seeds=[0])
    assert_same(fit(*single, digits, CONFIG), history, single[0], together[0])


def test_augmentation_is_each_runs_own(digits):
    def noisy(x, rng):
        return x + 0.3 * torch.randn(x.shape, generator=rng, dtype=x.dtype)

    together = pairs(MIXED[:2])
    histories = fit_stacked(together, digits, CONFIG, seeds=[1, 2], augment=noisy)
    for run, (model, optimizer) in enumerate(pairs(MIXED[:2])):
        alone = fit(model, optimizer, digits, CONFIG, seed=run + 1, augment=noisy)
        assert_same(alone, histories[run], model, together[run][0])


def test_heads_without_bias(digits):
    def make():
        backbone = build(lambda: MLP((64, 12)), 0).double()
        return wrap(backbone, lambda: nn.Linear(12, 10, bias=False).double(), (1e-3, 1.0), 3)

    together, (model, optimizer) = make(), make()
    (history,) = fit_stacked([together], digits, CONFIG, seeds=[0])
    assert_same(fit(model, optimizer, digits, CONFIG), history, model, together[0])


def test_runs_that_diverge_leave_and_the_others_do_not_notice(digits):
    settings = [((1e-3, 1.0), 4), ((1e160, 1e160), 1), ((0.1, 0.1), 1), ((1e150, 1e160), 4), ((1e-2, 1.0), 4)]
    together = pairs(settings, batch_norm=False)
    traces = [WeightTrace(list(range(1, 15))) for _ in settings]
    histories = fit_stacked(together, digits, CONFIG, seeds=range(5), watches=traces)
    assert [history.status for history in histories] == ["ok", "diverged", "ok", "diverged", "ok"]
    for run, (model, optimizer) in enumerate(pairs(settings, batch_norm=False)):
        trace = WeightTrace(list(range(1, 15)))
        alone = fit(model, optimizer, digits, CONFIG, seed=run, watch=trace)
        assert_same(alone, histories[run], model, together[run][0])
        assert len(traces[run].weights) == len(trace.weights) == (14 if alone.status == "ok" else 7)
        torch.testing.assert_close(traces[run].weights, trace.weights, equal_nan=True)


def test_all_runs_diverge(digits):
    histories = fit_stacked(pairs([((1e160, 1e160), 1)] * 2, batch_norm=False), digits, CONFIG, seeds=(0, 1))
    assert [history.status for history in histories] == ["diverged", "diverged"]


def frozen_heads():
    (pair,) = pairs(CALM[:1])
    pair[0].heads.requires_grad_(False)
    return [pair]


def deep_heads():
    backbone = build(lambda: MLP((64, 12)), 0).double()
    return [wrap(backbone, lambda: MLP((12, 5, 10)).double(), (1e-3, 1.0), 2)]


def gaussian():
    backbone = build(lambda: MLP((64, 12)), 0).double()
    return [wrap(backbone, lambda: nn.Linear(12, 10).double(), (1e-3, 1.0), 2, likelihood="gaussian")]


def used():
    (pair,) = pairs(CALM[:1], "adam")
    pair[0].training_step(torch.randn(5, 64).double(), torch.arange(5), pair[1])
    return [pair]


def other_betas():
    pair, other = pairs(CALM[:2], "adam")
    other[1].param_groups[0]["betas"] = (0.5, 0.9)
    return [pair, other]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (list, "expected one pair"),
        (lambda: pairs(CALM[:1]) + pairs(CALM[1:2], "adam"), "one optimizer and one theta: run 1 has"),
        (other_betas, r"one optimizer and one theta: run .* has .*0\.5"),
        (lambda: pairs(CALM[:1]) + pairs(CALM[:1], theta=0.9), "one optimizer and one theta: run 1 has"),
        (
            lambda: pairs(CALM[:1]) + pairs(CALM[:1], widths=(64, 13, 10)),
            "heads of run 1 differ in shape from those of run 0",
        ),
        (lambda: pairs(CALM[:1]) + pairs(CALM[:1], batch_norm=False), "model 1 differs from model 0"),
        (lambda: pairs(CALM[:1], widths=(64, 12, 9)), "classes 0 to 8; got class 9"),
        (deep_heads, "run 0 has not linear heads on classes"),
        (gaussian, "run 0 has not linear heads on classes"),
        (frozen_heads, "run 0 has frozen heads"),
        (used, "optimizer of run 0 has moments already"),
    ],
)
def test_pairs_that_cannot_be_stacked(digits, make, message):
    made = make()
    with pytest.raises(ValueError, match=message):
        fit_stacked(made, digits, CONFIG, seeds=range(len(made)))


def test_features_that_the_heads_do_not_take(digits):
    backbone = build(lambda: MLP((64, 12)), 0).double()
    pair = wrap(backbone, lambda: nn.Linear(11, 10).double(), (0.1, 0.1), 1)
    with pytest.raises(ValueError, match=r"features of \(11,\), the backbone gives \(12,\)"):
        fit_stacked([pair], digits, CONFIG, seeds=[0])


@pytest.mark.parametrize(
    ("seeds", "watches", "message"),
    [
        ((0,), None, "got 2 pairs, 1 seeds$"),
        ((0, 1), [print], "got 2 pairs, 2 seeds and 1 watches"),
        ((0, -1), None, "seed must be a non-negative integer, got -1"),
    ],
)
def test_bad_input(digits, seeds, watches, message):
    with pytest.raises(ValueError, match=message):
        fit_stacked(pairs(CALM[:2]), digits, CONFIG, seeds=seeds, watches=watches)


def test_settings_that_alrao_would_not_follow_are_refused(digits):
    config = replace(CONFIG, schedule=cosine(10))
    with pytest.raises(ValueError, match="Alrao takes no schedule"):
        fit_stacked(pairs(CALM), digits, config, seeds=[0, 1, 2])
    [(model, optimizer)] = pairs(CALM[:1])
    with pytest.raises(ValueError, match="the step given takes no schedule"):
        fit(model, optimizer, digits, config)


class Tempered(Categorical):
    def log_prob(self, outputs, targets):
        return super().log_prob(outputs / 2, targets)


def test_options_of_the_cross_entropy_are_followed(digits):
    options = CrossEntropy(weight=range(1, 11), ignore_index=3)
    stacked, alone = (pairs(CALM, likelihood=options) for _ in range(2))
    fit_stacked(stacked, digits, CONFIG, seeds=[0, 1, 2])
    for seed, ((model, _), (other, optimizer)) in enumerate(zip(stacked, alone, strict=True)):
        fit(other, optimizer, digits, CONFIG, seed=seed)
        torch.testing.assert_close(model.state_dict(), other.state_dict())


def test_likelihoods_that_a_stack_would_not_follow_are_refused(digits):
    runs = pairs(CALM[::2])
    runs[1][0].likelihood = Tempered()
    with pytest.raises(ValueError, match="run 1 has not linear heads on classes"):
        fit_stacked(runs, digits, CONFIG, seeds=[0, 1])
    runs[1][0].likelihood = CrossEntropy(label_smoothing=0.1)
    with pytest.raises(ValueError, match=r"one likelihood: run 1 has CrossEntropy.*0\.1"):
        fit_stacked(runs, digits, CONFIG, seeds=[0, 1])


def test_a_network_that_does_not_end_in_its_last_layer_is_not_stacked(digits):
    class Ends(MLP):
        def forward(self, x):
            return super().forward(x).log_softmax(1)

    runs = [wrap_classifier(Ends((64, 12, 10)).double(), *settings) for settings in CALM[::2]]
    with pytest.raises(ValueError, match="log_softmax runs after"):
        fit_stacked(runs, digits, CONFIG, seeds=[0, 1])
