"""The runs of the studies leave what they say, alone as well as together."""

from dataclasses import replace

import pytest
import torch

from startright.papers.scalp import hidden
from startright.papers.scalp.layers import ScaledConv2d
from startright.papers.scalp.penalties import ColumnLasso, ScaleLasso
from startright.papers.scalp.studies import STUDIES, pareto, stability, variance, width
from startright.papers.scalp.studies.exact import ExactConfig, run_exact

CPU = torch.device("cpu")
SMALL = {"dataset": "digits", "epochs": 2, "n_train": 300}


@pytest.mark.parametrize("study", STUDIES, ids=lambda study: study.name)
def test_every_study_has_a_quick_grid(study):
    assert study.runs("quick")
    assert study.runs("full")


@pytest.mark.parametrize("identity", ["plain", "momentum", "glorot"])
def test_sgd_is_sgd_with_a_rate_for_each_input(identity):
    config = ExactConfig(identity, "uniform" if identity == "glorot" else "1/(√k ln k)")
    assert run_exact(config, 3, CPU).metrics["distance"] < 1e-10


def test_adam_is_not():
    assert run_exact(ExactConfig("adam", "1/k"), 3, CPU).metrics["distance"] > 1e-2


@pytest.mark.parametrize("identity", ["l2", "lasso", "force"])
def test_the_penalties_are_asymmetric(identity):
    assert run_exact(ExactConfig(identity, "1/k"), 3, CPU).metrics["distance"] < 1e-12


@pytest.mark.parametrize("kind", variance.KINDS)
def test_sampled_variances_come_near_their_closed_forms(kind):
    found = variance.run_variance(variance.VarianceConfig(kind, 50, 100_000), 0, CPU).metrics
    assert found["start"] == pytest.approx(found["start_exact"], rel=0.03)
    assert found["step"] == pytest.approx(found["step_exact"], rel=0.1)


def test_draws_come_in_chunks(monkeypatch):
    config = variance.VarianceConfig("1/k", 10, 7)
    monkeypatch.setattr(variance, "CHUNK", 30)  # three neurons at once: 3 + 3 + 1
    assert variance.run_variance(config, 0, CPU).metrics["start"] > 0


def test_the_first_change_is_that_of_one_step():
    images = hidden.images("digits", 300, CPU)
    model = hidden.network("standard", (64, 20, 10), seed=0)
    x, y = (part[: width.BATCH] for part in images.train)
    change = width.first_change(model, images, 0.1)
    before = model(x).detach()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    torch.nn.functional.cross_entropy(model(x), y).backward()
    optimizer.step()
    assert change == pytest.approx((model(x) - before).square().mean().sqrt().item(), rel=1e-5)


def test_widths_alone_and_together():
    runs = [(width.WidthConfig(m, "relu", 12, 1.0, **SMALL), s) for m in ("uniform", "1/k") for s in (0, 1)]
    together = width.run_width_stacked(runs, CPU)
    for (config, seed), outcome in zip(runs, together, strict=True):
        assert outcome.metrics == pytest.approx(width.run_width(config, seed, CPU).metrics, rel=1e-3)
    assert len({outcome.metrics["train_loss"] for outcome in together}) == 4


def test_a_run_that_diverges_leaves_its_first_change():
    config = width.WidthConfig("standard", "relu", 12, 1e10, **SMALL)
    outcome = width.run_width(config, 0, CPU)
    assert outcome.status == "diverged"
    assert outcome.metrics["first_change"] > 1


@pytest.mark.parametrize("method", stability.METHODS)
def test_what_is_left_is_counted(method):
    config = stability.StabilityConfig(method, 30, 0.09, **SMALL | {"epochs": 12})
    outcome = stability.run_stability(config, 0, CPU)
    found, kept = outcome.metrics, outcome.curves["kept"]
    assert found["left"] == len(kept) == outcome.curves["widths"][-1] < 30
    assert outcome.curves["widths"][0] == 30
    assert len(outcome.curves["widths"]) == config.epochs + 1
    assert found["largest"] == (kept[-1] if kept else 0)
    alive = [k + 1 for k, last in enumerate(outcome.curves["last_alive"]) if last == config.epochs]
    assert alive == kept
    norm = method == "bn-lasso"
    assert found["parameters"] == hidden.parameters_left((64, 30, 10), len(kept), norm=norm)


def test_what_scalp_removes_changes_no_output_and_what_slimming_removes_does():
    runs = [
        stability.StabilityConfig(method, 30, 0.09, **SMALL | {"epochs": 12})
        for method in ("1/k", "bn-lasso")
    ]
    scalp, slim = (stability.run_stability(config, 0, CPU).metrics for config in runs)
    assert 0 < scalp["left"] < 30
    assert scalp["pruned_accuracy"] == pytest.approx(scalp["test_accuracy"], abs=1e-6)
    assert 0 < slim["left"] < 30


def test_final_widths_alone_and_together():
    options = {"width": 20, **SMALL}
    runs = [(stability.StabilityConfig("1/k", strength=s, **options), 0) for s in (0.05, 0.2)]
    runs.append((replace(runs[0][0], method="uniform"), 1))
    for (config, seed), outcome in zip(runs, stability.run_stability_stacked(runs, CPU), strict=True):
        alone = stability.run_stability(config, seed, CPU)
        assert outcome.metrics["left"] == alone.metrics["left"]
        assert outcome.metrics["train_loss"] == pytest.approx(alone.metrics["train_loss"], rel=1e-3)


def test_accuracy_against_parameters_is_the_study_of_widths():
    config = pareto.ParetoConfig("hidden", "1/k", 0.1, 20, **SMALL)
    found = pareto.run_pareto(config, 0, CPU)
    same = stability.run_stability(stability.StabilityConfig("1/k", 20, 0.1, **SMALL), 0, CPU)
    assert found.metrics == {name: same.metrics[name] for name in found.metrics}
    assert {"pruned_accuracy", "share", "parameters"} < set(found.metrics)


def test_vgg_is_scaled_or_has_scales_of_one_half():
    config = pareto.ParetoConfig("vgg19", "1/k", 0.1, 0.0625, "cifar10", 1)
    model, penalty = pareto.vgg(config, 0)
    assert sum(isinstance(part, ScaledConv2d) for part in model.modules()) == 16
    assert isinstance(penalty, ColumnLasso)
    model, penalty = pareto.vgg(replace(config, method="bn-lasso"), 0)
    assert isinstance(penalty, ScaleLasso)
    names = [name for name, values in model.named_parameters() if penalty.select(name, values[None])]
    assert len(names) == 16
    assert all((model.get_parameter(name) == 0.5).all() for name in names)


@pytest.mark.parametrize("method", ["1/(√k ln k)", "bn-lasso"])
def test_vgg_trains_and_is_pruned(method, monkeypatch):
    def random_images(device):
        rng = torch.Generator().manual_seed(0)
        x, y = torch.rand(256, 3, 32, 32, generator=rng), torch.arange(256) % 10
        split = pareto.cifar.images.Split(x, y)
        return pareto.cifar.images.Dataset("made", split, split, None, 10, torch.zeros(3), torch.ones(3))

    monkeypatch.setattr(pareto.cifar, "load", random_images)
    strength = 4.0 if method != "bn-lasso" else 1.53
    outcome = pareto.run_pareto(pareto.ParetoConfig("vgg19", method, strength, 0.0625, "cifar10", 1), 0, CPU)
    assert outcome.status == "ok", outcome.reason
    assert 0 < outcome.metrics["share"] < 1


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: ExactConfig("l3", "1/k"), "unknown identity 'l3'"),
        (lambda: width.WidthConfig("x", "relu", 1, 1.0, "digits", 1), "unknown method 'x'"),
        (lambda: stability.StabilityConfig("x", 1, 1.0, "digits", 1), "unknown method 'x'"),
        (lambda: pareto.ParetoConfig("vgg", "1/k", 1.0, 1, "digits", 1), "unknown network 'vgg'"),
    ],
)
def test_unknown_settings_are_refused(make, words):
    with pytest.raises(ValueError, match=words):
        make()
