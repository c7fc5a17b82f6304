import dataclasses

import pytest
import torch
from torch import nn

from startright.models import MLP, LeNet
from startright.papers.higher_order.partition import PARTITIONS, Partition, as_partition


def net():
    return MLP((4, 5, 4, 3), nn.Tanh)


def names_of(model):
    return [name for name, _ in model.named_parameters()]


@pytest.mark.parametrize("kind", PARTITIONS)
@pytest.mark.parametrize("model", [net(), LeNet(), nn.LSTM(3, 4, 2)], ids=["mlp", "lenet", "lstm"])
def test_every_parameter_is_in_one_group(kind, model):
    partition = as_partition(kind, model)
    assert sorted(name for group in partition.groups for name in group) == sorted(names_of(model))
    assert all(name in partition.groups[partition.index(name)] for name in names_of(model))
    assert partition.check(model) is partition
    assert len(partition) == len(partition.names) == len(partition.groups)
    assert partition == as_partition(kind, dict(model.named_parameters()))


def test_the_constructors():
    model = net()
    assert Partition.canonical(model).groups == tuple((name,) for name in names_of(model))
    assert Partition.canonical(model).names == tuple(names_of(model))
    assert Partition.trivial(model).names == ("all",)
    by_kind = Partition.weights_biases(model)
    assert by_kind.names == ("weights", "biases")
    assert by_kind.groups[1] == ("layers.0.bias", "layers.2.bias", "layers.4.bias")
    assert Partition.blocks(model).names == ("layers.0", "layers.2", "layers.4")
    assert Partition.blocks(LeNet(), by=1).names == ("features", "classifier")
    assert Partition.blocks(model, by=lambda name: name[-4:]).names == ("ight", "bias")
    turns = Partition.alternate(model)
    assert turns.names == ("even", "odd")
    assert turns.groups[1] == ("layers.2.weight", "layers.2.bias")


def test_biases_of_recurrent_layers_and_bare_parameters():
    assert Partition.weights_biases(nn.LSTM(3, 4)).groups[1] == ("bias_ih_l0", "bias_hh_l0")
    bare = {"a": torch.zeros(2), "b": torch.zeros(3)}
    assert Partition.blocks(bare).names == ("a", "b")
    assert Partition.trivial(bare).groups == (("a", "b"),)


def test_names_of_groups():
    assert Partition([["a.x", "a.y"], ["b"], ["a.z", "b.z"]]).names == ("a", "b", "a.z + 1")
    assert Partition([["a"], ["b"]], ["one", "two"]).names == ("one", "two")
    given = Partition.custom({"a": torch.zeros(1), "b": torch.zeros(1)}, {"first": ["b"], "second": ["a"]})
    assert (given.names, given.groups) == (("first", "second"), (("b",), ("a",)))


def test_immutable_and_hashable():
    partition = Partition([["a"], ["b"]])
    with pytest.raises(dataclasses.FrozenInstanceError):
        partition.groups = ()
    assert {partition: 1}[Partition((("a",), ("b",)))] == 1
    assert partition != Partition([["b"], ["a"]])


def test_frozen_parameters_are_left_out():
    model = net()
    model.layers[0].weight.requires_grad_(False)
    for kind in PARTITIONS:
        partition = as_partition(kind, model)
        assert all("layers.0.weight" not in group for group in partition.groups)
    with pytest.raises(ValueError, match=r"frozen.*layers.0.weight"):
        Partition([names_of(model)]).check(model)
    with pytest.raises(ValueError, match="no trainable parameters"):
        Partition.canonical(model.requires_grad_(False))


def test_bad_groups():
    model = net()
    names = names_of(model)
    with pytest.raises(ValueError, match=r"overlap: layers.0.bias"):
        Partition.custom(model, [names, ["layers.0.bias"]])
    with pytest.raises(ValueError, match=r"in no group: layers.4.bias"):
        Partition.custom(model, [names[:-1]])
    with pytest.raises(ValueError, match=r"unknown parameter 'layers.0.wait': did you mean 'layers"):
        Partition.custom(model, [["layers.0.wait"], names])
    with pytest.raises(ValueError, match="none of them empty"):
        Partition([["a"], []])
    with pytest.raises(ValueError, match="none of them empty"):
        Partition([])
    with pytest.raises(ValueError, match="sequences of names"):
        Partition(["ab", "c"])
    with pytest.raises(ValueError, match="as many names"):
        Partition([["a"], ["b"]], ["one"])
    with pytest.raises(ValueError, match="unknown partition 'canonicle'"):
        as_partition("canonicle", model)
    with pytest.raises(ValueError, match="unknown parameter 'c'"):
        Partition([["a"], ["b"]]).index("c")
    with pytest.raises(ValueError, match="depth"):
        Partition.blocks(model, by=0)


def test_block_sums():
    model = net()
    fine, coarse = Partition.canonical(model), Partition.weights_biases(model)
    assert fine.block_sums(coarse).tolist() == [[1, 0, 1, 0, 1, 0], [0, 1, 0, 1, 0, 1]]
    assert torch.equal(fine.block_sums(fine), torch.eye(6, dtype=torch.float64))
    with pytest.raises(ValueError, match="would be split"):
        Partition.blocks(model).block_sums(coarse)
    with pytest.raises(ValueError, match="differ in their parameters: a"):
        Partition([["a"]]).block_sums(fine)
