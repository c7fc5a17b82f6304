"""A study of gradient descent on a parabola, single and stacked, and records of all kinds."""

import math
from dataclasses import dataclass

import pytest
import torch
from hypothesis import strategies as st

from startright.seeds import generator
from startright.studies import STATUSES, Outcome, Record, Study, run_key
from startright.studies.strict_json import NON_FINITE


@dataclass(frozen=True)
class Descent:
    rate: float
    steps: int = 20
    width: int = 3


def descend(rates, starts, steps):
    """Loss ½|x|² along gradient descent for a stack of rates and starts, (steps + 1, stack)."""
    x, losses = starts, []
    for _ in range(steps + 1):
        losses.append(0.5 * (x**2).sum(-1))
        x = x - rates[:, None] * x
    return torch.stack(losses)


def run_stacked(runs, device):
    starts = [torch.randn(c.width, generator=generator(seed, "init")) for c, seed in runs]
    rates = torch.tensor([config.rate for config, _ in runs], device=device)
    losses = descend(rates, torch.stack(starts).to(device), runs[0][0].steps)
    return [Outcome({"loss": loss[-1]}, {"loss": loss.tolist()}) for loss in losses.T]


def grid(profile):
    if profile == "paper":
        raise ValueError("the study has no profile 'paper'")
    widths = (2, 3) if profile == "quick" else (2, 3, 4)
    return [Descent(rate, width=width) for rate in (0.1, 0.5) for width in widths]


@pytest.fixture
def config():
    return Descent


@pytest.fixture
def study():
    """Gradient descent on a parabola: 4 configs × 2 seeds in ``quick``, 6 × 2 in ``full``."""
    return Study(
        "toy-descent",
        version=1,
        question="Does gradient descent descend?",
        grid=grid,
        seeds=lambda profile: range(2),
        run=lambda config, seed, device: run_stacked([(config, seed)], device)[0],
        run_stacked=run_stacked,
        stack_key=lambda config: (config.steps, config.width),
    )


def _records():
    """Strategy: any record."""
    words = st.text(max_size=8)
    scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | words
    scalars = scalars.filter(lambda value: not isinstance(value, str) or value not in NON_FINITE)
    settings = st.recursive(scalars, lambda inner: st.lists(inner, max_size=3).map(tuple), max_leaves=5)
    numbers = st.floats()
    json = st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | words,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
        max_leaves=5,
    )
    record = st.builds(
        Record,
        key=st.just(""),
        study=words,
        version=st.integers(),
        config=st.dictionaries(words, settings, max_size=3),
        seed=st.integers(min_value=0),
        profile=words,
        status=st.sampled_from(STATUSES),
        reason=st.none() | words,
        metrics=st.dictionaries(words, numbers, max_size=3),
        curves=st.dictionaries(words, st.lists(numbers, max_size=4), max_size=2),
        seconds=st.floats(min_value=0, allow_infinity=False),
        peak_memory=st.none() | st.integers(),
        provenance=st.dictionaries(words, json, max_size=3),
        extra=st.dictionaries(words.map("new ".__add__), json, max_size=2),
    )

    def keyed(r):
        return Record(**{**vars(r), "key": run_key(r.study, r.version, r.config, r.seed)})

    return record.map(keyed)


@pytest.fixture(scope="session")
def any_record():
    return _records()


@pytest.fixture(scope="session")
def same():
    """Equality in which NaN equals NaN."""

    def equal(a, b):
        if isinstance(a, dict):
            return a.keys() == b.keys() and all(equal(a[k], b[k]) for k in a)
        if isinstance(a, list | tuple):
            return type(a) is type(b) and len(a) == len(b) and all(map(equal, a, b))
        if isinstance(a, Record):
            return equal(vars(a), vars(b))
        nan = isinstance(a, float) and isinstance(b, float) and math.isnan(a) and math.isnan(b)
        return nan or (type(a) is type(b) and a == b)

    return equal
