"""The store of results: studies, runs, numbers, artifacts, verdicts (SQLAlchemy 2).

A run is started and finished, each in one transaction: its numbers appear in the moment in which it
becomes done, or never. A run left running by a process that died is shown as
failed. Two processes never compute the same run: the one that starts second is refused.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import delete, insert, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from practicum.errors import StoreError
from practicum.home import home
from practicum.lab import reading
from practicum.lab.database import explained, open_database, writing
from practicum.lab.job import Outcome
from practicum.lab.owner import this_process
from practicum.lab.provenance import versions
from practicum.lab.rows import Rows
from practicum.lab.tables import ArtifactRow, MetricRow, RunRow, StudyRow, VerdictRow
from practicum.lab.verdict import Verdict, verdict_from_json


@dataclass(frozen=True, kw_only=True)
class Ticket:
    """The right to write the outcome of one start of one run."""

    run: int
    attempt: int


@dataclass(frozen=True, kw_only=True)
class Study:
    """A study as the store lists it."""

    id: int
    slug: str
    preset: str
    fingerprint: str
    code: str
    state: str  # pending, running, done, failed
    created: str
    updated: str


class Store:
    """Results in a database. `Store()` opens the one in the home, or at `$PRACTICUM_STORE`.

    Every method raises StoreError when the database does not do what was asked.
    """

    def __init__(self, url: str | None = None) -> None:
        self._engine = open_database(url)
        self.url = self._engine.url.render_as_string(hide_password=True)

    def close(self) -> None:
        """Let go of the database."""
        self._engine.dispose()

    def __enter__(self) -> "Store":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # -- studies -------------------------------------------------------------------------------

    def study(
        self, *, slug: str, preset: str, setup: Mapping[str, Any], fingerprint: str, code: str
    ) -> Study:
        """The study with this fingerprint, made when it is new."""
        for last in (False, True):
            try:
                with self._writing() as session:
                    wanted = select(StudyRow).filter_by(slug=slug, fingerprint=fingerprint)
                    row = session.scalars(wanted).one_or_none()
                    if row is None:
                        row = StudyRow(slug=slug, fingerprint=fingerprint, code=code)
                        row.setup, row.state, row.created = dict(setup), "pending", now()
                        session.add(row)
                    row.preset, row.updated = preset, now()
                    session.flush()
                    return _study(session, row)
            except IntegrityError:  # PostgreSQL: another process made it in the same moment
                if last:
                    raise
        raise AssertionError("unreachable: the second try returns or raises")

    def studies(self, slug: str | None = None) -> list[Study]:
        """All studies, or those of one page, the one touched last first."""
        with self._reading() as session:
            wanted = select(StudyRow).order_by(StudyRow.updated.desc(), StudyRow.id.desc())
            rows = session.scalars(wanted if slug is None else wanted.filter_by(slug=slug)).all()
            return [_study(session, row) for row in rows]

    def mark(self, study: int, state: str) -> None:
        """Say that the study as a whole is now pending, running, done or failed."""
        with self._writing() as session:
            row = session.get_one(StudyRow, study)
            row.state, row.updated = state, now()

    # -- runs ----------------------------------------------------------------------------------

    def enlist(self, study: int, asked: Iterable[tuple[str, int]]) -> None:
        """Make a pending run for every (arm, seed) that the study does not have."""
        for last in (False, True):
            try:
                with self._writing() as session:
                    there = select(RunRow.arm, RunRow.seed).filter_by(study_id=study)
                    known = {(arm, seed) for arm, seed in session.execute(there)}
                    session.add_all(
                        RunRow(study_id=study, arm=arm, seed=seed)
                        for arm, seed in asked
                        if (arm, seed) not in known
                    )
                return
            except IntegrityError:
                if last:
                    raise

    def start(
        self, study: int, arm: str, seed: int, *, resume: bool = False, again: bool = False
    ) -> Ticket:
        """Mark a run as computed by this process from now on; what it held before is forgotten.

        Raises StoreError when it is done, unless it is to be computed `again`; and when a process
        that lives, or that may live on another machine, computes it already. With `resume` the one
        on the other machine is taken for dead.
        """
        with self._writing() as session:
            wanted = select(RunRow).filter_by(study_id=study, arm=arm, seed=seed).with_for_update()
            row = session.scalars(wanted).one()
            if row.state == "done" and not again:
                raise StoreError(
                    f"{arm} at seed {seed} was computed by {reading.owner(row)} in the meantime; "
                    "repeat the command to use its numbers"
                )
            reading.refuse_if_running(row, resume)
            for table in (MetricRow, ArtifactRow):
                session.execute(delete(table).where(table.run_id == row.id))
            me = this_process()
            row.pid, row.host, row.born = me.pid, me.host, me.born
            row.state, row.started, row.ended, row.seconds = "running", now(), None, None
            row.error = row.traceback = ""
            row.attempt += 1
            return Ticket(run=row.id, attempt=row.attempt)

    def finish(self, ticket: Ticket, outcome: Outcome) -> None:
        """Write what came out, all of it or nothing: a done run, or a failed one with its error."""
        with self._writing() as session:
            row = _mine(session, ticket)
            row.state = "failed" if outcome.error else "done"
            row.error, row.traceback = outcome.error, outcome.traceback
            row.ended, row.seconds = now(), outcome.seconds
            row.device, row.versions = outcome.device, versions()
            metrics = [
                {"run_id": row.id, "name": name, "step": step, "value": value}
                for name, step, value in reading.points(outcome)
            ]
            if metrics:
                session.execute(insert(MetricRow), metrics)
            session.add_all(
                ArtifactRow(study_id=row.study_id, run_id=row.id, name=name, path=_short(path))
                for name, path in outcome.artifacts.items()
            )

    def refuse_if_running(
        self, study: int, asked: Iterable[tuple[str, int]], *, resume: bool
    ) -> None:
        """Raise StoreError, as `start` would, when one of these runs is being computed."""
        with self._reading() as session:
            wanted = set(asked)
            for row in session.scalars(select(RunRow).filter_by(study_id=study)):
                if (row.arm, row.seed) in wanted:
                    reading.refuse_if_running(row, resume)

    def interrupt(self, study: int, tickets: Sequence[Ticket]) -> None:
        """Mark the runs of these tickets that are still running as failed by an interruption."""
        with self._writing() as session:
            whole = session.get_one(StudyRow, study)
            whole.state, whole.updated = "failed", now()
            for ticket in tickets:
                row = session.get_one(RunRow, ticket.run)
                if row.attempt == ticket.attempt and row.state == "running":
                    row.state, row.error, row.ended = "failed", "interrupted", now()

    def rows(
        self,
        study: int,
        *,
        arms: Sequence[str] | None = None,
        seeds: Sequence[int] | None = None,
        curves: bool = False,
    ) -> Rows:
        """What the study holds for these arms and seeds, else for all; with its curves if asked."""
        with self._reading() as session:
            row = session.get_one(StudyRow, study)
            return reading.rows(session, row, arms=arms, seeds=seeds, curves=curves)

    # -- verdicts and files --------------------------------------------------------------------

    def save_verdict(self, study: int, verdict: Verdict) -> None:
        """Keep a verdict, after those before it, unless the last one says the same."""
        with self._writing() as session:
            wanted = select(VerdictRow.verdict).filter_by(study_id=study)
            last = session.scalars(wanted.order_by(VerdictRow.id.desc()).limit(1)).one_or_none()
            row = VerdictRow(study_id=study, state=verdict.state, verdict=verdict.to_json())
            row.created = now()
            if last != row.verdict:
                session.add(row)
            whole = session.get_one(StudyRow, study)
            whole.state, whole.updated = "done", now()

    def verdict(self, slug: str, preset: str | None = None) -> Verdict | None:
        """The last verdict on a page, at one preset or at any; None when there is none."""
        with self._reading() as session:
            wanted = select(VerdictRow.verdict).join(StudyRow, VerdictRow.study_id == StudyRow.id)
            wanted = wanted.where(StudyRow.slug == slug).order_by(VerdictRow.id.desc()).limit(1)
            if preset is not None:
                wanted = wanted.where(StudyRow.preset == preset)
            found = session.scalars(wanted).one_or_none()
        return None if found is None else verdict_from_json(found)

    def save_pictures(self, study: int, pictures: Mapping[str, Path]) -> None:
        """Keep the study's own files by name, in place of those before."""
        with self._writing() as session:
            session.execute(
                delete(ArtifactRow).where(
                    ArtifactRow.study_id == study, ArtifactRow.run_id.is_(None)
                )
            )
            session.add_all(
                ArtifactRow(study_id=study, name=name, path=_short(str(path)))
                for name, path in pictures.items()
            )

    def pictures(self, study: int) -> dict[str, Path]:
        """The study's own files by name."""
        with self._reading() as session:
            wanted = select(ArtifactRow).filter_by(study_id=study, run_id=None)
            return {row.name: home() / row.path for row in session.scalars(wanted)}

    def artifacts(self, study: int) -> dict[tuple[str, int], dict[str, Path]]:
        """The files of every run by (arm, seed) and name."""
        with self._reading() as session:
            wanted = select(RunRow.arm, RunRow.seed, ArtifactRow.name, ArtifactRow.path)
            wanted = wanted.join(RunRow, ArtifactRow.run_id == RunRow.id)
            found: dict[tuple[str, int], dict[str, Path]] = {}
            for arm, seed, name, path in session.execute(wanted.where(RunRow.study_id == study)):
                found.setdefault((arm, seed), {})[name] = home() / path
            return found

    @contextmanager
    def _writing(self) -> Iterator[Session]:
        with explained(self.url), writing(self._engine) as session:
            yield session

    @contextmanager
    def _reading(self) -> Iterator[Session]:
        with explained(self.url), Session(self._engine) as session:
            yield session


def now() -> str:
    """This moment, UTC, ISO 8601."""
    return datetime.now(UTC).isoformat(timespec="microseconds")


def _study(session: Session, row: StudyRow) -> Study:
    state = row.state
    if state == "running" and not reading.is_running(session, row.id):
        state = "failed"  # its process died without a word
    names = ("id", "slug", "preset", "fingerprint", "code", "created", "updated")
    return Study(state=state, **{name: getattr(row, name) for name in names})


def _mine(session: Session, ticket: Ticket) -> RunRow:
    row = session.scalars(select(RunRow).filter_by(id=ticket.run).with_for_update()).one()
    if row.state != "running" or row.attempt != ticket.attempt:
        raise StoreError(
            f"{row.arm} at seed {row.seed} was taken over by {reading.owner(row)}; "
            "its outcome here is dropped"
        )
    return row


def _short(path: str) -> str:
    """`path` below the home where it lies there, so that a home can be moved."""
    whole = Path(path).absolute()
    return str(whole.relative_to(home())) if whole.is_relative_to(home()) else str(whole)
