"""What runs after the last linear layer: refused by name, or gone on with and told."""

import copy
import pickle
import warnings

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from startright.papers.alrao import wrap, wrap_classifier

INTERVAL = (1e-3, 1.0)
X, Y = torch.randn(8, 6, generator=torch.Generator().manual_seed(0)), torch.arange(8) % 5


class Net(nn.Module):
    """A classifier that does something to its logits."""

    def __init__(self, end, d=7, k=5):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(6, d), nn.BatchNorm1d(d), nn.ReLU())
        self.drop = nn.Dropout(0.5)  # registered in between, and run wherever `end` likes
        self.fc, self.end = nn.Linear(d, k), end

    def forward(self, x):
        return self.end(self, self.fc(self.body(x)))


def step(net, **options):
    model, optimizer = wrap_classifier(net, INTERVAL, 3, **options)
    return model, model.training_step(X, Y, optimizer)


@pytest.mark.parametrize(
    "end",
    [nn.LogSoftmax(1), nn.Softmax(1), nn.Sigmoid(), nn.Dropout(0.1), nn.Tanh(), nn.BatchNorm1d(5), nn.ReLU()],
)
@pytest.mark.parametrize("nested", [False, True])
def test_a_layer_after_the_last_linear_one_is_refused_by_name_before_anything_is_changed(end, nested):
    head = [nn.Linear(7, 5), end]
    net = nn.Sequential(nn.Linear(6, 7), nn.ReLU(), *([nn.Sequential(*head)] if nested else head))
    layers = list(net.modules())
    with pytest.raises(ValueError, match=f"followed by {type(end).__name__}.*strict=False"):
        wrap_classifier(net, INTERVAL)
    assert all(a is b for a, b in zip(layers, net.modules(), strict=True))


ENDS = {
    "log_softmax": lambda net, z: F.log_softmax(z, 1),
    "softmax": lambda net, z: z.softmax(-1),
    "sigmoid": lambda net, z: torch.sigmoid(z),
    "mul .dropout": lambda net, z: net.drop(z),
    "relu": lambda net, z: F.relu(z),  # which would change none of these features: they are not negative
    "relu ": lambda net, z: z.relu_(),
    "add": lambda net, z: z + 1,
    "div": lambda net, z: z / 2,
    "exp": lambda net, z: z.view(2, -1, z.shape[1]).exp().flatten(0, 1),
    "mean": lambda net, z: z.mean(1, keepdim=True),
}


@pytest.mark.parametrize("name", ENDS)
def test_what_forward_does_to_the_logits_is_refused_by_name_at_the_first_step(name):
    net = Net(ENDS[name])
    last, before = net.fc, copy.deepcopy(net.state_dict())
    with pytest.raises(ValueError, match=f"does not end in its last linear layer, fc: {name.strip()}"):
        step(net)
    assert net.fc is last
    assert net.training
    for key, value in net.state_dict().items():
        assert torch.equal(value, before[key])
    with pytest.raises(ValueError, match="does not end"):
        wrap_classifier(Net(ENDS[name]), INTERVAL, example=X)


@pytest.mark.parametrize(
    "end",
    [
        lambda net, z: z if net.training else z.softmax(1),
        lambda net, z: F.log_softmax(z, 1) if net.training else z,
    ],
)
@pytest.mark.parametrize("training", [True, False])
def test_both_modes_are_looked_at(end, training):
    net = Net(end).train(training)
    with pytest.raises(ValueError, match="does not end"):
        step(net)
    assert net.training == training


def test_a_model_found_wanting_stays_refused():
    model, optimizer = wrap_classifier(Net(ENDS["softmax"], d=5), INTERVAL, 3)
    for _ in range(2):
        with pytest.raises(ValueError, match="softmax runs after"):
            model.training_step(X, Y, optimizer)


@pytest.mark.parametrize("step", ["fit_features", "backward"])
def test_features_computed_elsewhere_are_looked_at(step):
    model, optimizer = wrap_classifier(Net(ENDS["softmax"]), INTERVAL, 3)
    with pytest.raises(ValueError, match="softmax runs after"):
        getattr(model, step)(model.backbone(X), Y, *([optimizer] if step == "fit_features" else []))


@pytest.mark.parametrize("quiet", [torch.no_grad, torch.inference_mode])
def test_predictions_are_looked_at_too(quiet):
    model, _ = wrap_classifier(Net(lambda net, z: z).eval(), INTERVAL, 3)
    with quiet():
        assert model(X).isfinite().all()
    for end in (lambda net, z: z.softmax(1), lambda net, z: z.relu_() - 1):
        model, _ = wrap_classifier(Net(end).eval(), INTERVAL, 3)
        with quiet(), pytest.raises(ValueError, match="something else runs after"):
            model(X)


class Branches(nn.Module):
    """The layer registered last is not the one that answers."""

    def __init__(self, uses):
        super().__init__()
        self.out, self.gate, self.uses = nn.Linear(6, 6), nn.Linear(6, 6), uses

    def forward(self, x):
        return self.out(torch.tanh(self.gate(x)) if self.uses else x)


@pytest.mark.parametrize(("uses", "why"), [(True, "addmm runs after"), (False, "it does not run")])
def test_the_layer_registered_last_must_be_the_one_that_answers(uses, why):
    with pytest.raises(ValueError, match=f"gate: {why}"):
        step(Branches(uses))


@pytest.mark.parametrize(
    "end",
    [
        lambda net, z: z,
        lambda net, z: z.squeeze(),
        lambda net, z: z.float(),
        lambda net, z: z.double(),
        lambda net, z: z.view(4, 2, -1)[:, -1],
        lambda net, z: z.reshape(4, 2, -1).transpose(0, 1).contiguous().flatten(0, 1),
    ],
)
def test_shapes_types_and_chosen_rows_are_no_matter(end):
    net = Net(end)
    rows = net(X)
    model, optimizer = wrap_classifier(net, INTERVAL, 3)
    assert model.training_step(X, Y[: len(rows)], optimizer).isfinite()


@pytest.mark.parametrize("end", [lambda net, z: z.view(-1, 5), lambda net, z: z.T, lambda net, z: z[:, :5]])
def test_other_rows_are_refused(end):
    """With features as wide as the logits each of these would fit."""
    for d in (10, 8):
        with pytest.raises((ValueError, RuntimeError)):
            step(Net(end, d=d))


def test_an_axis_of_the_same_length_is_told_apart():
    with pytest.raises(ValueError, match="with other rows"):
        step(Net(lambda net, z: z.T, d=8))


def tied():
    net = nn.Sequential(nn.Embedding(5, 7), nn.Flatten(0, 1), nn.Linear(7, 5, bias=False))
    net[2].weight = net[0].weight
    return net


def twice():
    layer = nn.Linear(6, 6)
    return nn.Sequential(nn.Linear(6, 6), nn.ReLU(), layer, nn.ReLU(), layer)


def hooked():
    net = nn.Sequential(nn.Linear(6, 7), nn.ReLU(), nn.Linear(7, 5))
    net[2].register_forward_hook(lambda layer, inputs, output: output / 10)
    return net


def normed():
    return nn.Sequential(nn.Linear(6, 7), nn.ReLU(), nn.utils.parametrizations.weight_norm(nn.Linear(7, 5)))


def attention():
    return nn.Sequential(nn.Linear(6, 6), nn.MultiheadAttention(6, 2))


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (tied, "2, .* shares a tensor with 0.weight"),
        (twice, "2, .* is in 2 places, 2 and 4"),
        (hooked, "2, .* has hooks"),
        (normed, "2, .* is a ParametrizedLinear"),
        (attention, "1.out_proj, .* is a NonDynamicallyQuantizableLinear"),
    ],
)
def test_what_fresh_heads_would_lack_is_refused(make, why):
    with pytest.raises(ValueError, match=why):
        wrap_classifier(make(), INTERVAL)


def test_a_network_is_wrapped_once():
    net = Net(lambda net, z: z)
    wrap_classifier(net, INTERVAL)
    with pytest.raises(ValueError, match="was wrapped before"):
        wrap_classifier(net, INTERVAL)


@pytest.mark.parametrize("where", ["layer", "forward"])
def test_one_may_go_on_and_is_told_once(where):
    if where == "layer":
        net = nn.Sequential(nn.Linear(6, 7), nn.ReLU(), nn.Linear(7, 5), nn.Dropout(0.1))
        with pytest.warns(UserWarning, match="followed by Dropout"):
            model, optimizer = wrap_classifier(net, INTERVAL, 3, strict=False)
    else:
        net = Net(ENDS["mul .dropout"])
        model, optimizer = wrap_classifier(net, INTERVAL, 3, strict=False)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        for _ in range(3):
            assert model.training_step(X, Y, optimizer).isfinite()
    assert [str(one.message).split(": ")[0] for one in told] == [
        f"{type(net).__name__} does not end in its last linear layer, {2 if where == 'layer' else 'fc'}"
    ]


def test_looking_leaves_the_run_as_it_would_have_been():
    """With dropout and statistics: the first losses are those of a model that nobody looked at."""

    def losses(watched):
        torch.manual_seed(0)
        net = Net(lambda net, z: z)
        net.body.append(nn.Dropout(0.5))
        torch.manual_seed(1)
        if watched:
            model, optimizer = wrap_classifier(net, INTERVAL, 3)
        else:
            net.fc = nn.Identity()
            model, optimizer = wrap(net, lambda: nn.Linear(7, 5), INTERVAL, 3)
        return [model.training_step(X, Y, optimizer) for _ in range(3)], model

    (watched, one), (plain, other) = losses(True), losses(False)
    assert torch.equal(torch.stack(watched), torch.stack(plain))
    for a, b in zip(one.state_dict().values(), other.state_dict().values(), strict=True):
        assert torch.equal(a, b)


def test_copies_of_a_model_that_was_not_looked_at():
    model, _ = wrap_classifier(Net(ENDS["softmax"]), INTERVAL, 3)
    model.backbone(X)
    for twin in (copy.deepcopy(model.eval()), pickle.loads(pickle.dumps(nn.Sequential(model.backbone.body)))):
        assert twin is not model
    with pytest.raises(ValueError, match="softmax runs after"):
        copy.deepcopy(model.train())(X)


@pytest.mark.parametrize("end", [nn.Softmax(1), nn.LogSoftmax(1)])
def test_features_that_are_probabilities_are_refused(end):
    backbone = nn.Sequential(nn.Linear(6, 7), end)
    model, optimizer = wrap(backbone, lambda: nn.Linear(7, 5), INTERVAL, 3)
    with pytest.raises(ValueError, match=r"look like those of (log_)?softmax, the end of a classifier"):
        model.training_step(X, Y, optimizer)
    model, optimizer = wrap(backbone, lambda: nn.Linear(7, 5), INTERVAL, 3, strict=False)
    with pytest.warns(UserWarning, match="end of a classifier"):
        assert model.training_step(X, Y, optimizer).isfinite()


@pytest.mark.parametrize("end", [nn.Sigmoid(), nn.Dropout(0.3), nn.Tanh(), nn.ReLU()])
def test_features_may_be_anything_else(end):
    model, optimizer = wrap(nn.Sequential(nn.Linear(6, 7), end), lambda: nn.Linear(7, 5), INTERVAL, 3)
    assert model.training_step(X, Y, optimizer).isfinite()


@pytest.mark.parametrize("end", [nn.Softmax(-1), nn.Sigmoid()])
def test_heads_that_give_probabilities_are_refused(end):
    model, optimizer = wrap(nn.Linear(6, 7), lambda: nn.Sequential(nn.Linear(7, 5), end), INTERVAL, 3)
    with pytest.raises(ValueError, match=r"heads seem to end in s.*should give logits"):
        model.training_step(X, Y, optimizer)


def test_heads_may_give_log_probabilities_which_are_logits_too():
    def make():
        return nn.Sequential(nn.Linear(7, 5), nn.LogSoftmax(-1))

    model, optimizer = wrap(nn.Linear(6, 7), make, INTERVAL, 3)
    assert model.training_step(X, Y, optimizer).isfinite()
