"""Which temperature predicts best, by number of data and augmentation (C14 to C16)."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

from startright import data
from startright.papers.posterior import networks, training
from startright.papers.posterior.stack import VariationalStack
from startright.papers.posterior.tempering import orbit_correlation
from startright.profiles import by_profile
from startright.seeds import generator
from startright.studies import Outcome, Study

ORBIT = 4  # copies of an example whose gradients are compared
EXAMPLES = 32  # of them


@dataclass(frozen=True)
class TemperatureConfig:
    """One variational network at one temperature τ = λN.

    ``augment`` is ``"none"``, ``"shift"``, or ``"twice"``: each example stands twice in the training set, and
    counts once.
    """

    temperature: float
    count: int
    augment: str
    network: str
    dataset: str
    steps: int
    tested: int
    samples: int = 32


@lru_cache(maxsize=2)
def _images(dataset: str, device: torch.device) -> data.Dataset:
    return data.load(dataset, device=device)


def _task(config: TemperatureConfig, seed: int, pool: int, device: torch.device) -> training.Task:
    """The first examples of an order of the pool that the seed alone decides."""
    index = torch.randperm(pool, generator=generator(seed, "subset"))[: config.count].to(device)
    augment = networks.shift if config.augment == "shift" else None
    return training.Task(
        index.repeat(2) if config.augment == "twice" else index, config.count, config.temperature, augment
    )


def run_temperature(config: TemperatureConfig, seed: int, device: torch.device) -> Outcome:
    """Train and test one network (see :func:`run_temperature_stacked`)."""
    return run_temperature_stacked([(config, seed)], device)[0]


def run_temperature_stacked(
    runs: Sequence[tuple[TemperatureConfig, int]], device: torch.device
) -> list[Outcome]:
    """Train networks of one shape as one program, and test what they predict together and by their means."""
    first, images = runs[0][0], _images(runs[0][0].dataset, device)
    models = [networks.network(first.network, generator(seed, "init")).to(device) for _, seed in runs]
    tasks = [_task(config, seed, len(images.train.y), device) for config, seed in runs]
    seeds = [seed for _, seed in runs]
    stack = training.train(models, images.train, tasks, training.Settings(first.steps), seeds)
    test = data.Split(*(part[: first.tested] for part in images.test))
    with torch.no_grad():
        sampled = _scores(training.log_predictive(stack, test.x, first.samples), test.y)
        means = _scores(stack.predict(test.x).log_softmax(-1), test.y)
        divergences = stack.divergence()
    columns = {
        "nll": sampled[0],
        "accuracy": sampled[1],
        "mean_nll": means[0],
        "mean_accuracy": means[1],
        "kl": divergences,
    }
    outcomes = []
    for row, ((config, seed), task) in enumerate(zip(runs, tasks, strict=True)):
        metrics = {name: float(values[row]) for name, values in columns.items()}
        if config.augment == "shift":
            metrics["correlation"] = _correlation(stack, row, images.train, task, seed)
        outcomes.append(Outcome(metrics))
    return outcomes


def _scores(logs: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Mean negative log-likelihood in nats and accuracy of every run."""
    nll = -logs.gather(2, y.expand(len(logs), -1)[..., None]).mean((1, 2))
    return nll, (logs.argmax(2) == y).float().mean(1)


def _correlation(
    stack: VariationalStack, row: int, pool: data.Split, task: training.Task, seed: int
) -> float:
    """Of the gradients of shifted copies of an example, at the means of a trained run."""
    model, rows = stack.models[row].eval(), task.index[:EXAMPLES]
    noise = generator(seed, "orbit", pool.x.device)
    copies = [networks.shift(pool.x[rows], noise) for _ in range(ORBIT)]
    means = {name: p.detach() for name, p in model.named_parameters() if not name.endswith("_rho")}

    def loss(parameters: dict[str, Tensor], x: Tensor, y: Tensor) -> Tensor:
        outputs = torch.func.functional_call(model, parameters, (x[None],))
        return torch.nn.functional.cross_entropy(outputs, y[None])

    of_each = torch.func.vmap(torch.func.grad(loss), in_dims=(None, 0, 0))
    gradients = [of_each(means, x, pool.y[rows]) for x in copies]
    flat = [torch.cat([g.flatten(1) for g in each.values()], 1) for each in gradients]
    model.train()
    return orbit_correlation(torch.stack(flat, 1))


def _grid(
    temperatures: Sequence[float], counts: Sequence[int], augmentations: Sequence[str], **rest: object
) -> list[TemperatureConfig]:
    return [
        TemperatureConfig(temperature, count, augment, **rest)
        for count in counts
        for augment in augmentations
        for temperature in temperatures
    ]


DIGITS = {"network": "mlp", "dataset": "digits", "steps": 400, "tested": 297}
MNIST = {"network": "cnn", "dataset": "mnist", "steps": 2000, "tested": 2000}
TEMPERATURES = (0.001, 0.004, 0.016, 0.063, 0.25, 1.0)  # powers of 4
COLDER = (0.00025, *TEMPERATURES)  # where the best is colder

TEMPERATURE = Study(
    name="posterior-temperature",
    version=1,
    question="Which temperature of a variational network predicts best, by number of data and augmentation?",
    grid=by_profile(
        quick=[
            *_grid(COLDER, (100, 300, 900), ("none", "shift"), **DIGITS),
            *_grid(COLDER, (300,), ("twice",), **DIGITS),
        ],
        full=[
            *_grid(TEMPERATURES, (500, 2000, 8000), ("none", "shift"), **MNIST),
            *_grid(TEMPERATURES, (2000,), ("twice",), **MNIST),
        ],
    ),
    seeds=by_profile(quick=(0, 1, 2), full=(0, 1, 2)),
    run=run_temperature,
    run_stacked=run_temperature_stacked,
    stack_key=lambda config: (config.network, config.dataset, config.steps, config.tested, config.samples),
    max_stack=49,
)
