"""`practicum rl`: looks at one's own environment, then trains learners of three kinds in it."""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from practicum.cli.options import chosen, explained, options_of
from practicum.cli.render import json_option, print_json, print_table, showing_progress
from practicum.cli.run import interval_text
from practicum.cli.train_options import Curves
from practicum.config import to_json
from practicum.errors import CheckpointError, ConfigError
from practicum.events import listening

if TYPE_CHECKING:
    from practicum.rl.comparison import Contestant, Result
    from practicum.rl.environments import Environment

PLAN = "comparison.json"
FEWEST = 1000  # steps: some learners need hundreds for a single update


@dataclass(frozen=True, kw_only=True)
class World:
    """The environment that is asked for."""

    env: str = explained("", "A Gymnasium id, module:Class or file.py:Class.")
    option: tuple[str, ...] = explained((), "What its constructor takes: --option name=value.")
    frames: int = explained(1, "Latest observations that are seen at once.")
    limit: int | None = explained(None, "Steps after which an episode is cut.")

    def environment(self) -> "Environment":
        """As the library takes it."""
        from practicum.rl.environments import Environment

        if not self.env:
            raise ConfigError("which environment? give --env CartPole-v1, or file.py:Class")
        if self.limit is not None and self.limit < 1:
            raise ConfigError(f"--limit {self.limit}; expected at least 1")
        limit = () if self.limit is None else (("max_episode_steps", self.limit),)
        options = (*map(_option, self.option), *limit)
        return Environment(id=self.env, options=options, frames=self.frames)


def _option(given: str) -> tuple[str, Any]:
    """`name=value`; the value is JSON where it reads as JSON, and else text."""
    name, equals, text = given.partition("=")
    if not equals or not name.isidentifier():
        raise ConfigError(f"--option {given}: expected name=value, as in is_slippery=false")
    try:
        value = json.loads(text)
    except ValueError:
        return name, text
    return name, tuple(value) if isinstance(value, list) else value


@dataclass(frozen=True, kw_only=True)
class Learning:
    """Who learns, and how long."""

    learner: tuple[str, ...] = explained(
        (), "q-learning, dqn, reinforce, actor-critic or ppo. [default: one of each kind that fits]"
    )
    steps: int = explained(50_000, "Environment steps that each learner takes.")
    seeds: int = explained(3, "How often each learns anew.")
    seed: int = explained(0, "The first seed.")
    episodes: int = explained(20, "Of a score, without exploration.")
    check: bool = explained(False, "Only look at the environment.")

    def __post_init__(self) -> None:
        for name, least in (("steps", FEWEST), ("seeds", 1), ("episodes", 1)):
            if getattr(self, name) < least:
                given = getattr(self, name)
                raise ConfigError(f"--{name} {given:,}; expected at least {least:,}")


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where agents, curves and replays go, and what is done with those that are there already."""

    out: str | None = explained(None, "Folder of agents, curves, replays and the comparison.")
    resume: bool = explained(False, "Go on with what --out holds.")
    force: bool = explained(False, "Replace what --out holds.")

    def folder(self, plan: dict[str, Any]) -> Path | None:
        """The folder, made, with the plan in it; refused where it holds another or a used one."""
        if self.out is None:
            if self.resume or self.force:
                raise ConfigError("--resume and --force are about a folder; give --out FOLDER too")
            return None
        folder = Path(self.out)
        held = folder / PLAN
        if held.exists() and not (self.resume or self.force):
            raise ConfigError(f"{folder} holds a comparison; give --resume, --force or another")
        if held.exists() and self.resume and _plan_in(held) != plan:
            raise ConfigError(
                f"{folder} compares other learners, environments or steps; repeat the command it "
                "was made with, or give another folder"
            )
        if self.force:
            shutil.rmtree(folder / "learners", ignore_errors=True)
        folder.mkdir(parents=True, exist_ok=True)
        held.write_text(json.dumps({"plan": plan}, indent=2), encoding="utf-8")
        return folder


def _plan_in(held: Path) -> Any:
    try:
        return json.loads(held.read_text(encoding="utf-8"))["plan"]
    except (ValueError, KeyError, TypeError) as problem:
        raise CheckpointError(f"{held} is damaged; give --force to begin again") from problem


@click.command()
@options_of(World)
@options_of(Learning)
@options_of(Place)
@json_option
def command(as_json: bool) -> None:
    """Look at an environment, then compare learners in it with those that learn nothing.

    Learners by values, by the policy, and by both take the same number of steps and are scored
    without exploration on fixed seeds. An agent has learned something when the interval of its mean
    return lies above those of chance and of the best constant action.
    """
    import torch

    from practicum.rl.comparison import contestants, standings
    from practicum.rl.sanity import preflight

    learning, environment = chosen(Learning), chosen(World).environment()
    with showing_progress():
        found = preflight(environment, seed=learning.seed, episodes=learning.episodes)
    if not as_json:
        print_table([_flat(finding) for finding in found.findings])
    found.refuse()
    if learning.check:
        return print_json(to_json(found)) if as_json else None
    entered = contestants(environment, steps=learning.steps, names=learning.learner)
    if not any(one.reads_images for one in entered):
        torch.set_num_threads(1)  # sharing such small work costs more than it brings
    place = chosen(Place)
    folder = place.folder(
        {
            "environment": to_json(environment),
            "learners": [to_json(contestant) for contestant in entered],
            "steps": learning.steps,
            "episodes": learning.episodes,
        }
    )
    seeds = range(learning.seed, learning.seed + learning.seeds)
    with showing_progress():
        entries = [(one, seed) for one in entered for seed in seeds]
        results = [
            _play(one, environment, learning, seed, folder, resume=place.resume)
            for one, seed in entries
        ]
    ranking = standings(results, found)
    told = {"findings": to_json(found.findings), "standings": to_json(ranking)}
    if folder is not None:
        held = json.loads((folder / PLAN).read_text(encoding="utf-8"))
        (folder / PLAN).write_text(json.dumps({**held, **told}, indent=2), encoding="utf-8")
        click.echo(f"agents, curves and replays are in {folder}", err=True)
    if as_json:
        return print_json(told)
    return print_table([{**_flat(one), "interval": interval_text(one.interval)} for one in ranking])


def _play(
    contestant: "Contestant",
    environment: "Environment",
    learning: Learning,
    seed: int,
    out: Path | None,
    *,
    resume: bool,
) -> "Result":
    """One learner at one seed, in a folder of its own where something is kept."""
    from practicum.rl.comparison import play

    def played(folder: Path | None) -> "Result":
        return play(
            contestant,
            environment,
            steps=learning.steps,
            seed=seed,
            episodes=learning.episodes,
            folder=folder,
            resume=resume,
        )

    if out is None:
        return played(None)
    folder = out / "learners" / contestant.name / f"seed-{seed}"
    folder.mkdir(parents=True, exist_ok=True)
    with listening(Curves(folder / "curves.jsonl", fresh=not resume)):
        return played(folder)


def _flat(row: Any) -> dict[str, Any]:
    """A row of a table from a description."""
    return {name: value for name, value in to_json(row).items() if name != "kind"}
