import pytest
import torch
from torch import nn

from startright.models import CharLSTM


def count(module):
    return sum(p.numel() for p in module.parameters())


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"n_classes": None}, 166_600),
        ({}, 166_600 + 50 * 101),
        ({"n_tokens": 10_000, "n_classes": 10_000}, 2_171_600),  # words
        ({"n_layers": 1, "n_classes": None}, 5000 + 400 * 202),
    ],
)
def test_number_of_parameters(settings, expected):
    assert count(CharLSTM(**settings)) == expected


def test_embedding_is_drawn_in_a_tenth():
    torch.manual_seed(0)
    weight = CharLSTM().embedding.weight
    assert weight.abs().max() <= 0.1
    assert weight.std().item() == pytest.approx(0.1 / 3**0.5, rel=0.05)


def test_shapes_and_features():
    torch.manual_seed(0)
    net, tokens = CharLSTM(11, 6, 5, 3, n_classes=4).eval(), torch.randint(0, 11, (7, 2))
    outputs, (h, c) = net(tokens)
    assert outputs.shape == (7, 2, 4)
    assert h.shape == c.shape == (3, 2, 5)
    head, net.classifier = net.classifier, nn.Identity()
    z, _ = net(tokens)
    assert z.shape == (7, 2, net.n_features) == (7, 2, 5)
    torch.testing.assert_close(head(z), outputs)


def test_state_is_carried_over():
    torch.manual_seed(0)
    net, tokens = CharLSTM(11, 6, 5).eval(), torch.randint(0, 11, (8, 3))
    whole, last = net(tokens)
    first, state = net(tokens[:5])
    second, end = net(tokens[5:], state)
    torch.testing.assert_close(torch.cat([first, second]), whole)
    torch.testing.assert_close(end, last)


@pytest.mark.parametrize("place", ["after the embedding", "between layers", "after the last layer"])
def test_dropout(place):
    """Each of the three places drops about half of what reaches it, in training only."""
    torch.manual_seed(0)
    net, tokens = CharLSTM(11, 40, 40, 2, dropout=0.5), torch.randint(0, 11, (4, 3))
    calls = []
    net.dropout.register_forward_hook(lambda part, args, y: calls.append((args[0], y)))
    with torch.no_grad():
        net(tokens)
        if place == "between layers":
            net.dropout.eval()
            outputs = [net(tokens)[0] for _ in range(2)]
            assert not torch.equal(*outputs)
            assert torch.equal(*[net.eval()(tokens)[0] for _ in range(2)])
        else:
            before, after = calls[0] if place == "after the embedding" else calls[1]
            assert 0.3 < (after[before != 0] == 0).float().mean() < 0.7
            assert len(calls) == 2


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"n_tokens": 0}, "n_tokens must be positive, got 0"),
        ({"hidden": -1}, "hidden must be positive, got -1"),
        ({"n_layers": 0}, "n_layers must be positive"),
        ({"dropout": 1.0}, r"dropout in \[0, 1\)"),
        ({"n_classes": 0}, "n_classes must be positive, or None"),
    ],
)
def test_bad_sizes(settings, message):
    with pytest.raises(ValueError, match=message):
        CharLSTM(**settings)
