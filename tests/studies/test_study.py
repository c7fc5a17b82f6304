import dataclasses
import math
from dataclasses import dataclass
from itertools import pairwise

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from startright.studies import CURVE_POINTS, Outcome, Run, Study, thin
from startright.training import History


@dataclass(frozen=True)
class Free:
    value: object


@dataclass
class Thawed:
    value: int = 0


def made(**changes):
    parts = {
        "name": "toy-study",
        "version": 1,
        "question": "?",
        "grid": lambda profile: [Free(1), Free(2)],
        "seeds": lambda profile: range(3),
        "run": lambda config, seed, device: Outcome({}),
    }
    return Study(**{**parts, **changes})


@pytest.mark.parametrize("value", [1, 0.5, math.inf, "a", True, None, (), (1, ("b", None))])
def test_plain_settings_are_taken(value):
    assert len(Run("toy-study", 1, Free(value), 0).key) == 16


@pytest.mark.parametrize(
    "value",
    [[1], {"a": 1}, {1}, torch.tensor(1), math.nan, (math.nan,), "nan", "inf", b"a", 1j, (1, [2]), print],
)
def test_other_settings_are_refused_by_name(value):
    with pytest.raises(ValueError, match=r"Free\.value"):
        Run("toy-study", 1, Free(value), 0)


@pytest.mark.parametrize("config", [Thawed(), {"value": 1}, None, Free])
def test_a_config_is_a_frozen_dataclass(config):
    with pytest.raises(ValueError, match="frozen dataclass"):
        Run("toy-study", 1, config, 0)


@pytest.mark.parametrize("seed", [-1, 0.0, True, "0", None])
def test_bad_seeds_are_refused(seed):
    with pytest.raises(ValueError, match="seed"):
        Run("toy-study", 1, Free(1), seed)


def test_the_key_depends_on_all_four_parts_and_on_types():
    base = Run("toy-study", 1, Free(1), 0)
    others = [
        Run("toy-other", 1, Free(1), 0),
        Run("toy-study", 2, Free(1), 0),
        Run("toy-study", 1, Free(2), 0),
        Run("toy-study", 1, Free(1.0), 0),
        Run("toy-study", 1, Free(True), 0),
        Run("toy-study", 1, Free("1"), 0),
        Run("toy-study", 1, Free(1), 1),
    ]
    assert len({run.key for run in [base, *others]}) == 8
    assert base.key == dataclasses.replace(base).key


def test_keys_do_not_change_between_versions_of_the_package():
    assert Run("toy-study", 1, Free((1, 0.1, "a", None, True, math.inf)), 3).key == "11f4c6be1c8f249c"


def test_runs_are_the_grid_times_the_seeds():
    assert [(r.config.value, r.seed) for r in made().runs("quick")] == [
        (value, seed) for value in (1, 2) for seed in range(3)
    ]
    assert [r.seed for r in made().runs("quick", first_seed=10)] == [10, 11, 12] * 2


@pytest.mark.parametrize(
    ("changes", "profile", "message"),
    [
        ({}, "quik", "did you mean 'quick'"),
        ({"grid": lambda profile: []}, "quick", "no runs"),
        ({"seeds": lambda profile: []}, "quick", "no runs"),
        ({"grid": lambda profile: [Free(1), Free(1)]}, "quick", "twice"),
        ({"seeds": lambda profile: [-1]}, "quick", "non-negative"),
    ],
)
def test_bad_grids_are_refused(changes, profile, message):
    with pytest.raises(ValueError, match=message):
        made(**changes).runs(profile)


@pytest.mark.parametrize(
    "name", ["depth", "Preact-depth", "preact_depth", "preact-", "../preact-x", "", "a-b/c"]
)
def test_bad_names_are_refused(name):
    with pytest.raises(ValueError, match="study name"):
        made(name=name)


def test_a_stack_of_no_runs_is_refused():
    with pytest.raises(ValueError, match="max_stack"):
        made(max_stack=0)


def test_profiles_are_those_with_a_grid(study):
    assert study.profiles == ("quick", "full")


def test_an_outcome_that_is_not_finite_diverged():
    wild = Outcome({"loss": torch.tensor(math.nan), "error": 0.5, "norm": -math.inf})
    assert (wild.status, wild.reason) == ("diverged", "not finite: loss = nan, norm = -inf")
    assert Outcome({"loss": 1e300}, {"loss": [math.inf, 1.0]}).status == "ok"
    assert Outcome({"loss": math.nan}, status="failed", reason="lost").reason == "lost"


def test_an_outcome_holds_plain_floats():
    outcome = Outcome({"a": torch.tensor(2)}, {"c": torch.arange(3)})
    assert type(outcome.metrics["a"]) is float
    assert outcome.curves == {"c": [0.0, 1.0, 2.0]}


def test_bad_outcomes_are_refused():
    with pytest.raises(ValueError, match="did you mean 'diverged'"):
        Outcome({}, status="diverge")
    with pytest.raises(ValueError, match=r"'loss' has 201 points.*thin"):
        Outcome({}, {"loss": [0.0] * 201})
    Outcome({}, {"loss": [0.0] * 200})


@given(st.integers(0, 2000), st.integers(2, CURVE_POINTS))
def test_thinning_keeps_both_ends_in_even_steps(length, points):
    kept = thin(range(length), points)
    assert len(kept) == min(length, points)
    assert kept[:1] == list(range(length))[:1]
    assert kept[-1:] == list(range(length))[-1:]
    gaps = [b - a for a, b in pairwise(kept)]
    assert not gaps or (min(gaps) >= 1 and max(gaps) - min(gaps) <= 1)


def test_thinning_to_one_point_is_refused():
    with pytest.raises(ValueError, match="at least 2"):
        thin([1, 2, 3], points=1)


def test_an_outcome_of_a_training_has_its_status_curves_and_last_values():
    history = History(steps=[1, 2], curves={"test_loss": [2.0, 1.0]})
    assert Outcome.of(history) == Outcome({"test_loss": 1.0}, {"test_loss": [2.0, 1.0]})
    assert Outcome.of(history, {"best": 1.0}, {}) == Outcome({"best": 1.0})
    long = History(curves={"test_loss": [float(step) for step in range(1000)]})
    assert len(Outcome.of(long).curves["test_loss"]) == 200
    gone = History(status="diverged", reason="test_loss was not finite by step 3")
    assert (Outcome.of(gone).status, Outcome.of(gone).reason) == ("diverged", gone.reason)
