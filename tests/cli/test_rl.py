"""`practicum rl` on one's own environment: looked at, learned in, kept, resumed."""

import json
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from practicum.cli.main import run
from practicum.rl.agent_folder import load_agent
from practicum.rl.environments import Environment

ODD = Path(__file__).parents[1] / "rl" / "odd.py"
LAKE = ("--env", "FrozenLake-v1", "--option", "is_slippery=false")
SHORT = ("--steps", "1500", "--seeds", "1", "--episodes", "3")


@pytest.fixture
def answer(capsys):
    """Calls the verb and gives its status, its output and what it said beside it."""

    def call(*arguments):
        status = run(["rl", *map(str, arguments)])
        return status, *capsys.readouterr()

    return call


@pytest.fixture
def refused(answer):
    """Calls the verb with a mistake and gives the one line it is answered with."""

    def call(*arguments):
        status, _, said = answer(*arguments)
        errors = [line for line in said.splitlines() if line.startswith("error: ")]
        assert status == 2, said
        assert "Traceback" not in said
        assert errors == said.splitlines()[-1:], said
        return errors[0]

    return call


def test_learners_are_compared_and_kept(answer, tmp_path):
    status, out, _ = answer(*LAKE, *SHORT, "--out", tmp_path / "lake", "--json")
    assert status == 0
    told = json.loads(out)
    rows = {row["actor"]: row for row in told["standings"]}
    assert set(rows) == {"q-learning", "reinforce", "actor-critic", "at random", "always 0"}
    assert rows["q-learning"]["mean"] == 1.0
    assert rows["q-learning"]["learned"] == "1 of 1"
    assert rows["at random"]["over"] == "3 episodes"
    assert {one["severity"] for one in told["findings"]} == {"fine"}
    held = json.loads((tmp_path / "lake" / "comparison.json").read_text())
    assert held["standings"] == told["standings"]
    for name in ("q-learning", "reinforce", "actor-critic"):
        folder = tmp_path / "lake" / "learners" / name / "seed-0"
        kept = {path.name for path in folder.iterdir()}
        assert kept == {"agent", "curves.jsonl", "replay.gif", "replay.svg", "result.json"}
        lines = (folder / "curves.jsonl").read_text(encoding="utf-8").splitlines()
        assert "return" in {json.loads(line)["name"] for line in lines}
        _, environment = load_agent(folder / "agent")
        assert environment == Environment(id="FrozenLake-v1", options=(("is_slippery", False),))


def test_a_table_for_people_says_what_was_found_and_learned(answer):
    status, out, _ = answer(*LAKE, *SHORT, "--learner", "q-learning")
    assert status == 0
    assert "one seed gives one episode" in out
    assert "q-learning" in out
    assert "actor-critic" not in out
    assert "at random" in out


def test_a_finished_comparison_goes_on_with_more_seeds_and_runs_nothing_twice(answer, tmp_path):
    common = (*LAKE, "--learner", "q-learning", "--steps", "1500", "--out", tmp_path, "--json")
    assert answer(*common, "--seeds", "1")[0] == 0
    kept = tmp_path / "learners" / "q-learning" / "seed-0" / "result.json"
    before = kept.stat().st_mtime_ns
    status, out, _ = answer(*common, "--seeds", "2", "--resume")
    assert status == 0
    assert json.loads(out)["standings"][0]["over"] == "2 seeds"
    assert kept.stat().st_mtime_ns == before
    assert answer(*common, "--seeds", "1", "--force")[0] == 0
    assert kept.stat().st_mtime_ns != before
    assert not (tmp_path / "learners" / "q-learning" / "seed-1").exists()


def test_only_looking_learns_nothing(answer, tmp_path):
    status, out, _ = answer("--env", f"{ODD}:Corridor", "--check", "--out", tmp_path / "none")
    assert status == 0
    assert "2 actions; observations of shape (1,)" in out
    assert not (tmp_path / "none").exists()
    found = json.loads(answer("--env", f"{ODD}:Corridor", "--check", "--json")[1])
    assert found["constant_name"] == "always 1"


def test_continuous_actions_leave_learners_by_values_out_and_say_so(answer):
    arguments = ("--env", f"{ODD}:Steering", "--limit", "30", "--steps", "1000", "--seeds", "1")
    status, out, _ = answer(*arguments)
    assert status == 0
    assert "not of values alone" in out
    assert "dqn" not in out
    assert "reinforce" in out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "which environment. give --env"),
        (("--env", "CartPol-v1"), "did you mean CartPole-v1"),
        (("--env", "nowhere.py:World"), "there is no file 'nowhere.py'"),
        (("--env", f"{ODD}:Nothing"), "Nothing"),
        (("--env", f"{ODD}:NeverEnds"), "no episode of .* ended in 10,000 random steps"),
        (("--env", f"{ODD}:NotANumber"), "gave a reward of nan"),
        (("--env", f"{ODD}:ManySwitches"), "takes actions of MultiBinary"),
        (("--env", f"{ODD}:Raises"), "raised KeyError: 'door'"),
        (("--env", f"{ODD}:RaisesAtOnce"), "AttributeError: no such map"),
        (("--env", "CartPole-v1", "--option", "gravity"), "expected name=value"),
        (("--env", "CartPole-v1", "--option", "gravity=9"), "cannot make environment"),
        (("--env", "CartPole-v1", "--limit", "0"), "--limit 0; expected at least 1"),
        (("--env", "CartPole-v1", "--steps", "3"), "--steps 3; expected at least 1,000"),
        (("--env", "CartPole-v1", "--seeds", "0"), "--seeds 0; expected at least 1"),
        (("--env", "CartPole-v1", "--frames", "0"), "frames is 0"),
        (("--env", "CartPole-v1", "--learner", "dqm"), "did you mean dqn"),
        (("--env", "Pendulum-v1", "--learner", "dqn"), "countable actions"),
        (("--env", "CartPole-v1", "--resume"), "give --out FOLDER too"),
    ],
)
def test_a_mistake_is_one_line(refused, arguments, said):
    assert re.search(said, refused(*arguments))


def test_a_folder_is_not_overwritten_unasked_nor_continued_with_something_else(refused, tmp_path):
    (tmp_path / "comparison.json").write_text('{"plan": {}}')
    common = (*LAKE, "--out", tmp_path)
    assert "holds a comparison; give --resume, --force" in refused(*common)
    assert "compares other learners" in refused(*common, "--resume")
    (tmp_path / "comparison.json").write_text("{")
    assert "is damaged" in refused(*common, "--resume")


def test_a_stopped_comparison_goes_on_where_it_was(answer, tmp_path):
    """The score after a resumed run is that of an uninterrupted one."""
    arguments = ("--env", "CartPole-v1", "--learner", "actor-critic", "--steps", "8000")
    arguments = (*arguments, "--seeds", "1", "--out")
    command = (sys.executable, "-c", "from practicum.cli.main import main; main()", "rl")
    stopped, whole = tmp_path / "stopped", tmp_path / "whole"
    curves = stopped / "learners" / "actor-critic" / "seed-0" / "curves.jsonl"
    with subprocess.Popen(
        [*command, *arguments, str(stopped)], stderr=subprocess.PIPE, text=True
    ) as process:
        while not curves.exists() and process.poll() is None:
            time.sleep(0.01)
        process.send_signal(signal.SIGTERM)
        assert process.wait() == 130
        assert process.stderr
        assert "with --resume" in process.stderr.read()
    status, _, said = answer(*arguments, stopped, "--resume")
    assert status == 0
    assert "resumed from step" in said
    assert answer(*arguments, whole)[0] == 0
    one, other = (
        json.loads((folder / "comparison.json").read_text())["standings"]
        for folder in (stopped, whole)
    )
    assert one == other
