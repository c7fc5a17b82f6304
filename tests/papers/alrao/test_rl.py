"""Deep Q-learning: its parts against hand-computed values, and agents that are the same for the same seed."""

import math
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from startright.papers.alrao import wrap
from startright.papers.alrao.mixture import linear_step
from startright.papers.alrao.rl import DQNConfig, Replay, TakenAction, td_targets, train_dqn
from startright.papers.alrao.rl_tasks import TASKS, Crowd, Task, Transitions, evaluate
from startright.papers.alrao.studies.rl import RL, RLConfig, make_learner, run_rl

CPU = torch.device("cpu")
TINY = RLConfig("pendulum", "sgd", 1e-5, 1.0, 3, 210, hidden=8, episodes=1, evaluations=2)


# --- the likelihood --------------------------------------------------------------------------


def _values(rng: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    """Outputs of 3 heads for 4 actions and 7 states, and targets."""
    actions = torch.randint(4, (7,), generator=rng).double()
    wanted = torch.randn(7, generator=rng, dtype=torch.float64)
    outputs = torch.randn(3, 4, 7, generator=rng, dtype=torch.float64)
    return outputs, torch.stack((actions, wanted), -1)


def test_likelihood_is_normal_about_the_taken_actions_value():
    outputs, targets = _values(torch.Generator().manual_seed(0))
    found = TakenAction().log_prob(outputs, targets)
    for n in range(3):
        for b, (action, wanted) in enumerate(targets.tolist()):
            error = float(outputs[n, int(action), b]) - wanted
            assert found[n, b].item() == pytest.approx(-(error**2) / 2 - math.log(2 * math.pi) / 2, rel=1e-12)


def test_slope_is_the_derivative():
    outputs, targets = _values(torch.Generator().manual_seed(1))
    outputs.requires_grad_()
    log_probs, slope = TakenAction().with_slope(outputs.detach(), targets)
    naive = TakenAction().log_prob(outputs, targets)
    torch.testing.assert_close(log_probs, naive.detach(), rtol=1e-12, atol=0)
    torch.testing.assert_close(slope, torch.autograd.grad(-naive.sum(), outputs)[0], rtol=1e-12, atol=0)


def test_closed_form_heads_match_naive_autograd():
    rng = torch.Generator().manual_seed(2)
    z, weight, bias = (
        torch.randn(shape, generator=rng, dtype=torch.float64).requires_grad_()
        for shape in ((7, 5), (3, 4, 5), (3, 4))
    )
    log_weights = torch.tensor([0.5, 0.3, 0.2], dtype=torch.float64).log()
    _, targets = _values(rng)
    step = linear_step(z, weight, bias, targets, log_weights, TakenAction())
    actions, wanted = targets[:, 0].long(), targets[:, 1]
    values = (z @ weight.mT + bias[:, None])[:, torch.arange(7), actions]  # (3, 7)
    log_probs = torch.distributions.Normal(wanted, 1.0).log_prob(values)
    loss = -(log_probs + log_weights[:, None]).logsumexp(0).mean()
    torch.testing.assert_close(step.loss, loss.detach())
    torch.testing.assert_close(step.log_likelihoods, log_probs.mean(1).detach())
    torch.testing.assert_close(step.features, torch.autograd.grad(loss, z, retain_graph=True)[0])
    own = torch.autograd.grad(-log_probs.mean(1).sum(), (weight, bias))
    torch.testing.assert_close((step.weight, step.bias), own)


@pytest.mark.parametrize(
    ("targets", "message"),
    [
        (torch.zeros(3, 1), r"3 pairs \(action, value\).*\(3, 1\)"),
        (torch.tensor([[0.0, 1], [4, 1], [1, 1]]), "actions 0 to 3; got action 4"),
        (torch.tensor([[0.0, 1], [-1, 1], [1, 1]]), "got action -1"),
        (torch.tensor([[0.0, 1], [0.5, 1], [1, 1]]), "got action 0.5"),
    ],
)
def test_targets_that_do_not_fit_are_refused(targets, message):
    model, optimizer = wrap(
        nn.Linear(2, 3), lambda: nn.Linear(3, 4), (1e-3, 1.0), 2, likelihood=TakenAction()
    )
    with pytest.raises(ValueError, match=message):
        model.training_step(torch.zeros(3, 2), targets, optimizer)


# --- what is learnt from -----------------------------------------------------------------------


def test_td_targets_by_hand():
    """The online network picks the action, the target network says its worth; nothing follows an end."""
    online = {0.0: [1.0, 5.0], 1.0: [3.0, 2.0], 2.0: [0.0, 1.0]}
    target = {0.0: [10.0, 20.0], 1.0: [30.0, 40.0], 2.0: [50.0, 60.0]}
    batch = Transitions(
        inputs=torch.zeros(3, 1),
        actions=torch.tensor([1, 0, 1]),
        rewards=torch.tensor([0.5, -1.0, 2.0]),
        next_inputs=torch.tensor([[0.0], [1.0], [2.0]]),
        terminal=torch.tensor([False, False, True]),
    )

    def network(table):
        return lambda x: torch.tensor([table[value] for value in x[:, 0].tolist()])

    found = td_targets(network(online), network(target), batch, 0.9)
    expected = [[1, 0.5 + 0.9 * 20], [0, -1 + 0.9 * 30], [1, 2.0]]
    torch.testing.assert_close(found, torch.tensor(expected))


def test_an_end_hides_values_that_are_not_finite():
    batch = Transitions(
        torch.zeros(1, 1), torch.tensor([0]), torch.ones(1), torch.zeros(1, 1), torch.tensor([True])
    )
    found = td_targets(lambda x: torch.ones(1, 2), lambda x: torch.full((1, 2), math.inf), batch, 0.9)
    assert found.tolist() == [[0.0, 1.0]]


def _numbered(numbers: range) -> Transitions:
    """Transitions that bear their number everywhere."""
    n = torch.tensor(list(numbers))
    return Transitions(n[:, None].float(), n, n.float() / 2, n[:, None].float() + 1, n % 2 == 0)


def test_replay_keeps_the_last_and_whole_transitions():
    replay = Replay(5, 1)
    for start in range(0, 9, 3):
        replay.add(_numbered(range(start, start + 3)))
        assert len(replay) == min(start + 3, 5)
    drawn = replay.sample(500, torch.Generator().manual_seed(0))
    assert set(drawn.actions.tolist()) == {4, 5, 6, 7, 8}
    for entry, same in zip(drawn, _numbered(drawn.actions.tolist()), strict=True):
        assert torch.equal(entry, same)


def test_a_replay_that_is_not_full_draws_only_what_is_there():
    replay = Replay(100, 1)
    replay.add(_numbered(range(1, 4)))
    assert set(replay.sample(200, torch.Generator().manual_seed(0)).actions.tolist()) == {1, 2, 3}


def test_an_empty_replay_and_one_without_room_say_so():
    with pytest.raises(ValueError, match="replay is empty"):
        Replay(3, 1).sample(1, torch.Generator())
    with pytest.raises(ValueError, match="got 0"):
        Replay(0, 1)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"steps": 600, "warm_up": 100}, "600 steps with 6 evaluations"),
        ({"steps": 900, "discount": 1.5}, "discount must be in"),
        ({"steps": 900, "n_envs": 0}, "n_envs must be at least 1, got 0"),
    ],
)
def test_bad_settings_are_refused(wrong, message):
    with pytest.raises(ValueError, match=message):
        DQNConfig(**wrong)
    with pytest.raises(ValueError, match="did you mean 'pendulum'"):
        replace(TINY, task="pendulums")


def test_exploration_falls_linearly_and_stays():
    config = DQNConfig(1000, explore=0.5, epsilon=0.1)
    found = [config.exploration(step) for step in (0, 250, 500, 999)]
    assert found == pytest.approx([1.0, 0.55, 0.1, 0.1])
    assert DQNConfig(1000, explore=0.0, epsilon=0.1).exploration(0) == pytest.approx(0.1)


# --- with environments ------------------------------------------------------------------------


class Corridor:
    """Observations count the steps; action 1 earns 1, action 0 ends it; time is up after 4."""

    def reset(self, seed=None):
        self.t = 0
        return np.zeros(1), {}

    def step(self, action):
        self.t += 1
        return np.full(1, float(self.t)), float(action), action == 0, self.t == 4, {}

    def close(self):
        pass


class CorridorTask(Task):
    def make(self):
        return Corridor()


CORRIDOR = CorridorTask("corridor", (2.0,), 10.0, 2)


def test_transitions_tell_an_end_from_time_being_up():
    crowd = Crowd(CORRIDOR, [0, 1])
    seen = [crowd.step(torch.tensor([1, int(t != 1)])) for t in range(5)]
    assert [s.inputs[:, 0].tolist() for s in seen] == [[0, 0], [0.5, 0.5], [1, 0], [1.5, 0.5], [0, 1]]
    assert [s.next_inputs[:, 0].tolist() for s in seen] == [
        [0.5, 0.5],
        [1, 1],
        [1.5, 0.5],
        [2, 1],
        [0.5, 1.5],
    ]
    assert [s.terminal.tolist() for s in seen] == [[False, t == 1] for t in range(5)]
    assert seen[1].rewards.tolist() == pytest.approx([0.1, 0.0])


def test_held_actions_add_their_rewards_and_stop_at_the_end():
    crowd = Crowd(replace(CORRIDOR, hold=3), [0])
    first, second = (crowd.step(torch.tensor([1])) for _ in range(2))
    assert (first.rewards.item(), second.rewards.item()) == pytest.approx((0.3, 0.1))
    assert (first.next_inputs.item(), second.next_inputs.item(), second.terminal.item()) == (1.5, 2.0, False)


def test_evaluation_takes_the_best_action_and_sums_rewards():
    """One that stops where the observation passes 2 (1 scaled): rewards 1 at t = 0, 1, then the end."""
    stops = evaluate(lambda x: torch.cat((x, torch.full_like(x, 0.9)), -1), CORRIDOR, [0, 1, 2])
    assert stops.tolist() == [2, 2, 2]
    assert evaluate(lambda x: torch.tensor([[0.0, 1.0]]).expand(len(x), 2), CORRIDOR, [0]).tolist() == [4]


def test_it_learns_the_corridor():
    """The best is to walk on: 4 in all, however it is learnt."""
    for optimizer, rate in (("sgd", 0.5), ("adam", 1e-2)):
        net = nn.Sequential(nn.Linear(1, 16), nn.Tanh())
        torch.nn.init.constant_(net[0].weight, 0.1)
        model, steps = wrap(
            net,
            lambda: nn.Linear(16, 2),
            (rate, rate),
            1,
            likelihood=TakenAction(),
            optimizer=optimizer,
        )
        config = DQNConfig(150, warm_up=20, batch_size=16, target_every=10, evaluations=2, episodes=1)
        history = train_dqn(model, steps, replace(CORRIDOR, reward_scale=1.0), config, seed=0)
        assert history.last["return"] == 4


def test_a_loss_that_is_not_finite_ends_it():
    net = nn.Sequential(nn.Linear(1, 4), nn.ReLU())
    model, optimizer = wrap(net, lambda: nn.Linear(4, 2), (1e9, 1e9), 1, likelihood=TakenAction())
    config = DQNConfig(400, warm_up=10, evaluations=4, episodes=1)
    history = train_dqn(model, optimizer, replace(CORRIDOR, reward_scale=1e-3), config)
    assert history.status == "diverged"
    assert len(history.steps) < 4


def test_same_seed_same_agent_whatever_the_global_generators():
    pytest.importorskip("gymnasium")
    first = run_rl(TINY, 0, CPU)
    torch.manual_seed(123)
    before = torch.get_rng_state()
    again, other = run_rl(TINY, 0, CPU), run_rl(TINY, 1, CPU)
    assert torch.equal(before, torch.get_rng_state())
    assert (first.metrics, first.curves) == (again.metrics, again.curves)
    assert first.metrics["return"] != other.metrics["return"]
    assert -2000 < first.metrics["return"] < 0
    assert first.curves["step"] == [105, 210]
    assert sum(first.curves[f"weight_{j}"][-1] for j in range(3)) == pytest.approx(1, abs=1e-4)


def test_one_head_is_torch_sgd():
    """Gradient steps on the squared error of the taken action, as anyone would write them."""
    config = replace(TINY, lo=0.05, hi=0.05, heads=1)
    model, optimizer = make_learner(config, TASKS["pendulum"], 0, CPU)
    head = nn.Linear(8, 5)
    head.load_state_dict({"weight": model.heads.weight[0].detach(), "bias": model.heads.bias[0].detach()})
    rng = torch.Generator().manual_seed(0)
    twin, _ = make_learner(config, TASKS["pendulum"], 0, CPU)
    plain = nn.Sequential(twin.backbone, head)
    sgd = torch.optim.SGD(plain.parameters(), 0.05)
    for _ in range(50):
        x, wanted = torch.randn(16, 3, generator=rng), torch.randn(16, generator=rng)
        actions = torch.randint(5, (16,), generator=rng)
        model.training_step(x, torch.stack((actions.float(), wanted), -1), optimizer)
        sgd.zero_grad()
        nn.functional.mse_loss(plain(x).gather(1, actions[:, None])[:, 0], wanted).div(2).backward()
        sgd.step()
    x = torch.randn(9, 3, generator=rng)
    torch.testing.assert_close(model(x), plain(x), rtol=1e-4, atol=1e-5)


def test_tasks_are_what_their_environments_are():
    pytest.importorskip("gymnasium")
    pytest.importorskip("Box2D")
    for task in TASKS.values():
        crowd = Crowd(task, [0, 1])
        new = crowd.step(torch.tensor([0, task.n_actions - 1]))
        assert new.inputs.shape == (2, len(task.observation_scale)) == new.next_inputs.shape
        assert new.inputs.abs().max() < 3
        crowd.close()


def test_grids():
    assert RL.profiles == ("quick", "full", "paper")
    assert {config.task for config in RL.grid("quick")} == {"pendulum"}
    assert {config.task for config in RL.grid("full")} == set(TASKS)
    alrao = {(c.lo, c.hi, c.heads) for c in RL.grid("full") if c.heads > 1}
    assert alrao == {(1e-5, 1.0, 10)}
    assert len(RL.seeds("full")) >= 3
    assert len(RL.runs("paper")) > len(RL.runs("full"))


def test_without_gymnasium_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "gymnasium", None)
    with pytest.raises(ImportError, match=r'pip install "startright\[rl\]"'):
        TASKS["pendulum"].make()
