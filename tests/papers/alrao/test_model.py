import copy
import math
import pickle

import pytest
import torch
import torchvision
from torch import nn
from torch.nn import functional as F

from startright.models import build
from startright.papers.alrao import rates as rates_module
from startright.papers.alrao import register_rule, wrap, wrap_classifier
from startright.papers.alrao.likelihoods import Gaussian
from startright.papers.alrao.rates import Fraction

INTERVAL = (1e-3, 1.0)
D, K = 8, 3


def mlp(norm=False):
    def make():
        first = [nn.Linear(5, D, bias=False), nn.BatchNorm1d(D)] if norm else [nn.Linear(5, D)]
        return nn.Sequential(*first, nn.Tanh(), nn.Linear(D, D), nn.Tanh())

    return build(make, 0)


def linear():
    return nn.Linear(D, K)


def deep():
    return nn.Sequential(nn.Linear(D, 6), nn.Tanh(), nn.Linear(6, K))


def batches(steps, kind="categorical", b=8, dtype=torch.float64):
    """Classes that a linear rule tells, or its values."""
    generator = torch.Generator().manual_seed(1)
    rule = torch.randn(5, K, generator=generator, dtype=dtype)
    for _ in range(steps):
        x = torch.randn(b, 5, generator=generator, dtype=dtype)
        yield x, (x @ rule).argmax(1) if kind == "categorical" else x @ rule


def learn(model, optimizer, steps=60, **options):
    losses = [float(model.training_step(x, y, optimizer)) for x, y in batches(steps, **options)]
    return losses


# One step


def test_a_head_learns_at_full_speed_whatever_its_weight_and_never_moves_the_backbone():
    model, _ = wrap(mlp(), linear, INTERVAL, 3)
    with torch.no_grad():
        model.switch.log_mass.copy_(torch.tensor([[-60.0, 0, -60], [-60.0, -60, -60]]))
        model.heads.weight[1] = 0  # the head that counts says the same whatever the features
    ((x, y),) = batches(1, dtype=torch.float32)
    model.backward(model.backbone(x), y)
    assert model.heads.weight.grad.flatten(1).norm(dim=1).min() > 1e-2
    assert max(p.grad.abs().max() for p in model.backbone.parameters()) < 1e-12


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-10), (torch.float32, 1e-3)])
def test_one_head_at_one_rate_is_torch_s(optimizer, dtype, tolerance):
    rate = 0.03 if optimizer == "sgd" else 1e-3
    model, ours = wrap(mlp(norm=True).to(dtype), linear, (rate, rate), 1, optimizer=optimizer)
    plain = nn.Sequential(copy.deepcopy(model.backbone), nn.Linear(D, K, dtype=dtype))
    plain[1].load_state_dict({k: v[0] for k, v in model.heads.stack.state_dict().items()})
    start = model.backbone[0].weight.clone()
    theirs = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam}[optimizer](plain.parameters(), lr=rate)
    for x, y in batches(120, dtype=dtype):
        loss = F.cross_entropy(plain(x), y)
        theirs.zero_grad()
        loss.backward()
        theirs.step()
        torch.testing.assert_close(
            model.training_step(x, y, ours), loss.detach(), rtol=tolerance, atol=tolerance
        )
    model.eval(), plain.eval()
    torch.testing.assert_close(
        model(x), plain(x).log_softmax(1).detach(), rtol=10 * tolerance, atol=10 * tolerance
    )
    assert not torch.allclose(model.backbone[0].weight, start, atol=0.03)  # it has learnt far more


def test_only_the_backbone_s_gradient_is_clipped():
    (clipped, o1), (free, o2) = (wrap(mlp().double(), linear, INTERVAL, 3) for _ in range(2))
    before = copy.deepcopy(free)
    ((x, y),) = batches(1)
    clipped.training_step(x, y, o1, max_norm=1e-3)
    free.training_step(x, y, o2)
    norm = math.sqrt(sum(float(p.grad.square().sum()) for p in clipped.backbone.parameters()))
    assert norm == pytest.approx(1e-3, rel=1e-3)
    torch.testing.assert_close(clipped.heads.state_dict(), free.heads.state_dict())
    assert not torch.equal(free.backbone[0].weight, clipped.backbone[0].weight)
    assert not torch.equal(before.backbone[0].weight, clipped.backbone[0].weight)


def test_evaluation_leaves_the_weights_of_the_heads():
    model, optimizer = wrap(mlp(norm=True).double(), linear, INTERVAL)
    learn(model, optimizer, 5)
    state = copy.deepcopy(model.state_dict())
    model.eval()
    for x, _ in batches(3):
        model(x)
    for name, value in model.state_dict().items():
        assert torch.equal(value, state[name])


# Prediction


def test_the_mixture_s_probabilities_sum_to_one_and_average_the_heads():
    model, optimizer = wrap(mlp().double(), linear, INTERVAL)
    learn(model, optimizer, 10)
    ((x, _),) = batches(1)
    expected = torch.einsum("n,nbk->bk", model.switch.weights, model.head_log_probs(x).exp())
    torch.testing.assert_close(model(x).exp(), expected)
    torch.testing.assert_close(model(x).exp().sum(1), torch.ones(8, dtype=torch.float64))


def test_for_real_vectors_the_head_of_most_weight_speaks():
    model, optimizer = wrap(mlp().double(), linear, INTERVAL, likelihood="gaussian")
    learn(model, optimizer, 10, kind="gaussian")
    ((x, _),) = batches(1)
    assert torch.equal(model(x), model.head_outputs(x)[model.switch.weights.argmax()])


@pytest.mark.parametrize("likelihood", ["categorical", "gaussian"])
def test_a_failed_head_is_left_out_of_the_prediction(likelihood):
    model, optimizer = wrap(mlp().double(), linear, INTERVAL, 3, likelihood=likelihood)
    learn(model, optimizer, 3, kind=likelihood)
    with torch.no_grad():
        model.heads.weight[2] = math.nan
    ((x, y),) = batches(1, likelihood)
    prediction = model(x)
    assert prediction.isfinite().all()
    before = [p.detach().clone() for p in model.heads.parameters()]
    for _ in range(3):
        assert model.training_step(x, y, optimizer).isfinite()
    assert all(p.isfinite().all() for p in model.backbone.parameters())
    assert model.switch.log_weights.isfinite().all()
    for p, old in zip(model.heads.parameters(), before, strict=True):
        assert not torch.equal(p[:2], old[:2])
        torch.testing.assert_close(p[2], old[2], equal_nan=True, rtol=0, atol=0)


def test_a_run_whose_features_are_not_finite_says_so():
    model, optimizer = wrap(mlp(), linear, INTERVAL)
    ((x, y),) = batches(1, dtype=torch.float32)
    x[0] = math.nan
    assert not model.training_step(x, y, optimizer).isfinite()


# Two lines, on any module


def learns(model, optimizer, x, y, steps=30):
    losses = [float(model.training_step(x, y, optimizer)) for _ in range(steps)]
    assert math.isfinite(losses[-1])
    assert losses[-1] < 0.7 * losses[0]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "steps"),
    [("resnet18", 12), ("mobilenet_v2", 12), ("vgg11_bn", 2)],  # the last is large, and noisy by its dropout
)
def test_two_lines_on_torchvision(name, steps):
    net = build(lambda: torchvision.models.get_model(name, weights=None, num_classes=5), 0)
    generator = torch.Generator().manual_seed(0)
    x, y = torch.randn(6, 3, 32, 32, generator=generator), torch.arange(6) % 5
    n_parameters = sum(p.numel() for p in net.parameters())
    last = [part for part in net.modules() if isinstance(part, nn.Linear)][-1]
    model, optimizer = wrap_classifier(net, (1e-4, 0.1), n_heads=4)
    total = sum(p.numel() for p in model.parameters())
    assert total == n_parameters + 3 * sum(p.numel() for p in last.parameters())
    assert model(x).shape == (6, 5)
    before = next(model.backbone.parameters()).clone()
    if steps > 2:
        learns(model, optimizer, x, y, steps)
    else:
        assert all(model.training_step(x, y, optimizer).isfinite() for _ in range(steps))
    assert not torch.equal(next(model.backbone.parameters()), before)


@pytest.mark.parametrize("lstm", ["per_unit", "per_gate_row"])
def test_two_lines_on_an_lstm(lstm):
    class Last(nn.Module):
        def __init__(self):
            super().__init__()
            self.embedding, self.lstm = nn.Embedding(7, 6), nn.LSTM(6, D, batch_first=True)

        def forward(self, tokens):
            return self.lstm(self.embedding(tokens))[0][:, -1]

    tokens = torch.randint(7, (16, 5), generator=torch.Generator().manual_seed(0))
    model, optimizer = wrap(build(Last, 0), linear, (1e-2, 10.0), lstm=lstm)
    learns(model, optimizer, tokens, tokens[:, -1] % K, steps=60)


def test_two_lines_on_a_module_of_ones_own(monkeypatch):
    monkeypatch.setattr(rates_module, "_RULES", dict(rates_module._RULES))

    class Scale(nn.Module):
        def __init__(self):
            super().__init__()
            self.factor = nn.Parameter(torch.ones(D, 2))

        def forward(self, x):
            return x * self.factor.prod(1)

    @register_rule(Scale)
    def scale(module, draw):
        return {"factor": draw(D)[:, None]}

    model, optimizer = wrap(nn.Sequential(mlp(), Scale()), linear, INTERVAL)
    rate = optimizer.state[model.backbone[1].factor]["rate"]
    assert torch.equal(rate[:, 0], rate[:, 1])
    assert len(rate.unique()) == D
    ((x, y),) = batches(1, b=32, dtype=torch.float32)
    learns(model, optimizer, x, y)


def test_every_position_of_a_sequence_is_an_example():
    (one, o1), (flat, o2) = (wrap(mlp().double(), linear, INTERVAL) for _ in range(2))
    ((x, y),) = batches(1, b=12)
    sequence = one.backbone(x).view(3, 4, D)
    losses = one.fit_features(sequence, y.view(3, 4), o1), flat.training_step(x, y, o2)
    torch.testing.assert_close(*losses)
    torch.testing.assert_close(one.state_dict(), flat.state_dict())


def test_a_likelihood_of_ones_own():
    class Laplace:
        def log_prob(self, outputs, targets):
            return -(outputs - targets.mT).abs().sum(-2) - K * math.log(2)

        def check(self, n_outputs, targets, n):
            assert targets.shape == (n, n_outputs)

    model, optimizer = wrap(mlp().double(), linear, (1e-3, 0.1), likelihood=Laplace())
    losses = learn(model, optimizer, 150, kind="gaussian")
    assert sum(losses[-20:]) < 0.8 * sum(losses[:20])


def test_more_than_one_direction_has_the_variance_it_was_given():
    model, optimizer = wrap(mlp().double(), linear, INTERVAL, likelihood=Gaussian(4.0))
    ((x, y),) = batches(1, "gaussian")
    outputs, weights = model.head_outputs(x).detach(), model.switch.weights
    law = torch.distributions.Normal(outputs, 2.0)
    expected = -(weights[:, None] * law.log_prob(y).sum(-1).exp()).sum(0).log().mean()
    torch.testing.assert_close(model.training_step(x, y, optimizer), expected)


@pytest.mark.parametrize("name", ["sgd", "adam"])
def test_schedulers_and_frozen_layers(name):
    backbone = mlp()
    backbone[0].requires_grad_(False)
    model, optimizer = wrap(backbone, linear, INTERVAL, optimizer=name)
    schedule = torch.optim.lr_scheduler.StepLR(optimizer, 1, 0.5)
    frozen = backbone[0].weight.clone()
    ((x, y),) = batches(1, dtype=torch.float32)
    model.training_step(x, y, optimizer)
    schedule.step()
    assert optimizer.param_groups[0]["lr"] == 0.5
    assert torch.equal(backbone[0].weight, frozen)


# State


@pytest.mark.parametrize("name", ["sgd", "adam"])
@pytest.mark.parametrize("make", [linear, deep])
def test_a_checkpoint_resumes_bitwise(name, make, tmp_path):
    data = list(batches(10, dtype=torch.float32))
    model, optimizer = wrap(mlp(norm=True), make, INTERVAL, optimizer=name)
    for x, y in data[:5]:
        model.training_step(x, y, optimizer)
    torch.save({"model": model.state_dict(), "optimizer": optimizer.state_dict()}, tmp_path / "at5.pt")
    other, resumed = wrap(mlp(norm=True), make, INTERVAL, optimizer=name, seed=7)
    saved = torch.load(tmp_path / "at5.pt", weights_only=True)
    other.load_state_dict(saved["model"])
    resumed.load_state_dict(saved["optimizer"])
    for x, y in data[5:]:
        assert torch.equal(model.training_step(x, y, optimizer), other.training_step(x, y, resumed))
    for a, b in zip(model.state_dict().values(), other.state_dict().values(), strict=True):
        assert torch.equal(a, b)
    assert int(other.switch.t) == 11


def test_copies_predict_alike():
    for make in (linear, deep):
        model, optimizer = wrap(mlp(), make, INTERVAL)
        learn(model, optimizer, 2, dtype=torch.float32)
        ((x, _),) = batches(1, dtype=torch.float32)
        for twin in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
            assert torch.equal(twin(x), model(x))


def test_a_model_may_be_cast_after_it_was_wrapped():
    model, optimizer = wrap(mlp(), linear, INTERVAL)
    learn(model, optimizer, 2, dtype=torch.float32)
    learn(model.double(), optimizer, 2)
    assert model.switch.weights.dtype == torch.float64


def test_heads_of_a_backbone_in_bfloat16_stay_in_float32():
    model, optimizer = wrap(mlp().to(torch.bfloat16), linear, INTERVAL)
    losses = learn(model, optimizer, 40, dtype=torch.bfloat16)
    assert model.heads.weight.dtype == model.switch.log_mass.dtype == torch.float32
    assert sum(losses[-10:]) < sum(losses[:10])


def test_seeds_are_of_the_rates_and_the_heads_alone():
    torch.manual_seed(3)
    (a, _), (b, _), (c, _) = (wrap(mlp(), linear, INTERVAL, seed=seed) for seed in (0, 0, 1))
    before = torch.get_rng_state()
    wrap(mlp(), linear, INTERVAL)
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(a.heads.weight, b.heads.weight)
    assert not torch.equal(a.heads.weight, c.heads.weight)
    assert torch.equal(a.unit_rates["0.weight"], b.unit_rates["0.weight"])
    assert not torch.equal(a.unit_rates["0.weight"], c.unit_rates["0.weight"])
    assert torch.equal(a.backbone[0].weight, c.backbone[0].weight)
    assert len(a.heads.weight[:, 0, 0].unique()) == 10


def test_rates_of_the_heads_are_geometric_with_both_ends():
    model, optimizer = wrap(mlp(), linear, (1e-3, 1e2), 6)
    torch.testing.assert_close(
        model.head_rates, torch.tensor([1e-3, 1e-2, 1e-1, 1, 10, 100], dtype=torch.float64)
    )
    rate = optimizer.state[model.heads.weight]["rate"]
    torch.testing.assert_close(rate[:, 1, 2].double(), model.head_rates)
    assert torch.equal(rate, rate[:, :1, :1].expand_as(rate))
    model, _ = wrap(mlp(), linear, Fraction(0.1, 0.5), 2, head_rate=0.3)
    assert model.head_rates.tolist() == [0.3, 0.3]


# What does not fit


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_heads": 1}, "1 head with rates from .*head_rate"),
        ({"interval": Fraction(0.1, 0.5)}, "10 heads with rates from Fraction.*head_rate"),
        ({"interval": (1.0, 1e-3)}, "0 < ηmin ≤ ηmax < ∞, got"),
        ({"interval": (0.0, 1.0)}, "0 < ηmin ≤ ηmax < ∞, got"),
        ({"n_heads": 0}, "n_heads must be a positive integer, got 0"),
        ({"n_heads": 2.5}, "n_heads must be a positive integer, got 2.5"),
        ({"head_rate": 0.0}, "head_rate must be positive and finite, got 0.0"),
        ({"head_rate": math.inf}, "head_rate must be positive and finite, got inf"),
        ({"optimizer": "adan"}, "unknown optimizer 'adan': did you mean 'adam'"),
        ({"likelihood": "normal"}, "unknown likelihood 'normal'"),
        ({"norm": "tie"}, "unknown norm 'tie'"),
        ({"theta": 1.0}, "theta must be in"),
        ({"seed": -1}, "seed must be a non-negative integer"),
    ],
)
def test_options_that_do_not_fit_are_refused(options, message):
    arguments = {"interval": INTERVAL} | options
    with pytest.raises(ValueError, match=message):
        wrap(mlp(), linear, arguments.pop("interval"), **arguments)


def test_heads_that_share_parameters_are_refused():
    head, backbone = linear(), mlp()
    with pytest.raises(ValueError, match="heads 0 and 1 share the parameter weight"):
        wrap(backbone, lambda: head, INTERVAL)

    def tied():
        head = nn.Linear(D, D)
        head.weight = backbone[2].weight
        return head

    with pytest.raises(ValueError, match=r"head and the backbone share the parameter weight = 2\.weight"):
        wrap(backbone, tied, INTERVAL, 1, head_rate=0.1)


class Returns(nn.Module):
    def __init__(self, output):
        super().__init__()
        self.layer, self.output = nn.Linear(5, D), output

    def forward(self, x):
        return self.output(self.layer(x))


@pytest.mark.parametrize(
    ("output", "message"),
    [
        (lambda z: (z, z), "must return features, .*got tuple"),
        (lambda z: z.mean(), r"must return features, .*got a tensor of \(\)"),
        (lambda z: z.mean(1), r"must return features, .*got a tensor of \(8,\)"),
        (lambda z: z[:, :4], r"heads do not take features of \(8, 4\)"),
        (lambda z: z[:4], r"for features of \(4, 8\) the targets must be a tensor of \(4,\)"),
        (lambda z: z[:0], r"for features of \(0, 8\)"),
    ],
)
@pytest.mark.parametrize("make", [linear, deep])
def test_a_backbone_without_features_is_refused(make, output, message):
    model, optimizer = wrap(Returns(output), make, INTERVAL)
    ((x, y),) = batches(1, dtype=torch.float32)
    before = copy.deepcopy(model.state_dict())
    with pytest.raises(ValueError, match=message):
        model.training_step(x, y, optimizer)
    for name, value in model.state_dict().items():
        assert torch.equal(value, before[name])


@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize(
    ("targets", "message"),
    [
        (torch.full((8,), K), "classes 0 to 2; got class 3"),
        (torch.full((8,), -1), "classes 0 to 2; got class -1"),
        (torch.zeros(8), "expected 8 class numbers.*float32"),
        (torch.zeros(7, dtype=torch.long), r"must be a tensor of \(8,\).*got a tensor of \(7,\)"),
        (torch.zeros(8, 1, dtype=torch.long), r"expected 8 class numbers.*\(8, 1\)"),
        ([0] * 8, r"must be a tensor of \(8,\).*got list"),
    ],
)
def test_targets_that_do_not_fit_are_refused_at_any_step(first, targets, message):
    model, optimizer = wrap(mlp(), linear, INTERVAL)
    if not first:
        learn(model, optimizer, 1, dtype=torch.float32)
    before = copy.deepcopy(model.state_dict())
    with pytest.raises(ValueError, match=message):
        model.training_step(torch.zeros(8, 5), targets, optimizer)
    for name, value in model.state_dict().items():
        assert torch.equal(value, before[name])


def test_an_empty_minibatch_is_refused():
    model, optimizer = wrap(mlp(), linear, INTERVAL)
    with pytest.raises(ValueError, match="the minibatch is empty"):
        model.training_step(torch.zeros(0, 5), torch.zeros(0, dtype=torch.long), optimizer)


@pytest.mark.parametrize("net", [nn.Conv2d(3, 3, 3), nn.Linear(3, 3), nn.Sequential(nn.ReLU())])
def test_a_net_that_does_not_split_is_refused(net):
    with pytest.raises(ValueError, match="not a backbone under a linear layer: split it yourself"):
        wrap_classifier(net, INTERVAL)


def test_a_net_that_was_not_wrapped_is_as_before():
    net = nn.Sequential(mlp(), nn.Linear(D, K))
    last = net[1]
    with pytest.raises(ValueError, match="unknown norm"):
        wrap_classifier(net, INTERVAL, norm="none")
    assert net[1] is last


# The device


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("name", ["sgd", "adam"])
@pytest.mark.parametrize("make", [linear, deep])
def test_nothing_in_a_step_waits_for_the_gpu(name, make):
    model, optimizer = wrap(mlp(norm=True).cuda(), make, INTERVAL, optimizer=name)
    data = [(x.cuda(), y.cuda()) for x, y in batches(6, dtype=torch.float32)]
    model.training_step(*data[0], optimizer, max_norm=1.0)
    torch.cuda.set_sync_debug_mode("error")
    try:
        losses = [model.training_step(*batch, optimizer, max_norm=1.0) for batch in data[1:]]
    finally:
        torch.cuda.set_sync_debug_mode("default")
    assert torch.stack(losses).isfinite().all()


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("name", ["sgd", "adam"])
def test_a_model_moved_after_it_was_wrapped_learns_as_on_the_cpu(name):
    (here, o1), (there, o2) = (wrap(mlp().double(), linear, INTERVAL, optimizer=name) for _ in range(2))
    learn(here, o1, 1), learn(there, o2, 1)
    there.cuda()
    for x, y in batches(10):
        losses = here.training_step(x, y, o1), there.training_step(x.cuda(), y.cuda(), o2)
        torch.testing.assert_close(losses[0], losses[1].cpu(), rtol=1e-9, atol=1e-10)


# As the network that it was


class Named(nn.Module):
    """A classifier with methods, a property and settings of its own."""

    classes = ("a", "b", "c")

    def __init__(self):
        super().__init__()
        self.body, self.fc, self.temperature = nn.Linear(5, D), nn.Linear(D, K), 2.0

    def forward(self, x):
        return self.fc(self.embed(x))

    def embed(self, x):
        return self.body(x).tanh()

    def predict(self, x):
        return [self.classes[i] for i in self(x).argmax(1)]

    def predict_proba(self, x):
        return self.forward(x).softmax(1)

    def of_embedded(self, z):
        return self.fc(z)

    @property
    def width(self):
        return self.body.out_features


def test_a_network_s_own_methods_speak_of_the_mixture():
    net = build(Named, 0)
    model, optimizer = wrap_classifier(net, INTERVAL, 3)
    ((x, y),) = batches(1, dtype=torch.float32)
    for _ in range(30):
        model.training_step(x, y, optimizer)
    assert (model.temperature, model.width, model.classes) == (2.0, D, ("a", "b", "c"))
    assert model.body is net.body
    assert torch.equal(model.embed(x), net.embed(x))
    assert model.predict(x) == [net.classes[i] for i in model(x).argmax(1)]
    torch.testing.assert_close(model.predict_proba(x), model(x).exp())
    torch.testing.assert_close(model.of_embedded(model.embed(x)), model(x))


def test_a_backbone_s_own_methods_speak_of_features():
    class Backbone(nn.Linear):
        def norms(self, x):
            return self(x).norm(dim=1)

    backbone = Backbone(5, D)
    model, _ = wrap(backbone, linear, INTERVAL, 3)
    ((x, _),) = batches(1, dtype=torch.float32)
    assert torch.equal(model.norms(x), backbone(x).norm(dim=1))
    with pytest.raises(AttributeError, match=r"Backbone.*has no attribute 'nothing'"):
        model.nothing()
    assert not hasattr(model, "_nothing")


def test_without_a_seed_torch_s_generator_decides():
    found = []
    for seed in (3, 3, 4):
        torch.manual_seed(seed)
        one, other = (wrap(mlp(), linear, INTERVAL, seed=None)[0] for _ in range(2))
        assert not torch.equal(one.unit_rates["0.weight"], other.unit_rates["0.weight"])
        assert not torch.equal(one.heads.weight, other.heads.weight)
        found.append((one.unit_rates["0.weight"], other.heads.weight))
    assert all(torch.equal(a, b) for a, b in zip(found[0], found[1], strict=True))
    assert not any(torch.equal(a, b) for a, b in zip(found[0], found[2], strict=True))


@pytest.mark.parametrize("likelihood", ["categorical", "gaussian"])
def test_a_backbone_that_drops_its_graph_is_refused(likelihood):
    for output in (torch.Tensor.detach, lambda z: z.detach().requires_grad_(False) * 2):
        model, optimizer = wrap(Returns(output), linear, INTERVAL, likelihood=likelihood)
        ((x, y),) = batches(1, likelihood, dtype=torch.float32)
        with pytest.raises(ValueError, match="features carry no gradient"):
            model.training_step(x, y, optimizer)


def test_sharded_parameters_are_refused():
    class FullyShardedDataParallel(nn.Sequential):
        pass

    with pytest.raises(ValueError, match="FullyShardedDataParallel shards its parameters"):
        wrap(FullyShardedDataParallel(mlp()), linear, INTERVAL)
