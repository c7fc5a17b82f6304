r"""Deep Q-learning with a learner of :func:`startright.alrao.wrap`.

The algorithm and the networks of the paper's reinforcement-learning rows are not known to us. This is our own
choice: double Q-learning with replay and a target network, the same for every learner. The heads' outputs are
the values :math:`Q(s, \cdot)` of the actions; what a transition says of them is a likelihood, so that
the Switch can weigh the heads,

.. math::
    -\log p(y \mid Q, a) = \tfrac12 (y - Q_a)^2 + \tfrac12 \ln 2\pi, \qquad
    y = r + \gamma\, \bar Q\bigl(s', \arg\max_{a'} Q(s', a')\bigr),

where :math:`\bar Q` is a copy of the mixture from some steps before and its term is absent if :math:`s'` is
terminal. The agent acts by the mixture's mean.

Source: V. Mnih et al., *Human-level control through deep reinforcement learning*, 2015; H. van Hasselt,
A. Guez and D. Silver, *Deep reinforcement learning with double Q-learning*, 2016, equation 4.
"""

import copy
import math
from collections.abc import Callable
from dataclasses import dataclass

import torch

from startright.papers.alrao.model import Alrao, Optimizer
from startright.papers.alrao.rl_tasks import Crowd, Task, Transitions, evaluate, evaluation_seeds
from startright.seeds import derive, generator
from startright.training import History

Watch = Callable[[torch.Tensor], None]


@dataclass(frozen=True)
class TakenAction:
    r"""The value of one action, normal about its output with variance 1; other outputs play no part.

    Targets are (B, 2): the number of the action that was taken, and the value that it should have.
    """

    def log_prob(self, outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Nats, (..., N, B), for values of the actions, (..., N, K, B), and targets, (..., B, 2)."""
        return -self._error(outputs, targets)[1].squeeze(-2).square() / 2 - math.log(2 * math.pi) / 2

    def with_slope(self, outputs: torch.Tensor, targets: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The log-probabilities, and the derivative of minus them by the outputs, (..., N, K, B)."""
        index, error = self._error(outputs, targets)
        slope = torch.zeros_like(outputs).scatter_(-2, index, error)
        return -error.squeeze(-2).square() / 2 - math.log(2 * math.pi) / 2, slope

    @staticmethod
    def _error(outputs: torch.Tensor, targets: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Where the taken actions stand in the outputs, and how much too high these are; (..., N, 1, B)."""
        actions, values = targets[..., None, None, :, 0], targets[..., None, None, :, 1]
        index = actions.long().expand(*outputs.shape[:-2], 1, -1)
        return index, outputs.gather(-2, index) - values.to(outputs.dtype)

    def check(self, n_outputs: int, targets: torch.Tensor, n: int) -> None:
        """Refuse targets that are not ``n`` pairs of an action below ``n_outputs`` and a value.

        Raises:
            ValueError: another shape, or an action that is not there.
        """
        if targets.shape != (n, 2):
            raise ValueError(f"expected {n} pairs (action, value), got a tensor of {tuple(targets.shape)}")
        actions = targets[:, 0]
        wrong = actions[(actions != actions.floor()) | (actions < 0) | (actions >= n_outputs)]
        if len(wrong):
            raise ValueError(f"the heads have actions 0 to {n_outputs - 1}; got action {float(wrong[0]):g}")


class Replay:
    """The last ``capacity`` transitions, on the device.

    Args:
        capacity: how many to keep.
        n_inputs: d.
        device: where they are kept.

    Raises:
        ValueError: no room for one.
    """

    def __init__(self, capacity: int, n_inputs: int, device: torch.device | str = "cpu"):
        if capacity < 1:
            raise ValueError(f"a replay needs room for one transition or more, got {capacity}")
        states = torch.zeros(2, capacity, n_inputs, device=device)
        rewards = torch.zeros(capacity, device=device)
        self.capacity, self._added = capacity, 0
        self._kept = Transitions(states[0], rewards.long(), rewards, states[1], rewards.bool())

    def __len__(self) -> int:
        """How many transitions there are."""
        return min(self._added, self.capacity)

    def add(self, new: Transitions) -> None:
        """Keep these, in the place of the oldest where there is no more room."""
        n = len(new.actions)
        where = torch.arange(self._added, self._added + n, device=new.actions.device) % self.capacity
        for kept, entry in zip(self._kept, new, strict=True):
            kept[where] = entry
        self._added += n

    def sample(self, n: int, rng: torch.Generator) -> Transitions:
        """Draw ``n`` of them with replacement, by a generator on the CPU.

        Raises:
            ValueError: there is none yet.
        """
        if not self._added:
            raise ValueError("the replay is empty: add transitions first")
        where = torch.randint(len(self), (n,), generator=rng).to(self._kept.actions.device)
        return Transitions(*(kept[where] for kept in self._kept))


@torch.no_grad()
def td_targets(
    model: Callable[[torch.Tensor], torch.Tensor],
    target: Callable[[torch.Tensor], torch.Tensor],
    batch: Transitions,
    discount: float,
) -> torch.Tensor:
    """What :class:`TakenAction` wants, (B, 2): the actions taken, and the values they should have.

    Args:
        model: says which action comes next: inputs, (B, d), to values, (B, K).
        target: says what that is worth.
        batch: of transitions.
        discount: γ.

    Source: van Hasselt, Guez and Silver, equation 4.
    """
    best = model(batch.next_inputs).argmax(-1, keepdim=True)
    worth = target(batch.next_inputs).gather(-1, best).squeeze(-1).masked_fill(batch.terminal, 0)
    return torch.stack((batch.actions.to(worth.dtype), batch.rewards + discount * worth), -1)


@dataclass(frozen=True)
class DQNConfig:
    """How to learn; a step is one action in each environment and, after the warm-up, one minibatch.

    Args:
        steps: how many.
        n_envs: environments side by side, whose actions are one pass through the network.
        batch_size: transitions a minibatch.
        discount: γ, in [0, 1].
        capacity: transitions in the replay.
        warm_up: steps before learning begins.
        target_every: steps between two copies of the model to the target.
        explore: fraction of the steps over which the share of random actions falls from 1 to ``epsilon``.
        epsilon: the share that remains.
        evaluations: how often the greedy policy is evaluated, evenly spaced; the last time at the end.
        episodes: of an evaluation.

    Raises:
        ValueError: a value out of its range.
    """

    steps: int
    n_envs: int = 4
    batch_size: int = 64
    discount: float = 0.99
    capacity: int = 100_000
    warm_up: int = 100
    target_every: int = 100
    explore: float = 0.3
    epsilon: float = 0.05
    evaluations: int = 6
    episodes: int = 20

    def __post_init__(self):
        for name in (
            "n_envs",
            "batch_size",
            "capacity",
            "warm_up",
            "target_every",
            "evaluations",
            "episodes",
        ):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}")
        if self.steps // self.evaluations <= self.warm_up:
            raise ValueError(
                f"{self.steps} steps with {self.evaluations} evaluations: the first would come before the"
                f" learning, which begins after {self.warm_up}"
            )
        for name in ("discount", "explore", "epsilon"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} must be in [0, 1], got {getattr(self, name)}")

    def exploration(self, step: int) -> float:
        """The share of random actions at a step, counted from 0."""
        over = self.explore * self.steps
        done = 1.0 if step >= over else step / over
        return 1 - (1 - self.epsilon) * done


def train_dqn(
    model: Alrao,
    optimizer: Optimizer,
    task: Task,
    config: DQNConfig,
    *,
    seed: int = 0,
    watch: Watch | None = None,
) -> History:
    """Learn to act in ``task``; the model learns in place.

    Args:
        model: from :func:`~startright.alrao.model.wrap` with the likelihood :class:`TakenAction`, an output
            an action.
        optimizer: its optimizer.
        task: where.
        config: how.
        seed: of the environments, the exploration and the replay, each with a stream of its own.
        watch: given the heads' weights, (N,), after every minibatch.

    Returns:
        The curves ``return`` (mean over the episodes), ``return_spread`` (their standard deviation) and
        ``loss`` (mean since the evaluation before), and how it ended: ``diverged`` if a loss was not finite.
    """
    device = next(model.parameters()).device
    explore, draw = (generator(seed, role) for role in ("exploration", "replay"))
    crowd = Crowd(task, [derive(seed, f"environment {i}") for i in range(config.n_envs)])
    replay = Replay(config.capacity, len(task.observation_scale), device)
    target, history, losses = copy.deepcopy(model), History(), []
    marks = {config.steps * k // config.evaluations for k in range(1, config.evaluations + 1)}
    for step in range(1, config.steps + 1):
        epsilon = config.exploration(step - 1)
        replay.add(crowd.step(_act(model, task.inputs(crowd.observations, device), epsilon, explore)))
        if step > config.warm_up:
            batch = replay.sample(config.batch_size, draw)
            wanted = td_targets(model, target, batch, config.discount)
            losses.append(model.training_step(batch.inputs, wanted, optimizer))
            if watch is not None:
                watch(model.switch.weights)
        if step % config.target_every == 0:
            target.load_state_dict(model.state_dict())
        if step in marks:
            returns = evaluate(model, task, evaluation_seeds(config.episodes), device)
            point = {
                "return": returns.mean(),
                "return_spread": returns.std(),
                "loss": torch.stack(losses).mean(),
            }
            history.record(step, {name: float(value) for name, value in point.items()})
            losses.clear()
            if history.status != "ok":
                break
    crowd.close()
    return history


@torch.no_grad()
def _act(model: Alrao, inputs: torch.Tensor, epsilon: float, rng: torch.Generator) -> torch.Tensor:
    """Actions, (n,): the best, or with probability ``epsilon`` any."""
    values = model(inputs)
    n, n_actions = values.shape
    chance, any_action = torch.rand(n, generator=rng), torch.randint(n_actions, (n,), generator=rng)
    return torch.where((chance < epsilon).to(values.device), any_action.to(values.device), values.argmax(-1))
