"""The experiment on reinforcement learning (C7): the algorithm is ours, as the paper's is not known to us."""

from dataclasses import dataclass, replace

import torch
from torch import nn

from startright.errors import unknown
from startright.models import MLP, build
from startright.papers.alrao.model import Alrao, Optimizer, wrap
from startright.papers.alrao.rl import DQNConfig, TakenAction, train_dqn
from startright.papers.alrao.rl_tasks import TASKS, Task
from startright.papers.alrao.trace import WeightTrace, log_steps
from startright.profiles import by_profile
from startright.studies import Outcome, Study

DISCOUNTS = {"pendulum": 0.98, "lunar-lander": 0.99}  # episodes of 200 and of up to 333 decisions


@dataclass(frozen=True)
class RLConfig:
    """Deep Q-learning by Alrao or, with one head and lo = hi, at one rate.

    Args:
        task: a key of ``startright.alrao.rl_tasks.TASKS``.
        optimizer: ``"sgd"`` or ``"adam"``.
        lo: ηmin.
        hi: ηmax.
        heads: their number.
        steps: see :class:`startright.alrao.rl.DQNConfig`, whose other values are the defaults.
        hidden: units in each of the two hidden layers.
        episodes: of an evaluation.
        evaluations: how many there are.
    """

    task: str
    optimizer: str
    lo: float
    hi: float
    heads: int
    steps: int
    hidden: int = 128
    episodes: int = 20
    evaluations: int = 6

    def __post_init__(self):
        if self.task not in TASKS:
            raise unknown("task", self.task, TASKS)


def make_learner(config: RLConfig, task: Task, seed: int, device: torch.device) -> tuple[Alrao, Optimizer]:
    """The network at initialisation, an output an action, and its optimizer."""
    widths = (len(task.observation_scale), config.hidden, config.hidden)
    backbone = build(lambda: nn.Sequential(MLP(widths), nn.ReLU()), seed)
    return wrap(
        backbone.to(device),
        lambda: nn.Linear(config.hidden, task.n_actions),
        (config.lo, config.hi),
        config.heads,
        seed=seed,
        optimizer=config.optimizer,
        likelihood=TakenAction(),
    )


def run_rl(config: RLConfig, seed: int, device: torch.device) -> Outcome:
    """Train one agent; returns are means over greedy episodes that begin alike for all agents."""
    task = TASKS[config.task]
    how = DQNConfig(
        config.steps,
        discount=DISCOUNTS[config.task],
        evaluations=config.evaluations,
        episodes=config.episodes,
    )
    model, optimizer = make_learner(config, task, seed, device)
    trace = WeightTrace(log_steps(how.steps - how.warm_up))
    history = train_dqn(model, optimizer, task, how, seed=seed, watch=trace)
    curves, metrics = {"step": history.steps, **history.curves}, history.last
    if config.heads > 1:
        metrics["best_head_rate"] = float(model.head_rates[model.switch.weights.argmax()])
        metrics["best_head_weight"] = float(model.switch.weights.max())
        curves |= trace.curves()
    return Outcome.of(history, metrics, curves)


def _against(task: str, rates: tuple[float, ...], steps: int, **options) -> list[RLConfig]:
    """SGD at several rates, Adam at its default, Alrao on the interval that an account of the paper names."""
    adam = RLConfig(task, "adam", 1e-3, 1e-3, 1, steps, **options)
    tuned = [replace(adam, optimizer="sgd", lo=rate, hi=rate) for rate in rates]
    return [*tuned, adam, replace(adam, optimizer="sgd", lo=1e-5, hi=1.0, heads=10)]


DECADES = (1e-3, 1e-2, 1e-1, 1.0)

RL = Study(
    name="alrao-rl",
    version=1,
    question="Does Alrao learn to act about as well as the best rate? (Our own choice of algorithm.)",
    grid=by_profile(
        quick=_against("pendulum", (1e-1,), 400, hidden=32, episodes=2, evaluations=2),
        full=[
            *_against("pendulum", DECADES[:3], 5_000),
            *_against("lunar-lander", DECADES[:3], 10_000),
        ],
        paper=[
            *_against("pendulum", DECADES, 20_000),
            *_against("lunar-lander", DECADES, 50_000),
        ],
    ),
    seeds=by_profile(quick=(0,), full=(0, 1, 2), paper=tuple(range(10))),
    run=run_rl,
)
