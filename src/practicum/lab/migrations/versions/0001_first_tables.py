"""The first tables: studies, runs, metrics, artifacts, verdicts."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """To this revision."""
    op.create_table(
        "studies",
        _id(),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("slug", "preset", "fingerprint")),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("setup", sa.JSON(), nullable=False),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("state", "created", "updated")),
        sa.PrimaryKeyConstraint("id", name="pk_studies"),
        sa.UniqueConstraint("slug", "fingerprint", name="uq_studies_slug"),
    )
    op.create_table(
        "runs",
        _id(),
        _below("runs", "study_id", "studies", required=True),
        sa.Column("arm", sa.Text(), nullable=False),
        sa.Column("seed", sa.Integer(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("pid", sa.Integer()),
        *(sa.Column(name, sa.Text()) for name in ("host", "born", "started", "ended")),
        sa.Column("seconds", sa.Double()),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("error", "traceback", "device")),
        sa.Column("versions", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_runs"),
        sa.UniqueConstraint("study_id", "arm", "seed", name="uq_runs_study_id"),
    )
    op.create_table(
        "metrics",
        _id(),
        _below("metrics", "run_id", "runs", required=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("step", sa.Integer()),
        sa.Column("value", sa.Double()),
        sa.PrimaryKeyConstraint("id", name="pk_metrics"),
    )
    op.create_index("ix_metrics_run_id", "metrics", ["run_id", "name"])
    op.create_table(
        "artifacts",
        _id(),
        _below("artifacts", "study_id", "studies", required=True),
        _below("artifacts", "run_id", "runs", required=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_artifacts"),
    )
    op.create_index("ix_artifacts_study_id", "artifacts", ["study_id"])
    op.create_table(
        "verdicts",
        _id(),
        _below("verdicts", "study_id", "studies", required=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("verdict", sa.JSON(), nullable=False),
        sa.Column("created", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_verdicts"),
    )
    op.create_index("ix_verdicts_study_id", "verdicts", ["study_id"])


def downgrade() -> None:
    """Back to an empty database."""
    for table in ("verdicts", "artifacts", "metrics", "runs", "studies"):
        op.drop_table(table)


def _id() -> sa.Column:
    return sa.Column("id", sa.Integer(), nullable=False)


def _below(table: str, column: str, parent: str, *, required: bool) -> sa.Column:
    key = sa.ForeignKey(f"{parent}.id", name=f"fk_{table}_{column}", ondelete="CASCADE")
    return sa.Column(column, sa.Integer(), key, nullable=not required)
