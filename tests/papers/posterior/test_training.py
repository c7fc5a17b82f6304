"""Many runs as one program are the runs one by one; exact duplicates change nothing."""

import pytest
import torch
from torch.nn import functional as F

from startright.data import Split
from startright.models.variational import kl, predict, sampling
from startright.papers.posterior import networks, training
from startright.papers.posterior.stack import VariationalStack
from startright.seeds import generator
from startright.training import Group


def pool(name):
    rng = torch.Generator().manual_seed(0)
    side = 8 if name == "mlp" else 28
    x = torch.randn(60, 1, side, side, generator=rng)
    return Split(x, torch.randint(0, 10, (60,), generator=rng))


def task(count=40, temperature=0.5, augment=None, **rest):
    return training.Task(torch.arange(count), rest.pop("of", count), temperature, augment)


def alone(name, data, job, settings, seed):
    """The same training by the two lines of the book, with torch's own Adam."""
    net, noise = networks.network(name, generator(seed, "init")), generator(seed, "noise")
    rho = [p for n, p in net.named_parameters() if n.endswith("_rho")]
    means = [p for n, p in net.named_parameters() if not n.endswith("_rho")]
    adam = torch.optim.Adam(
        [{"params": means, "lr": settings.lr}, {"params": rho, "lr": settings.lr * settings.rho_rate}]
    )
    config, first = settings.config(), [group["lr"] for group in adam.param_groups]
    source = training._batches(data, job, settings.batch_size, seed)
    for step in range(settings.steps):
        for group, lr in zip(adam.param_groups, first, strict=True):
            group["lr"] = lr * config.schedule(step)
        x, y = next(source)
        with sampling(net, noise):
            loss = F.cross_entropy(net(x), y)
        loss = loss + job.temperature / job.count * kl(net).value
        adam.zero_grad()
        loss.backward()
        adam.step()
    return net, noise


@pytest.mark.parametrize("name", ["mlp", "cnn"])
def test_a_stack_trains_and_predicts_as_each_run_alone(name):
    data, settings = pool(name), training.Settings(6, batch_size=16, lr=0.01)
    jobs = [task(40, 0.1), task(30, 2.0, networks.shift), training.Task(torch.arange(20).repeat(2), 20, 1.0)]
    seeds = [0, 1, 1]
    models = [networks.network(name, generator(seed, "init")) for seed in seeds]
    stack = training.train(models, data, jobs, settings, seeds)
    together = training.log_predictive(stack, data.x, 3)
    for row, (job, seed) in enumerate(zip(jobs, seeds, strict=True)):
        net, noise = alone(name, data, job, settings, seed)
        for key, value in net.named_parameters():
            torch.testing.assert_close(models[row].get_parameter(key), value, atol=2e-5, rtol=1e-4)
        torch.testing.assert_close(together[row], predict(net, data.x, 3, noise), atol=1e-3, rtol=1e-3)
        assert models[row].training


def test_the_stack_knows_the_divergence_of_each_run():
    nets = [networks.network("mlp", generator(0, "init"), std=std) for std in (0.02, 0.1)]
    stack = VariationalStack(nets, [generator(0, "noise")] * 2)
    torch.testing.assert_close(stack.divergence(), torch.stack([kl(net).value for net in nets]))
    with pytest.raises(ValueError, match="expected one generator a model, got 1 for 2"):
        VariationalStack(nets, [generator(0, "noise")])


def test_batches_go_through_all_examples_of_the_run_and_through_no_other():
    data = Split(torch.arange(60.0)[:, None], torch.arange(60))
    source = training._batches(data, training.Task(torch.arange(10, 30), 20, 1.0), 5, seed=0)
    first, second = ([next(source)[1] for _ in range(4)] for _ in range(2))
    assert sorted(torch.cat(first).tolist()) == list(range(10, 30))
    assert sorted(torch.cat(second).tolist()) == list(range(10, 30))
    assert torch.cat(first).tolist() != torch.cat(second).tolist()
    small = training._batches(data, training.Task(torch.arange(3), 3, 1.0), 5, seed=0)
    assert sorted(next(small)[1].tolist()) == [0, 1, 2]


def test_duplicates_have_the_objective_of_the_data_without_them():
    """Their loss is a mean and they count once: the best posterior is the same, exactly."""
    data, net = pool("mlp"), networks.network("mlp", generator(0, "init"))
    objectives = []
    for index in (torch.arange(20), torch.arange(20).repeat(2)):
        with sampling(net, generator(0, "noise"), local=False):  # one draw of the weights
            objectives.append(
                float((F.cross_entropy(net(data.x[index]), data.y[index]) + kl(net).value / 20).detach())
            )
    assert objectives[0] == pytest.approx(objectives[1], rel=1e-6)


def test_the_hotter_run_is_the_wider_and_the_nearer_to_the_prior():
    data, settings = pool("mlp"), training.Settings(300, batch_size=20)
    jobs, seeds = [task(60, tau) for tau in (0.01, 1.0)], [0, 0]
    models = [networks.network("mlp", generator(0, "init")) for _ in seeds]
    stack = training.train(models, data, jobs, settings, seeds)
    cold, hot = stack.divergence().tolist()
    assert hot < cold / 3


def test_settings_give_the_deviations_a_rate_of_their_own():
    config = training.Settings(10, rho_rate=5.0).config()
    assert config.groups("0.weight_rho", torch.zeros(1)) == Group(lr=5.0)
    assert config.groups("0.weight", torch.zeros(1)) == Group()
    assert config.schedule(0) == 1
    assert config.schedule(10) == 0


def test_numbers_that_differ_are_named():
    nets = [networks.network("mlp", generator(0, "init"))]
    with pytest.raises(ValueError, match="got 1 models, 2 tasks and 1 seeds"):
        training.train(nets, pool("mlp"), [task(), task()], training.Settings(1), [0])
