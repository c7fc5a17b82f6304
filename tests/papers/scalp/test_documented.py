"""The code that the API page prints runs as it is printed, and does what the page says."""

from torch import nn


def test_scaling_layers_are_put_and_folded(page):
    [names] = page["Scaling layers in a network of your own"]
    assert len(names["optimizer"].param_groups[0]["params"]) == 4
    [names] = page["A penalty, and a smaller network"]
    assert names["done"].widths == {"0": (300, 300)}  # nothing was trained
    assert [type(part) for part in names["model"]] == [nn.Linear, nn.ReLU, nn.Linear]
