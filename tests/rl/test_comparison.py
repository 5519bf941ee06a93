"""Learners that fit, side by side with those that learn nothing; what was scored is kept."""

import json
from dataclasses import replace

import pytest
from PIL import Image

from practicum.errors import ConfigError, UnknownName
from practicum.models.trunks import Convolutions, Dense
from practicum.rl.agent_folder import load_agent
from practicum.rl.comparison import (
    LEARNERS,
    RESULT,
    Contestant,
    Result,
    contestants,
    play,
    standings,
)
from practicum.rl.controls import Always
from practicum.rl.environments import Environment
from practicum.rl.sanity import Preflight
from practicum.rl.score import Score, score
from practicum.rl.tabular import QLearning
from practicum.rl.trial import UnfitEnvironment

CART = Environment(id="CartPole-v1")
CATCH = Environment(id="practicum.rl.catch:Catch", frames=2)
FITTING = {
    "CartPole-v1": ["dqn", "reinforce", "actor-critic"],
    "FrozenLake-v1": ["q-learning", "reinforce", "actor-critic"],
    "Blackjack-v1": ["q-learning", "reinforce", "actor-critic"],
    "Pendulum-v1": ["reinforce", "actor-critic"],
}


def names(contestants):
    return [contestant.name for contestant in contestants]


@pytest.mark.parametrize("id", FITTING)
def test_one_learner_of_each_kind_that_can_act(id):
    assert names(contestants(Environment(id=id), steps=5000)) == FITTING[id]


def test_learners_are_suited_to_images_and_to_few_steps():
    deep, *others = (one.learner for one in contestants(CATCH, steps=400))
    assert deep.start == 40
    assert all(isinstance(learner.trunk, Convolutions) for learner in (deep, *others))
    named = contestants(CART, steps=5000, names=["ppo", "dqn"])
    assert names(named) == ["ppo", "dqn"]
    assert all(isinstance(one.learner.trunk, Dense) for one in named)


def test_a_learner_that_cannot_act_is_refused():
    with pytest.raises(UnknownName, match="did you mean reinforce"):
        contestants(CART, steps=100, names=["reinforced"])
    with pytest.raises(ConfigError, match="countable actions; Pendulum-v1 has none"):
        contestants(Environment(id="Pendulum-v1"), steps=100, names=["dqn"])
    with pytest.raises(ConfigError, match="countable states"):
        contestants(CART, steps=100, names=["q-learning"])


def test_every_name_can_be_a_folder():
    assert all(set(one.name) <= set("abcdefghijklmnopqrstuvwxyz-") for one in LEARNERS)


@pytest.fixture
def lake(tmp_path):
    """Plays Q-learning on a small dry lake, in a folder."""
    environment = Environment(id="FrozenLake-v1", options=(("is_slippery", False),))
    contestant = Contestant(name="q-learning", family="values", learner=QLearning())

    def played(**options):
        return play(
            contestant,
            environment,
            steps=4000,
            seed=1,
            episodes=4,
            folder=tmp_path / "run",
            **options,
        )

    return played


def test_what_was_learned_is_kept_with_a_replay(lake, tmp_path):
    (tmp_path / "run").mkdir()
    result = lake()
    assert result.score.mean == 1.0
    agent, environment = load_agent(tmp_path / "run" / "agent")
    assert score(agent, environment, range(4)) == result.score
    with Image.open(tmp_path / "run" / "replay.gif") as gif:
        assert gif.n_frames > 1
    assert (tmp_path / "run" / "replay.svg").read_text().startswith("<svg")
    assert not (tmp_path / "run" / "checkpoints").exists()


def test_what_was_scored_is_not_run_again_when_resumed(lake, tmp_path):
    (tmp_path / "run").mkdir()
    first = lake()
    kept = tmp_path / "run" / RESULT
    data = json.loads(kept.read_text())
    kept.write_text(json.dumps({**data, "seconds": 777.0}))
    assert lake(resume=True) == replace(first, seconds=777.0)
    again = lake()
    assert again.seconds != 777.0
    assert again.score == first.score


def test_without_a_folder_nothing_is_kept(odd):
    contestant = contestants(odd("Corridor"), steps=300, names=["dqn"])[0]
    result = play(contestant, odd("Corridor"), steps=300, seed=0, episodes=2)
    assert len(result.score.returns) == 2


def test_what_the_environment_raises_while_learning_is_one_line(odd):
    contestant = contestants(odd("Raises"), steps=300, names=["dqn"])[0]
    with pytest.raises(UnfitEnvironment, match=r"KeyError: 'door' \(.*odd.py, line"):
        play(contestant, odd("Raises"), steps=300, seed=0)


def found(random, constant):
    return Preflight(
        environment=CART,
        findings=(),
        random=scored(*random),
        constant=scored(*constant),
        constant_name=str(Always(1)),
    )


def scored(*returns):
    return Score(returns=returns, lengths=tuple(1 for _ in returns), cut=0)


def results(name, *means):
    return [
        Result(name=name, seed=seed, score=scored(mean, mean), seconds=1.0)
        for seed, mean in enumerate(means)
    ]


def test_each_agent_is_judged_by_its_own_episodes_against_the_better_of_those_who_learn_nothing():
    runs = [
        *results("dqn", 100.0, 101.0, 99.0),
        *results("reinforce", 10.0, 200.0, 30.0),
        *results("actor-critic", 1.0, 1.2, 0.8),
    ]
    table = standings(runs, found((9.0, 11.0), (5.0, 5.0)))
    assert [(one.actor, one.learned) for one in table] == [
        ("dqn", "3 of 3"),
        ("reinforce", "2 of 3"),
        ("actor-critic", "0 of 3"),
        ("at random", ""),
        ("always 1", ""),
    ]
    assert [one.over for one in table] == ["3 seeds"] * 3 + ["2 episodes"] * 2
    assert table[0].mean == pytest.approx(100.0)
    assert table[0].interval == pytest.approx((97.516, 102.484), abs=1e-3)
    assert [one.family for one in table[:3]] == ["values", "policy", "both"]
    assert standings(runs, found((9.0, 11.0), (99.9, 99.9)))[0].learned == "2 of 3"


def test_the_interval_of_one_seed_is_over_its_episodes():
    run = Result(name="dqn", seed=0, score=scored(5.0, 6.0, 7.0), seconds=1.0)
    (first, *_) = standings([run], found((1.0, 2.0), (0.0, 0.0)))
    assert (first.over, first.learned) == ("3 episodes", "1 of 1")


def test_equal_to_chance_is_not_learned():
    runs = results("dqn", 0.0, 0.0)
    assert standings(runs, found((0.0, 0.0), (0.0, 0.0)))[0].learned == "0 of 2"
