"""Deep Q-networks: targets and gradients as the equations say, exact resuming, and learning."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import gymnasium
import numpy as np
import pytest
import torch
from gymnasium import spaces

from practicum import events
from practicum.errors import CheckpointError, ConfigError
from practicum.models.agents import ActionValues, ActionValuesModel
from practicum.models.build import build, parameters_of
from practicum.models.trunks import Convolutions, Dense
from practicum.rl.dqn import DQN, ChosenActions, Playing, TargetBatch, nature, td_targets
from practicum.rl.environments import Environment
from practicum.rl.exploration import Exploration
from practicum.rl.score import score
from practicum.rl.vector import Vector
from practicum.training.budget import Budget
from practicum.training.loop import Watch, fit
from practicum.training.schedules import Constant

POLE = Environment(id="CartPole-v1")
SMALL = DQN(
    trunk=Dense(hidden=(16,), activation="relu"),
    replay=60,
    start=20,
    every=2,
    batch=8,
    copy_every=7,
)


class Hall(gymnasium.Env):
    """Five places shown one-hot; right leads to +1 at the end, which is an end or a cut."""

    observation_space = spaces.Discrete(5)
    action_space = spaces.Discrete(2)

    def __init__(self, cut: bool = False) -> None:
        self.cut = cut

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.place = int(self.np_random.integers(0, 2))
        return self.place, {}

    def step(self, action):
        self.place = max(0, self.place + (1 if action else -1))
        over = self.place == 4
        return self.place, float(over), over and not self.cut, over and self.cut, {}


class Pictures(Hall):
    """The same hall as 12 × 12 bytes."""

    observation_space = spaces.Box(0, 255, (12, 12), np.uint8)

    def seen(self):
        picture = np.zeros((12, 12), np.uint8)
        picture[:, 2 * self.place : 2 * self.place + 2] = 200
        return picture

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        return self.seen(), {}

    def step(self, action):
        _, *rest = super().step(action)
        return (self.seen(), *rest)


def hall(kind: str = "Hall", *, frames: int = 1, **options: Any) -> Environment:
    options.setdefault("max_episode_steps", 30)
    return Environment(id=f"{__file__}:{kind}", options=tuple(options.items()), frames=frames)


def playing(learner: DQN, environment: Environment, steps: int = 400) -> Playing:
    vector = Vector(environment, learner.copies, seed=1)
    values = ActionValues(
        shape=vector.shape, choices=2, trunk=learner.trunk, dueling=learner.dueling
    )
    return Playing(learner, build(values, seed=2), vector, steps, seed=3)


def disturb(model: ActionValuesModel, seed: int) -> None:
    with torch.no_grad():
        for parameter in model.parameters():
            noise = torch.randn(parameter.shape, generator=torch.Generator().manual_seed(seed))
            parameter += 0.3 * noise


@pytest.mark.parametrize("double", [False, True])
def test_targets_are_the_written_equation(double: bool):
    draw = torch.Generator().manual_seed(0)
    ours, theirs = torch.randn(2, 9, 4, generator=draw)
    rewards = torch.randn(9, generator=draw)
    terminated = torch.rand(9, generator=draw) < 0.4
    made = td_targets(rewards, terminated, theirs, 0.9, chosen_by=ours if double else None)
    for i in range(9):
        chooser = ours if double else theirs
        best = max(range(4), key=lambda a: float(chooser[i, a]))
        y = float(rewards[i]) + 0.9 * (0.0 if terminated[i] else float(theirs[i, best]))
        assert float(made[i]) == pytest.approx(y, abs=1e-6)


def test_only_chosen_actions_get_a_gradient_and_it_is_the_clipped_error():
    values = ActionValues(shape=(3,), choices=3, trunk=Dense(hidden=(4,)))
    model = build(values, seed=0, dtype=torch.float64)
    x = torch.randn(5, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    q = model.trunk(x) @ model.head.weight.T + model.head.bias
    actions = torch.tensor([0, 1, 1, 0, 1])
    chosen = q[torch.arange(5), actions].detach()
    targets = chosen + torch.tensor([0.2, -0.5, 3.0, -4.0, 0.0], dtype=torch.float64)
    objective = ChosenActions(learner=SMALL, environment=POLE, steps=1)
    loss = objective.loss(model, TargetBatch(x.float().double(), actions, targets))
    assert loss.count == 5
    features = model.trunk(x).detach()
    loss.total.backward()
    error = torch.tensor([-0.2, 0.5, -1.0, 1.0, 0.0], dtype=torch.float64)  # q − y, clipped
    by_hand = torch.zeros(3, 4, dtype=torch.float64)
    for i in range(5):
        by_hand[actions[i]] += error[i] * features[i]
    assert model.head.weight.grad is not None
    torch.testing.assert_close(model.head.weight.grad, by_hand, atol=1e-6, rtol=1e-5)
    assert not model.head.weight.grad[2].any()


@pytest.mark.parametrize("double", [False, True])
def test_the_source_makes_targets_with_its_own_old_network(double: bool):
    source = playing(replace(SMALL, double=double, copy_every=1000), hall())
    old = build(source.model.description, seed=2)
    next(source)
    disturb(source.model, 5)
    kept = np.random.default_rng()
    kept.bit_generator.state = source.drawing.bit_generator.state
    for _ in range(3):
        (batch,) = next(source)
        seen = source.replay.sample(SMALL.batch, generator=kept)
        following = torch.from_numpy(seen.following)
        with torch.no_grad():
            chooser = source.model if double else old
            best = chooser(following).argmax(1)
            future = old(following)[torch.arange(len(best)), best]
        future[torch.from_numpy(seen.terminated)] = 0.0
        torch.testing.assert_close(batch.targets, torch.from_numpy(seen.rewards) + 0.99 * future)
        torch.testing.assert_close(batch.observations, torch.from_numpy(seen.observations))


def test_the_target_network_is_renewed_every_so_many_updates():
    source = playing(replace(SMALL, copy_every=3), hall())
    renewed = []
    for update in range(10):
        disturb(source.model, update)
        next(source)
        pairs = zip(source.model.parameters(), source.target.parameters(), strict=True)
        renewed.append(all(torch.equal(ours, theirs) for ours, theirs in pairs))
    assert renewed == [update % 3 == 0 for update in range(10)]


@pytest.mark.parametrize("cut", [False, True])
def test_a_cut_episode_has_a_future_and_an_ended_one_has_none(cut: bool):
    learner = replace(SMALL, start=60, explore=Exploration(start=1.0, end=1.0))
    source = playing(learner, hall(cut=cut))
    with torch.no_grad():
        for parameter in source.model.parameters():
            parameter.zero_()
        source.model.head.bias.fill_(10.0)
    found = [float(t) for _ in range(20) for t in next(source)[0].targets]
    assert max(found) == pytest.approx(1.0 + 9.9 if cut else 9.9)
    assert (1.0 in found) is not cut


def test_steps_and_updates_are_counted_as_told():
    learner = replace(SMALL, start=25, every=4, updates=3)
    assert learner.updates_in(40) == 3 * 4  # after 28, 32, 36 and 40
    source = playing(learner, hall(), steps=40)
    taken = [source.taken for _ in range(12) if next(source)]
    assert taken == [at for at in (28, 32, 36, 40) for _ in range(3)]
    with pytest.raises(StopIteration):
        next(source)
    with pytest.raises(ConfigError, match="allow no update"):
        learner.updates_in(27)


def test_copies_step_together_and_count_together():
    source = playing(replace(SMALL, copies=2, every=4), hall())
    next(source)
    assert source.taken == 20
    assert source.replay.used == 10 + 1 + sum(source.vector.position()["episodes"]) // 2


def test_rewards_are_clipped_for_learning_only():
    rewards = np.array([5.0, -3.0, 0.5], np.float32)
    for clipped, wanted in ((True, [1.0, -1.0, 0.5]), (False, [5.0, -3.0, 0.5])):
        source = playing(replace(SMALL, clip_rewards=clipped, discount=0.0), hall())
        next(source)
        seen = source.replay.sample(3, generator=np.random.default_rng(0))
        made = source._batch(replace(seen, rewards=rewards))
        assert made.targets.tolist() == pytest.approx(wanted)


def test_exploring_always_is_chance_and_never_is_greed():
    learner = replace(SMALL, start=200, explore=Exploration(start=1.0, end=1.0))
    source = playing(learner, hall())
    next(source)
    assert np.mean(source.replay.actions[:200]) == pytest.approx(0.5, abs=0.15)
    greedy = replace(learner, explore=Exploration(start=0.0, end=0.0))
    source = playing(greedy, hall())
    with torch.no_grad():
        source.model.head.weight.zero_()
        source.model.head.bias.copy_(torch.tensor([0.0, 1.0]))
    next(source)
    assert set(source.replay.actions[source.replay.starts].tolist()) == {1}


class Stop(Exception):
    """Stands for a process that dies between two updates."""


def die_at(step: int) -> Any:
    def after(now: int, model: object) -> None:
        if now == step:
            raise Stop

    return after


def weights(agent: Any) -> list[torch.Tensor]:
    return list(agent.model.parameters())


PIXELS = replace(SMALL, trunk=Convolutions(layers=((2, 3, 2),), hidden=8))


@pytest.mark.parametrize(
    ("learner", "environment", "death"),
    [
        (SMALL, POLE, 40),
        (replace(SMALL, double=True, dueling=True, updates=2), POLE, 55),
        (replace(SMALL, copies=2, replay=500), hall(), 25),
        (PIXELS, hall("Pictures", frames=3), 33),
    ],
    ids=["plain", "double and dueling", "two copies", "frames"],
)
def test_a_resumed_agent_equals_an_uninterrupted_one_bit_for_bit(
    tmp_path, learner: DQN, environment: Environment, death: int
):
    learner = replace(learner, save_every=10)
    whole = learner.learn(environment, steps=160, seed=4)
    watch = Watch(folder=tmp_path, after_step=die_at(death))
    with pytest.raises(Stop):
        learner.learn(environment, steps=160, seed=4, watch=watch)
    again = learner.learn(environment, steps=160, seed=4, watch=replace(watch, after_step=None))
    for ours, theirs in zip(weights(again), weights(whole), strict=True):
        assert torch.equal(ours, theirs)


def test_a_checkpoint_of_another_learner_or_world_is_refused(tmp_path):
    watch = Watch(folder=tmp_path)
    SMALL.learn(hall(), steps=40, seed=4, watch=watch)
    for learner, environment in ((replace(SMALL, discount=0.9), hall()), (SMALL, hall(cut=True))):
        with pytest.raises(CheckpointError, match="another"):
            learner.learn(environment, steps=40, seed=4, watch=watch)


@pytest.mark.parametrize(
    "change", [{}, {"double": True}, {"dueling": True}], ids=["plain", "double", "dueling"]
)
def test_the_way_down_the_hall_is_learned(change: dict[str, bool]):
    learner = replace(
        SMALL, replay=1000, rate=5e-3, discount=0.9, explore=replace(SMALL.explore, share=0.5)
    )
    agent = replace(learner, **change).learn(hall(), steps=900, seed=100)
    played = score(agent, hall(), range(5))
    assert played.mean == 1.0
    assert max(played.lengths) == 4


def test_returns_are_told_over_steps():
    told: list[tuple[float, int | None]] = []

    def listener(event: events.Event) -> None:
        if isinstance(event, events.Metric) and event.name == "return":
            told.append((event.value, event.step))

    with events.listening(listener):
        SMALL.learn(hall(), steps=300, seed=1)
    steps = [step for _, step in told if step is not None]
    assert steps == sorted(set(steps))
    assert 5 < len(told) <= 100
    assert all(0.0 <= value <= 1.0 for value, _ in told)


def test_real_valued_actions_are_refused():
    with pytest.raises(ConfigError, match="DQN needs Discrete actions; Pendulum-v1 takes Box"):
        DQN().learn(Environment(id="Pendulum-v1"), steps=2000, seed=0)


def test_impossible_learners_are_refused():
    with pytest.raises(ConfigError, match="DQN.batch is 0"):
        DQN(batch=0)
    with pytest.raises(ConfigError, match="DQN.discount is 1.5"):
        DQN(discount=1.5)
    with pytest.raises(ConfigError, match="make every a multiple of copies"):
        DQN(copies=3, every=4)


def test_the_values_of_the_paper_make_the_network_of_the_paper():
    learner = nature(steps=2_000_000)
    network = ActionValues(shape=(4, 84, 84), choices=4, trunk=learner.trunk)
    assert parameters_of(network) == 1_686_180
    assert learner.explore.at(0.5) == pytest.approx(0.1)
    assert learner.explore.at(0.25) == pytest.approx(0.55)


def test_updates_equal_those_of_stable_baselines():
    from stable_baselines3 import DQN as Theirs

    peer: Any = Theirs(
        "MlpPolicy",
        gymnasium.make("CartPole-v1"),
        learning_rate=1e-2,
        policy_kwargs={"net_arch": [16]},
        device="cpu",
    )
    peer._setup_learn(1)
    learner = replace(SMALL, batch=32, start=100, copy_every=1000)
    source = playing(learner, POLE)
    next(source)
    model = source.model
    disturb(model, 3)  # now it differs from its target network
    with torch.no_grad():
        for ours, theirs in ((model, peer.q_net), (source.target, peer.q_net_target)):
            for mine, other in zip(ours.parameters(), theirs.parameters(), strict=True):
                other.copy_(mine)
    seen = source.replay.sample(32, generator=np.random.default_rng(9))
    peer.replay_buffer.sample = lambda *_, **__: SimpleNamespace(
        observations=torch.from_numpy(seen.observations),
        actions=torch.from_numpy(seen.actions)[:, None],
        next_observations=torch.from_numpy(seen.following),
        dones=torch.from_numpy(seen.terminated).float()[:, None],
        rewards=torch.from_numpy(seen.rewards)[:, None],
        discounts=None,
    )
    peer.train(3, 32)
    budget = Budget(
        steps=3,
        batch=32,
        rate=1e-2,
        schedule=Constant(),
        warmup=0.0,
        optimiser=learner.optimiser,
        clip=learner.clip,
    )
    batch = source._batch(seen)
    objective = ChosenActions(learner=learner, environment=POLE, steps=400)
    fit(model, Repeated(batch), objective, budget, seed=0)
    for mine, other in zip(model.parameters(), peer.q_net.parameters(), strict=True):
        torch.testing.assert_close(mine, other, atol=1e-6, rtol=1e-5)


class Repeated:
    """The same batch, for ever."""

    def __init__(self, batch: TargetBatch) -> None:
        self.batch = batch

    def __next__(self) -> list[TargetBatch]:
        return [self.batch]

    def position(self) -> dict[str, Any]:
        return {}

    def seek(self, position: dict[str, Any]) -> None:
        raise AssertionError("nothing was kept")
