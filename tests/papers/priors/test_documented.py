"""The code of the API page, run as it is printed."""

import torch


def test_the_penalty_joins_a_loss(page):
    after = page["The strength of a penalty, without a search"][-1]
    assert torch.isfinite(after["loss"])
    first = next(after["model"].parameters())
    assert first.grad.abs().sum() > 0
    assert set(after["penalty"].factors) == {"0.weight", "4.weight"}


def test_l1_on_the_mean_has_no_prior(page):
    verdict = page["The prior of a penalty"][-1]["found"].verdict
    assert verdict.reasons == ("A is no function",)
