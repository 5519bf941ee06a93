"""What cannot be learned from is said in one line beforehand; what is merely hard, warned of."""

import pytest

from practicum.errors import PracticumError, UnknownName
from practicum.rl.environments import Environment
from practicum.rl.sanity import preflight
from practicum.rl.trial import UnfitEnvironment, explaining

UNFIT = {
    "NeverEnds": "no episode of .* ended in 2,000 random steps.*--limit",
    "NotANumber": "gave a reward of nan after .* random steps",
    "WordsAsReward": "gave the reward 'well done'; expected a number",
    "Infinite": "not finite after .* random steps",
    "WrongShape": r"shape \(3,\); its observation_space says \(1,\)",
    "NotAnArray": "showed 'at home'; its observation_space is Box",
    "Raises": r"step of .* raised KeyError: 'door' \(.*odd.py, line \d+\)",
    "RaisesAtTheEdge": r"an episode of .* raised IndexError: off the map \(.*odd.py, line \d+\)",
    "RaisesAtOnce": "cannot make environment .* AttributeError: no such map",
    "FourThings": "step of .* returned .*; expected .observation, reward, terminated, truncated",
    "OnlyAnObservation": "reset of .* returned array.*; expected .observation, info.",
    "MaybeEnded": "terminated=None",
    "ManySwitches": "takes actions of MultiBinary",
}
WARNED = {
    "Outside": ("observations", "lie outside"),
    "Unsteady": ("seed", "must come from self.np_random"),
    "Huge": ("rewards", "divide them"),
    "Silent": ("rewards", "whatever was done"),
}


def checked(environment):
    return preflight(environment, patience=2000, limit=60)


@pytest.mark.parametrize("name", UNFIT)
def test_an_environment_nobody_could_learn_in_is_refused_in_one_line(odd, name):
    found = checked(odd(name))
    with pytest.raises(UnfitEnvironment, match=UNFIT[name]) as raised:
        found.refuse()
    assert isinstance(raised.value, PracticumError)
    assert "\n" not in str(raised.value)
    assert found.random is None


@pytest.mark.parametrize("name", WARNED)
def test_what_makes_learning_hard_is_a_warning(odd, name):
    found = checked(odd(name))
    found.refuse()
    check, said = WARNED[name]
    warnings = {one.check: one.text for one in found.findings if one.severity == "warning"}
    assert list(warnings) == [check]
    assert said in warnings[check]


def test_a_sound_environment_passes_with_the_scores_of_those_who_learn_nothing(odd):
    found = checked(odd("Corridor"))
    found.refuse()
    assert {one.severity for one in found.findings} == {"fine"}
    checks = ["spaces", "seed", "rewards", "observations", "endings"]
    assert [one.check for one in found.findings] == checks
    assert found.constant_name == "always 1"
    assert found.constant.mean == pytest.approx(0.97)
    assert found.random.mean < 0.97
    assert found == checked(odd("Corridor"))


def test_who_can_act_is_said():
    def spaces(id):
        return preflight(Environment(id=id)).findings[0].text

    assert spaces("FrozenLake-v1") == "4 actions; 16 states: learners of values, policies and both"
    assert "real actions of shape (1,)" in spaces("Pendulum-v1")
    assert "not of values alone" in spaces("Pendulum-v1")


def test_episodes_that_are_cut_are_told_from_those_that_end():
    ends = {one.check: one.text for one in checked(Environment(id="MountainCar-v0")).findings}
    assert "0 terminated, 10 truncated" in ends["endings"]


def test_a_name_that_does_not_exist_is_not_a_finding():
    with pytest.raises(UnknownName, match="CartPole-v1"):
        preflight(Environment(id="CartPol-v1"))


def test_mistakes_of_our_own_are_not_laid_on_the_environment():
    with pytest.raises(ZeroDivisionError), explaining("step", "somebody", file="somewhere.py"):
        1 / 0  # noqa: B018
