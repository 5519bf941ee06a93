"""The tables of the store. A change here needs a new revision in `migrations/versions`."""

from typing import Any

from sqlalchemy import JSON, Double, ForeignKey, Index, MetaData, Text, UniqueConstraint
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

REVISION = "0001"  # the newest one; a test compares it with the folder of migrations
NAMES = {  # constraints are named alike in every database, so that a migration can find them
    "ix": "ix_%(column_0_label)s",
    "uq": "uq_%(table_name)s_%(column_0_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s",
    "pk": "pk_%(table_name)s",
}


class Table(DeclarativeBase):
    """Base of the tables. Moments are UTC in ISO 8601, which sorts as text in every database."""

    metadata = MetaData(naming_convention=NAMES)


class StudyRow(Table):
    """One configuration of one page with one state of its code."""

    __tablename__ = "studies"
    __table_args__ = (UniqueConstraint("slug", "fingerprint"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    slug: Mapped[str] = mapped_column(Text)
    preset: Mapped[str] = mapped_column(Text)
    fingerprint: Mapped[str] = mapped_column(Text)
    code: Mapped[str] = mapped_column(Text)
    setup: Mapped[dict[str, Any]] = mapped_column(JSON)
    state: Mapped[str] = mapped_column(Text)  # pending, running, done, failed
    created: Mapped[str] = mapped_column(Text)
    updated: Mapped[str] = mapped_column(Text)


class RunRow(Table):
    """One arm at one seed. Its metrics and artifacts appear in the moment it becomes done."""

    __tablename__ = "runs"
    __table_args__ = (UniqueConstraint("study_id", "arm", "seed"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    study_id: Mapped[int] = mapped_column(ForeignKey("studies.id", ondelete="CASCADE"))
    arm: Mapped[str] = mapped_column(Text)
    seed: Mapped[int]
    state: Mapped[str] = mapped_column(Text, default="pending")
    attempt: Mapped[int] = mapped_column(default=0)  # counts starts: a late writer is refused
    pid: Mapped[int | None]
    host: Mapped[str | None] = mapped_column(Text)
    born: Mapped[str | None] = mapped_column(Text)
    started: Mapped[str | None] = mapped_column(Text)
    ended: Mapped[str | None] = mapped_column(Text)
    seconds: Mapped[float | None] = mapped_column(Double)
    error: Mapped[str] = mapped_column(Text, default="")
    traceback: Mapped[str] = mapped_column(Text, default="")
    device: Mapped[str] = mapped_column(Text, default="")
    versions: Mapped[dict[str, str]] = mapped_column(JSON, default=dict)


class MetricRow(Table):
    """A number of a run: a point of a curve, or a final value where `step` is null."""

    __tablename__ = "metrics"
    __table_args__ = (Index(None, "run_id", "name"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    run_id: Mapped[int] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(Text)
    step: Mapped[int | None]
    value: Mapped[float | None] = mapped_column(Double)  # null: not a finite number


class ArtifactRow(Table):
    """A file of a run, or of the whole study where `run_id` is null."""

    __tablename__ = "artifacts"
    __table_args__ = (Index(None, "study_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    study_id: Mapped[int] = mapped_column(ForeignKey("studies.id", ondelete="CASCADE"))
    run_id: Mapped[int | None] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(Text)
    path: Mapped[str] = mapped_column(Text)  # below the home where it lies there, else absolute


class VerdictRow(Table):
    """What was judged, when, over which seeds. The last one of a study counts."""

    __tablename__ = "verdicts"
    __table_args__ = (Index(None, "study_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    study_id: Mapped[int] = mapped_column(ForeignKey("studies.id", ondelete="CASCADE"))
    state: Mapped[str] = mapped_column(Text)
    verdict: Mapped[dict[str, Any]] = mapped_column(JSON)
    created: Mapped[str] = mapped_column(Text)
