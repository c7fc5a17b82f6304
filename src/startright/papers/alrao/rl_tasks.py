"""Environments of gymnasium with finitely many actions, several side by side."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
import torch

from startright.seeds import derive


def _gymnasium() -> ModuleType:
    try:
        import gymnasium  # noqa: PLC0415 - an extra: everything else works without it
    except ImportError as error:
        raise ImportError('the environments need gymnasium: pip install "startright[rl]"') from error
    return gymnasium


@dataclass(frozen=True)
class Task:
    """An environment of gymnasium with finitely many actions, and the units in which it is learnt.

    Args:
        name: of the environment.
        observation_scale: what each observation is divided by, so that inputs are of order one.
        reward_scale: what rewards are divided by before learning, so that values are of order one; returns
            are reported in the environment's own unit.
        torques: the values that actions stand for where the environment's action is a real number; None
            where it is a number already.
        n_actions: how many actions there are.
        hold: for how many steps of the environment an action is held.
    """

    name: str
    observation_scale: tuple[float, ...]
    reward_scale: float
    n_actions: int
    torques: tuple[float, ...] | None = None
    hold: int = 1

    def make(self) -> Any:
        """A fresh environment.

        Raises:
            ImportError: gymnasium, or the physics that the environment needs, is not installed.
        """
        gymnasium = _gymnasium()
        try:
            return gymnasium.make(self.name, disable_env_checker=True)
        except gymnasium.error.DependencyNotInstalled as error:
            raise ImportError(f'{self.name} needs more: pip install "startright[rl]"') from error

    def act(self, env: Any, index: int) -> tuple[np.ndarray, float, bool, bool]:
        """Take action ``index`` in ``env``, and hold it.

        Returns:
            The observation that follows, the sum of the rewards, whether the state is terminal, and whether
            the episode is over, be it that time is up.
        """
        action = index if self.torques is None else np.array([self.torques[index]], dtype=np.float32)
        total = 0.0
        for _ in range(self.hold):
            observation, reward, terminated, truncated, _ = env.step(action)
            total += float(reward)
            if terminated or truncated:
                break
        return observation, total, bool(terminated), bool(terminated or truncated)

    def inputs(self, observations: Sequence[np.ndarray], device: torch.device) -> torch.Tensor:
        """Scaled observations, (B, d), for the network."""
        scaled = np.asarray(observations, dtype=np.float32) / np.float32(self.observation_scale)
        return torch.from_numpy(scaled).to(device)


TASKS = {
    "pendulum": Task("Pendulum-v1", (1.0, 1.0, 8.0), 10.0, 5, (-2.0, -1.0, 0.0, 1.0, 2.0)),
    "lunar-lander": Task("LunarLander-v3", (1.0,) * 8, 10.0, 4, hold=3),
}


class Transitions(NamedTuple):
    """What happened, B times; rewards already in the unit of the values."""

    inputs: torch.Tensor  # (B, d)
    actions: torch.Tensor  # (B,), int64
    rewards: torch.Tensor  # (B,)
    next_inputs: torch.Tensor  # (B, d), the state that was reached, even if the episode was cut off there
    terminal: torch.Tensor  # (B,), bool: nothing can come after; false where only time was up


@dataclass
class Crowd:
    """Environments of one task, each begun anew when its episode ends.

    Args:
        task: of all of them.
        seeds: of the environments.
    """

    task: Task
    seeds: Sequence[int]
    envs: list = field(init=False)
    observations: list[np.ndarray] = field(init=False)

    def __post_init__(self):
        self.envs = [self.task.make() for _ in self.seeds]
        self.observations = [env.reset(seed=seed)[0] for env, seed in zip(self.envs, self.seeds, strict=True)]

    def step(self, actions: torch.Tensor) -> Transitions:
        """One action, of (n,), in each environment."""
        device, before, after, rewards, terminal = actions.device, list(self.observations), [], [], []
        for i, (env, action) in enumerate(zip(self.envs, actions.tolist(), strict=True)):
            observation, reward, dead_end, over = self.task.act(env, action)
            after.append(observation)
            rewards.append(reward / self.task.reward_scale)
            terminal.append(dead_end)
            self.observations[i] = env.reset()[0] if over else observation
        inputs, reached = (self.task.inputs(seen, device) for seen in (before, after))
        return Transitions(
            inputs,
            actions,
            torch.tensor(rewards, device=device),
            reached,
            torch.tensor(terminal, device=device),
        )

    def close(self) -> None:
        """End the environments."""
        for env in self.envs:
            env.close()


@torch.no_grad()
def evaluate(
    policy: Callable[[torch.Tensor], torch.Tensor],
    task: Task,
    seeds: Sequence[int],
    device: torch.device | str = "cpu",
) -> np.ndarray:
    """Returns of one episode a seed, always taking the action of the highest value; not discounted.

    Args:
        policy: inputs, (B, d), to values of the actions, (B, K).
        task: where.
        seeds: of the episodes.
        device: of the policy.
    """
    crowd = [task.make() for _ in seeds]
    seen = {i: env.reset(seed=seed)[0] for i, (env, seed) in enumerate(zip(crowd, seeds, strict=True))}
    returns = np.zeros(len(crowd))
    while seen:
        actions = policy(task.inputs(list(seen.values()), device)).argmax(-1).tolist()
        for i, action in zip(list(seen), actions, strict=True):
            seen[i], reward, _, over = task.act(crowd[i], action)
            returns[i] += reward
            if over:
                crowd[i].close()
                del seen[i]
    return returns


def evaluation_seeds(episodes: int) -> list[int]:
    """Where the episodes of every evaluation begin: the same for all learners."""
    return [derive(episode, "evaluation") for episode in range(episodes)]
