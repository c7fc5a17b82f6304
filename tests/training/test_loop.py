import pytest
import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from startright.data import batches
from startright.models import MLP, build
from startright.seeds import generator
from startright.training import TrainConfig, cross_entropy, train


def model(seed=0, widths=(64, 20, 10), activation=nn.Tanh):
    return build(lambda: MLP(widths, activation), seed).double()


def test_one_epoch_is_gradient_descent_written_out(digits):
    trained, config = model(widths=(64, 10)), TrainConfig(epochs=1, batch_size=150, lr=0.3)
    weight, bias = (p.detach().clone() for p in trained.parameters())
    history = train(trained, digits, config, seed=4)
    (x, y), losses = digits.train, []
    for index in batches(400, 150, generator(4, "order")):
        probabilities = (x[index] @ weight.T + bias).softmax(1)
        losses.append(-probabilities[range(len(index)), y[index]].log().mean().item())
        error = (probabilities - nn.functional.one_hot(y[index], 10)) / len(index)
        weight, bias = weight - 0.3 * error.T @ x[index], bias - 0.3 * error.sum(0)
    torch.testing.assert_close(trained.layers[0].weight, weight)
    torch.testing.assert_close(trained.layers[0].bias, bias)
    assert history.curves["train_loss"] == pytest.approx([sum(losses) / 3])
    outputs = digits.test.x @ weight.T + bias
    assert history.last["test_loss"] == pytest.approx(cross_entropy(outputs, digits.test.y).mean().item())
    right = (outputs.argmax(1) == digits.test.y).double().mean().item()
    assert history.last["test_accuracy"] == pytest.approx(right)


@pytest.mark.parametrize(("optimizer", "lr"), [("sgd", 0.2), ("adam", 3e-3)])
def test_digits_are_learned(digits, optimizer, lr):
    history = train(model(), digits, TrainConfig(epochs=15, batch_size=20, lr=lr, optimizer=optimizer))
    assert history.status == "ok"
    assert history.last["test_accuracy"] > 0.85
    assert history.last["validation_accuracy"] > 0.85
    assert history.last["train_loss"] < history.curves["train_loss"][0] / 10


def test_history_follows_the_seeds(digits):
    config = TrainConfig(epochs=2, batch_size=64)
    histories = [
        train(model(init), digits, config, seed=order) for init, order in ((0, 0), (0, 0), (1, 0), (0, 1))
    ]
    assert histories[0] == histories[1]
    assert len({h.last["train_loss"] for h in histories}) == 3


@pytest.mark.parametrize(
    ("eval_every", "drop_last", "steps"),
    [(None, False, [7, 14]), (None, True, [6, 12]), (5, False, [5, 10, 14]), (99, False, [14])],
)
def test_when_it_evaluates(digits, eval_every, drop_last, steps):
    config = TrainConfig(epochs=2, batch_size=64, eval_every=eval_every, drop_last=drop_last)
    history = train(model(), digits, config)
    assert history.steps == steps
    assert {len(curve) for curve in history.curves.values()} == {len(steps)}


def test_divergence_ends_the_training(digits):
    config, calls = TrainConfig(epochs=4, batch_size=100, lr=1e300), []
    history = train(model(activation=nn.ReLU), digits, config, augment=lambda x, g: calls.append(0) or x)
    assert (history.status, history.steps) == ("diverged", [])
    assert history.reason == "train_loss was not finite by step 4"
    assert len(calls) == 4


def test_augmentation_gets_batches_and_its_own_generator(digits):
    def noisy(x, generator):
        return x + 0.1 * torch.randn(x.shape, generator=generator, dtype=x.dtype)

    config = TrainConfig(epochs=1, batch_size=64)
    plain, noised, again = (train(model(), digits, config, augment=a) for a in (None, noisy, noisy))
    assert noised == again != plain


def test_own_loss(digits):
    def squared(outputs, y):
        return (outputs - nn.functional.one_hot(y, 10)).square().mean(1)

    history = train(model(), digits, TrainConfig(epochs=2, lr=0.5), loss=squared)
    assert 0 < history.last["test_loss"] < 0.2


def test_model_is_evaluated_in_eval_mode_and_left_in_train_mode(digits):
    dropped = nn.Sequential(MLP((64, 10)), nn.Dropout(0.999)).double()
    history = train(dropped, digits, TrainConfig(epochs=1, lr=1e-12))
    outputs = dropped[0](digits.test.x)
    assert history.last["test_loss"] == pytest.approx(cross_entropy(outputs, digits.test.y).mean().item())
    assert dropped.training


class CountReads(TorchDispatchMode):
    """Counts the tensors whose value the host asks for."""

    reads = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        self.reads += "local_scalar" in str(func) or "nonzero" in str(func)
        return func(*args, **(kwargs or {}))


def test_host_reads_one_tensor_an_evaluation(digits, monkeypatch):
    lists, tolist = [], torch.Tensor.tolist
    monkeypatch.setattr(torch.Tensor, "tolist", lambda self: lists.append(self.shape) or tolist(self))
    with CountReads() as count:
        train(model(), digits, TrainConfig(epochs=3, batch_size=32, momentum=0.9))
    assert count.reads == 0
    assert len(lists) == 3


def test_train_loss_is_the_mean_since_the_last_evaluation(digits):
    often = train(model(), digits, TrainConfig(epochs=2, batch_size=100, eval_every=1))
    seldom = train(model(), digits, TrainConfig(epochs=2, batch_size=100))
    losses = often.curves["train_loss"]
    assert seldom.curves["train_loss"] == pytest.approx([sum(losses[:4]) / 4, sum(losses[4:]) / 4])
