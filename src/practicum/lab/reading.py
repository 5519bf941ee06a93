"""From the store's tables to plain rows."""

import math
from collections.abc import Iterator, Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from practicum.errors import StoreError
from practicum.lab.job import Outcome
from practicum.lab.owner import Owner, is_alive
from practicum.lab.rows import Curve, Origin, Rows, Run, RunState, finite
from practicum.lab.tables import MetricRow, RunRow, StudyRow

STATES: dict[str, RunState] = {s: s for s in ("pending", "running", "done", "failed")}


def rows(
    session: Session,
    study: StudyRow,
    *,
    arms: Sequence[str] | None,
    seeds: Sequence[int] | None,
    curves: bool,
) -> Rows:
    """The runs of `study` at these arms and seeds (None: all it has), and where they come from."""
    found = session.scalars(select(RunRow).filter_by(study_id=study.id).order_by(RunRow.id)).all()
    arms = tuple(dict.fromkeys(row.arm for row in found) if arms is None else arms)
    seeds = tuple(sorted({row.seed for row in found}) if seeds is None else seeds)
    kept = [row for row in found if row.arm in arms and row.seed in seeds]
    numbers, lines = _metrics(session, [row.id for row in kept], curves)
    runs = [_run(row, numbers.get(row.id, {}), lines.get(row.id, {})) for row in kept]
    runs.sort(key=lambda run: (seeds.index(run.seed), arms.index(run.arm)))
    return Rows(origin=_origin(study, kept), arms=arms, seeds=seeds, runs=tuple(runs))


def is_running(session: Session, study: int) -> bool:
    """Whether a process that may be alive computes a run of the study."""
    wanted = select(RunRow).filter_by(study_id=study, state="running")
    return any(_may_run(row) for row in session.scalars(wanted))


def owner(row: RunRow) -> Owner | None:
    """The process that started the run last."""
    if row.pid is None or row.host is None:
        return None
    return Owner(pid=row.pid, host=row.host, born=row.born or "")


def refuse_if_running(row: RunRow, resume: bool) -> None:
    """Raise StoreError when a process that lives, or may live elsewhere, computes the run."""
    process = owner(row)
    if row.state != "running" or process is None:
        return
    alive = is_alive(process)
    what = f"{row.arm} at seed {row.seed}"
    if alive:
        raise StoreError(f"{what} is being computed by {process}; wait for it or stop it")
    if alive is None and not resume:
        raise StoreError(
            f"{what} is marked as computed by {process}, which cannot be asked from here; "
            "if it is gone, take over with --resume"
        )


def points(outcome: Outcome) -> Iterator[tuple[str, int | None, float | None]]:
    """(name, step, value) of every number of an outcome; step None for a final one."""
    for name, number in outcome.numbers.items():
        yield name, None, finite(number)
    for name, curve in outcome.curves.items():
        for step, value in curve:
            yield name, step, finite(value)


def _metrics(
    session: Session, runs: list[int], curves: bool
) -> tuple[dict[int, dict[str, float | None]], dict[int, dict[str, Curve]]]:
    numbers: dict[int, dict[str, float | None]] = {}
    lines: dict[int, dict[str, list[tuple[int, float]]]] = {}
    wanted = select(MetricRow.run_id, MetricRow.name, MetricRow.step, MetricRow.value)
    wanted = wanted.where(MetricRow.run_id.in_(runs)).order_by(MetricRow.id)
    if not curves:
        wanted = wanted.where(MetricRow.step.is_(None))
    for run, name, step, value in session.execute(wanted):
        if step is None:
            numbers.setdefault(run, {})[name] = value
        else:
            line = lines.setdefault(run, {}).setdefault(name, [])
            line.append((step, math.nan if value is None else value))
    return numbers, {
        run: {name: tuple(line) for name, line in named.items()} for run, named in lines.items()
    }


def _run(row: RunRow, numbers: dict[str, float | None], curves: dict[str, Curve]) -> Run:
    state, error = STATES[row.state], row.error
    if state == "running" and not _may_run(row):
        state, error = "failed", f"interrupted: {owner(row)} is gone"
    return Run(
        arm=row.arm,
        seed=row.seed,
        state=state,
        numbers=numbers,
        error=error,
        seconds=row.seconds or 0.0,
        curves=curves,
    )


def _may_run(row: RunRow) -> bool:
    process = owner(row)
    return process is not None and is_alive(process) is not False


def _origin(study: StudyRow, runs: list[RunRow]) -> Origin:
    packages = sorted({name for run in runs for name in run.versions})
    ended = [run.ended for run in runs if run.ended]
    return Origin(
        slug=study.slug,
        preset=study.preset,
        setup=study.setup,
        fingerprint=study.fingerprint,
        code=study.code,
        versions={
            name: " and ".join(sorted({run.versions[name] for run in runs if name in run.versions}))
            for name in packages
        },
        device=" and ".join(sorted({run.device for run in runs if run.device})),
        wall_seconds=sum(run.seconds or 0.0 for run in runs),
        created=max(ended, default=study.created),
    )
