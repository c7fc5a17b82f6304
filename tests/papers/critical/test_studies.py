"""The studies: what a run leaves, alike alone and in a stack, and what the grids compare."""

from dataclasses import replace

import pytest
import torch
from papers.critical import made

from startright.papers.critical import experiment, fisher_trace, readings, studies
from startright.papers.critical.experiment import DeficitConfig, probe_epochs, run_deficit
from startright.studies import Record, Study

CPU = torch.device("cpu")
SMALL = DeficitConfig("blur", 0, 1, 2, images=130, every=1, probes=5)


def test_a_run_alone_leaves_what_it_leaves_in_a_stack():
    configs = (
        SMALL,
        replace(SMALL, deficit="none", stop=0, epochs=3),
        replace(SMALL, epochs=3, restart=True),
    )
    runs = [(config, seed) for config, seed in zip(configs, (0, 1, 0), strict=True)]
    together = experiment.run_deficit_stacked(runs, CPU)
    for (config, seed), outcome in zip(runs, together, strict=True):
        alone = run_deficit(config, seed, CPU)
        assert alone.metrics == pytest.approx(outcome.metrics, rel=2e-3)
        assert {name: len(curve) for name, curve in alone.curves.items()} == {
            name: len(curve) for name, curve in outcome.curves.items()
        }
        assert len(outcome.curves["accuracy"]) == config.epochs
        assert outcome.curves["fisher_epoch"] == probe_epochs(config.epochs)
        parts = [
            sum(v)
            for v in zip(
                *(
                    c
                    for n, c in outcome.curves.items()
                    if n.startswith("fisher_f") or n.startswith("fisher_c")
                ),
                strict=True,
            )
        ]
        assert parts == pytest.approx(outcome.curves["fisher"], rel=1e-4)


def test_the_first_trace_is_that_of_the_network_before_training():
    loaded = experiment.images("digits", 130, CPU)
    net = experiment.build(experiment.DigitsCNN, 0).eval()
    expected = sum(fisher_trace(net, loaded.train.x[:5]).values())
    assert run_deficit(SMALL, 0, CPU).metrics["fisher_first"] == pytest.approx(expected, rel=1e-4)


def test_the_digits_that_are_not_trained_on_are_tested_on():
    loaded = experiment.images("digits", 600, CPU)
    assert (len(loaded.train.y), len(loaded.test.y), loaded.validation) == (600, 1197, None)


def test_the_rate_starts_anew_where_the_deficit_ends():
    plain, again = (
        experiment.rate(replace(SMALL, stop=3, restart=restart), steps=4) for restart in (False, True)
    )
    assert plain(11) == again(11) == pytest.approx(0.97**2)
    assert (plain(12), again(12)) == (pytest.approx(0.97**3), 1.0)


@pytest.mark.parametrize("profile", ["quick", "full", "paper"])
def test_all_of_protocol_a_see_clean_data_for_equally_long(profile):
    for study, length in (
        (studies.REMOVAL, lambda c: c.epochs - c.stop),
        (studies.WINDOW, lambda c: c.epochs),
    ):
        lengths = {(c.network, length(c)) for c in study.grid(profile)}
        assert len(lengths) == len({network for network, _ in lengths})


def test_a_network_trained_alone_leaves_what_it_leaves_in_a_stack(monkeypatch):
    monkeypatch.setattr(experiment, "FACTOR", 0.3)  # the schedule is to be seen in three epochs
    config = replace(SMALL, epochs=3, restart=True, images=128)
    stacked = run_deficit(config, 0, CPU)
    monkeypatch.setitem(experiment.RECIPES, "alone", experiment.RECIPES["digits"])
    monkeypatch.setattr("startright.training.stacked.ModelStack", None)  # there is no other way
    alone = run_deficit(replace(config, network="alone"), 0, CPU)
    assert alone.metrics == pytest.approx(stacked.metrics, rel=2e-3)
    assert alone.curves["fisher_epoch"] == stacked.curves["fisher_epoch"]
    assert alone.curves["fisher"] == pytest.approx(stacked.curves["fisher"], rel=2e-3)


def test_a_window_that_ends_with_the_training_leaves_nothing_to_measure():
    narrow = [r for r in made.window("paper") if r.config["network"] == "allcnn-quarter"]
    assert {r.config["start"] for r in narrow} == {0, 25, 50}
    assert set(readings.sensitivities(narrow)) == {0, 25}


def test_the_network_nearest_to_the_paper_s_is_judged():
    records = made.removal("paper")
    assert {r.config["network"] for r in readings.chief(records)} == {"allcnn"}
    narrow = [r for r in records if r.config["network"] == "allcnn-quarter"]
    assert readings.chief(narrow) == narrow == readings.alike(records, narrow)
    assert {c.network for c in studies.FISHER.grid("paper")} <= set(readings.NETWORKS)


@pytest.mark.parametrize("profile", ["quick", "full"])
def test_weight_decays_meet_at_one_removal(profile):
    usual = {c.stop for c in studies.REMOVAL.grid(profile) if c.deficit == "blur" and not c.restart}
    assert max(c.stop for c in studies.DECAY.grid(profile)) in usual
    clean = {c.epochs - c.stop for study in (studies.DECAY, studies.REMOVAL) for c in study.grid(profile)}
    assert len(clean) == 1


def test_layers_are_named_without_the_normalisations():
    one = run_deficit(replace(SMALL, epochs=1), 0, CPU)
    study = Study("critical-one", 1, "?", lambda p: [SMALL], lambda p: [0], run_deficit)
    records = [Record.of(study.runs("quick")[0], one, profile="quick")]
    assert readings.layers(records) == {
        f"fisher_{layer}": f"layer {k}"
        for k, layer in enumerate(("features.0", "features.3", "features.6", "features.9", "classifier"), 1)
    }


def test_published_networks_are_those_of_the_paper():
    networks = {c.network for c in studies.REMOVAL.grid("paper")}
    assert networks == {"allcnn-quarter", "allcnn", "resnet18"}
    assert experiment.RECIPES["resnet18"].lr == 0.1
    for name in networks:
        with torch.device("meta"):
            assert experiment.RECIPES[name].make() is not None
