"""The code that the API page prints runs as it is printed, and does what the page says."""

import torch
from torch.nn import functional as F


def test_every_use_is_shown(page):
    assert [heading for heading, part in page.items() if len(part) == 1] == list(page)
    assert list(page) == [
        "Training",
        "What it has learnt",
        "Groups of one's own",
        "Rates to start from",
        "A network of torchvision",
        "The derivatives and the step by themselves",
        "Whether they are right",
        "Schedules and checkpoints",
    ]


def test_training(page):
    [names] = page["Training"]
    assert names["loss"].isfinite()
    assert names["optimizer"].estimates == 6


def test_what_it_has_learnt(page):
    [names] = page["What it has learnt"]
    assert list(names["rates"]) == ["0.weight", "0.bias", "2.weight", "2.bias"]
    assert names["rates"] == {name: max(eta, 0) for name, eta in names["eta"].items()}
    assert max(names["rates"].values()) > 0
    assert names["H"].shape == (4, 4)
    assert names["case"] in ("definite", "indefinite", "hard")


def test_groups(page):
    [names] = page["Groups of one's own"]
    assert list(names["by_layer"].rates) == ["0", "2"]
    assert list(names["by_kind"].rates) == ["weights", "biases"]
    assert list(names["by_hand"].rates) == ["first", "last"]


def test_rates(page):
    [names] = page["A network of torchvision"]
    assert list(names["suggested"]) == ["0", "2"]
    assert list(names["of_blocks"]) == ["features", "classifier"]
    assert all(torch.tensor(list(names[key].values())).isfinite().all() for key in ("suggested", "of_blocks"))


def test_the_parts(page):
    [names] = page["The derivatives and the step by themselves"]
    torch.testing.assert_close(
        names["derivatives"].g, torch.stack([g.square().sum() for g in names["gradient"].values()]).double()
    )
    assert names["step"].residual < 1e-9
    assert names["step"].decrease > 0


def test_a_resumed_training_goes_on(page):
    [names] = page["Schedules and checkpoints"]
    assert not names["halved"]
    rng = torch.Generator().manual_seed(1)
    for _ in range(10):
        x, y = torch.randn(32, 64, generator=rng), torch.randint(10, (32,), generator=rng)
        for net, optimizer in (("model", "optimizer"), ("model_again", "optimizer_again")):
            names[optimizer].zero_grad()
            F.cross_entropy(names[net](x), y).backward()
            names[optimizer].step(curvature=names["loss_function"](names[net], F.cross_entropy, x, y))
    for p, q in zip(names["model"].parameters(), names["model_again"].parameters(), strict=True):
        assert torch.equal(p, q)
