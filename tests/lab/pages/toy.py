"""A page without a network: numbers from the seed, quickly, with every way to go wrong."""

import os
import random
import signal
import time
from dataclasses import dataclass, replace
from pathlib import Path

from practicum.errors import TrainingError
from practicum.events import Artifact, Metric, Note, Progress, emit
from practicum.lab.folder import run_folder
from practicum.lab.paper import Claim, Paper, Validity


@dataclass(frozen=True, kw_only=True)
class Setup:
    effect: float = 1.0
    noise: float = 0.1
    steps: int = 5
    trouble: str = ""  # of arm "new" at seed 1: kill, raise, nan, wait, exit
    once: str = ""  # a file: trouble happens only while it does not exist, and makes it
    log: str = ""  # a folder: a file appears in it for every computation


ARMS = ("old", "new", "control")


def run(setup: Setup, arm: str, seed: int) -> dict[str, float]:
    draw = random.Random(f"{arm} {seed}")
    folder = run_folder()
    if setup.log:
        Path(setup.log, f"{arm}-{seed}-{os.getpid()}-{time.time_ns()}").touch()
    first = len((folder / "steps").read_text().split()) if (folder / "steps").exists() else 0
    for step in range(first, setup.steps):
        emit(Progress(task="training", done=step + 1, total=setup.steps, unit="steps"))
        emit(Metric(name="loss", value=1 / (step + 1), step=step, labels={"split": "train"}))
        with (folder / "steps").open("a") as file:
            file.write(f"{step}\n")
        if step == 2 and arm == "new" and seed == 1:
            trouble(setup)
    (folder / "sample.txt").write_text(arm)
    emit(Artifact(name="sample", path=str(folder / "sample.txt")))
    emit(Metric(name="speed", value=3.0, labels={"device": "toy accelerator"}))
    emit(Note(text="done"))
    score = setup.effect * (arm == "new") + setup.noise * draw.random()
    broken = setup.trouble == "nan" and arm == "new" and seed == 1
    return {"score": float("nan") if broken else score, "size": 10.0 if arm == "old" else 20.0}


def trouble(setup: Setup) -> None:
    if setup.once:
        if Path(setup.once).exists():
            return
        Path(setup.once).touch()
    if setup.trouble == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    elif setup.trouble == "raise":
        raise TrainingError("the loss diverged at step 2")
    elif setup.trouble == "wait":
        time.sleep(60)
    elif setup.trouble == "exit":
        raise SystemExit(3)


def losses(rows):
    from practicum.lab.plots import curves  # workers draw nothing

    return curves(rows, "loss [split=train]", title="Loss", y="nats")


def by_size(rows):
    from practicum.lab.plots import against

    return against(
        rows, "score", "size", title="Score", x_label="size", y_label="score", controls=["control"]
    )


def scores(rows):
    from practicum.lab.plots import bars

    return bars(rows, ("score", "speed"), title="Scores", y="points")


PAPER = Paper(
    run=run,
    arms=ARMS,
    presets={"smoke": Setup(steps=3), "cpu": Setup()},
    claims=(
        Claim(
            "the new way gains half a point",
            value=lambda r: r.new.score - r.old.score,
            at_least=0.5,
            source="Table 1",
        ),
        Claim("it is at most twice as large", value=lambda r: r.new.size / r.old.size, at_most=2),
    ),
    validity=(Validity("the control stays low", value=lambda r: r.control.score, below=0.5),),
)
DRAWN = replace(PAPER, plots=(losses, by_size, scores))  # apart, because drawing takes longest
