"""The code that the README and the API page print runs as it is printed, and does what they say."""

import torch
from contract.documented import blocks, execute
from torch import nn

from startright.paths import repository


def test_every_use_is_shown(page):
    counts = {heading: len(part) for heading, part in page.items()}
    assert counts == {
        "A module of your own": 1,
        "What the model gives": 1,
        "A classifier of torchvision": 1,
        "A recurrent network": 2,
        "A layer of your own": 1,
        "Schedules and checkpoints": 2,
        "Heads that fail": 0,
    }


def test_every_step_returns_a_loss(page):
    for names in (names for part in page.values() for names in part):
        assert names["loss"].shape == ()
        assert names["loss"].isfinite()
        assert not names["loss"].requires_grad


def test_what_the_model_gives(page):
    [names] = page["What the model gives"]
    assert names["log_probs"].shape == (32, 10)
    assert names["by_head"].shape == (10, 32, 10)
    torch.testing.assert_close(names["log_probs"].exp().sum(1), torch.ones(32))
    assert names["best"] in names["model"].head_rates


def test_the_rule_gives_a_unit_one_rate(page):
    [names] = page["A layer of your own"]
    model, optimizer = names["model"], names["optimizer"]
    dense = model.backbone[0]
    weight, bias = (optimizer.state[p]["rate"] for p in (dense.weight, dense.bias))
    assert torch.equal(weight, bias.expand_as(weight))
    assert len(bias.unique()) == 128


def test_a_resumed_training_goes_on(page):
    stopped, resumed = page["Schedules and checkpoints"]
    assert stopped["model"] is not resumed["model"]
    for _ in range(3):
        losses = []
        for names in (stopped, resumed):
            losses.append(names["model"].training_step(names["x"], names["y"], names["optimizer"]))
            names["schedule"].step()
        assert losses[0] == losses[1]
    assert stopped["optimizer"].param_groups[0]["lr"] == resumed["optimizer"].param_groups[0]["lr"] < 1
    for old, new in zip(*(names["model"].state_dict().values() for names in (stopped, resumed)), strict=True):
        assert torch.equal(old, new)


def test_readme(tmp_path, monkeypatch):
    found = [
        code for code in blocks((repository() / "README.md").read_text(encoding="utf-8")) if "alrao" in code
    ]
    assert len(found) == 1
    net = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))
    names = {"net": net, "x": torch.randn(8, 64), "y": torch.arange(8)}
    before = net[0].weight.clone()
    [names] = execute(found, names, tmp_path, monkeypatch)
    assert names["loss"].isfinite()
    assert not torch.equal(net[0].weight, before)
