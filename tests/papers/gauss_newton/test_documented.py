"""The code that the API page prints runs as it is printed, and does what the page says."""

import re
import warnings
from pathlib import Path

import pytest
import torch

PAGE = Path(__file__).parents[3] / "book/api/gauss_newton.md"


@pytest.fixture(scope="module")
def page():
    """Heading of the subsection → the names after its block."""
    section = re.search(r"^## In two lines$(.*?)^## ", PAGE.read_text("utf-8"), re.DOTALL | re.MULTILINE)[1]
    parts = re.split(r"^### (.+)$", section, flags=re.MULTILINE)[1:]
    names, after = {"__name__": "page"}, {}
    with torch.random.fork_rng(), warnings.catch_warnings():
        torch.manual_seed(0)
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", message="`torch.jit.script` is deprecated")  # of torch's own
        for heading, body in zip(parts[::2], parts[1::2], strict=True):
            found = re.findall(r"^```python\n(.*?)^```$", body, re.DOTALL | re.MULTILINE)
            for code in found:
                exec(compile(code, "<documentation>", "exec"), names)
            after[heading] = dict(names) if found else None
    return after


def test_every_use_is_shown(page):
    assert [heading for heading, names in page.items() if names] == [
        "A module of your own",
        "What a step used",
        "A classifier, in minibatches",
        "A loss of your own",
        "Schedules and checkpoints",
    ]


def test_every_step_returns_a_loss(page):
    for names in page.values():
        if names:
            assert names["loss"].shape == ()
            assert names["loss"].isfinite()
            assert not names["loss"].requires_grad


def test_the_damping_of_the_step_can_be_read(page):
    names = page["What a step used"]
    assert names["epsilon"] >= names["smallest"]
    assert names["epsilon"] >= 1e-7


def test_the_schedule_acts_on_the_step(page):
    optimizer = page["Schedules and checkpoints"]["optimizer"]
    assert optimizer.param_groups[0]["lr"] == pytest.approx(0.09)


def test_the_examples_learn(page):
    model, x, y = (page["Schedules and checkpoints"][name] for name in ("model", "x", "y"))
    first = page["A module of your own"]["loss"]
    assert (model(x) - y).square().mean() / 2 < 0.8 * first
