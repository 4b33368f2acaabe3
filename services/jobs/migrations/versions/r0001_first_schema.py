"""The first schema."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

DOCUMENT = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "api_keys",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("scopes", DOCUMENT, nullable=False),
        sa.Column("created", TIME, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_api_keys"),
    )
    op.create_table(
        "datasets",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("format", sa.String(length=40), nullable=False),
        sa.Column("root", sa.String(), nullable=False),
        sa.Column("options", DOCUMENT, nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("created", TIME, nullable=False),
        sa.Column("finished", TIME, nullable=True),
        sa.Column("published", TIME, nullable=False),
        sa.Column("progress", DOCUMENT, nullable=True),
        sa.Column("token", sa.Integer(), nullable=False),
        sa.Column("worker", sa.String(length=200), nullable=True),
        sa.Column("lease_expires", TIME, nullable=True),
        sa.Column("classes", DOCUMENT, nullable=False),
        sa.Column("counts", DOCUMENT, nullable=False),
        sa.Column("labels", DOCUMENT, nullable=False),
        sa.Column("splits", DOCUMENT, nullable=False),
        sa.Column("has_masks", sa.Boolean(), nullable=True),
        sa.Column("fingerprint", sa.String(length=64), nullable=True),
        sa.Column("problems", DOCUMENT, nullable=False),
        sa.Column("problems_total", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_datasets"),
        sa.UniqueConstraint("name", name="uq_datasets_name"),
    )
    op.create_table(
        "idempotency_keys",
        sa.Column("api_key_id", sa.String(length=40), nullable=False),
        sa.Column("key", sa.String(length=200), nullable=False),
        sa.Column("body_sha256", sa.String(length=64), nullable=False),
        sa.Column("made_id", sa.String(length=40), nullable=False),
        sa.Column("created", TIME, nullable=False),
        sa.ForeignKeyConstraint(
            ["api_key_id"], ["api_keys.id"], name="fk_idempotency_keys_api_key_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("api_key_id", "key", name="pk_idempotency_keys"),
    )
    op.create_table(
        "jobs",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=True),
        sa.Column("stage", sa.String(length=40), nullable=False),
        sa.Column("params", DOCUMENT, nullable=False),
        sa.Column("dataset_id", sa.String(length=40), nullable=True),
        sa.Column("gpus", sa.Integer(), nullable=True),
        sa.Column("processes", sa.Integer(), nullable=True),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("max_attempts", sa.Integer(), nullable=False),
        sa.Column("cache_key", sa.String(length=64), nullable=True),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("token", sa.Integer(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("last_event", sa.Integer(), nullable=False),
        sa.Column("worker", sa.String(length=200), nullable=True),
        sa.Column("lease_expires", TIME, nullable=True),
        sa.Column("progress", DOCUMENT, nullable=True),
        sa.Column("metrics", DOCUMENT, nullable=False),
        sa.Column("failure", DOCUMENT, nullable=True),
        sa.Column("artifact_digest", sa.String(length=64), nullable=True),
        sa.Column("artifact_bytes", sa.BigInteger(), nullable=True),
        sa.Column("created", TIME, nullable=False),
        sa.Column("queued", TIME, nullable=True),
        sa.Column("published", TIME, nullable=True),
        sa.Column("started", TIME, nullable=True),
        sa.Column("finished", TIME, nullable=True),
        sa.ForeignKeyConstraint(["dataset_id"], ["datasets.id"], name="fk_jobs_dataset_id"),
        sa.PrimaryKeyConstraint("id", name="pk_jobs"),
    )
    op.create_index("ix_jobs_cache_key", "jobs", ["cache_key"], unique=False)
    op.create_index("ix_jobs_dataset_id", "jobs", ["dataset_id"], unique=False)
    op.create_index("ix_jobs_lease", "jobs", ["status", "lease_expires"], unique=False)
    op.create_index("ix_jobs_queue", "jobs", ["status", "priority", "id"], unique=False)
    op.create_index("ix_jobs_stage", "jobs", ["stage"], unique=False)
    op.create_table(
        "pipelines",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=True),
        sa.Column("recipe", sa.String(length=100), nullable=False),
        sa.Column("dataset_id", sa.String(length=40), nullable=False),
        sa.Column("params", DOCUMENT, nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("created", TIME, nullable=False),
        sa.ForeignKeyConstraint(
            ["dataset_id"], ["datasets.id"], name="fk_pipelines_dataset_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_pipelines"),
    )
    op.create_index("ix_pipelines_dataset_id", "pipelines", ["dataset_id"], unique=False)
    op.create_table(
        "attempts",
        sa.Column("job_id", sa.String(length=40), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("worker", sa.String(length=200), nullable=False),
        sa.Column("gpus", sa.Integer(), nullable=False),
        sa.Column("started", TIME, nullable=False),
        sa.Column("finished", TIME, nullable=True),
        sa.Column("outcome", sa.String(length=16), nullable=True),
        sa.Column("failure", DOCUMENT, nullable=True),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name="fk_attempts_job_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("job_id", "number", name="pk_attempts"),
    )
    op.create_table(
        "events",
        sa.Column("job_id", sa.String(length=40), nullable=False),
        sa.Column("seq", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=True),
        sa.Column("time", TIME, nullable=False),
        sa.Column("type", sa.String(length=16), nullable=False),
        sa.Column("payload", DOCUMENT, nullable=False),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name="fk_events_job_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("job_id", "seq", name="pk_events"),
    )
    op.create_index("ix_events_type", "events", ["job_id", "type", "seq"], unique=False)
    op.create_table(
        "job_inputs",
        sa.Column("job_id", sa.String(length=40), nullable=False),
        sa.Column("role", sa.String(length=40), nullable=False),
        sa.Column("input_id", sa.String(length=40), nullable=False),
        sa.ForeignKeyConstraint(["input_id"], ["jobs.id"], name="fk_job_inputs_input_id"),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name="fk_job_inputs_job_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("job_id", "role", name="pk_job_inputs"),
    )
    op.create_index("ix_job_inputs_input_id", "job_inputs", ["input_id"], unique=False)
    op.create_table(
        "pipeline_jobs",
        sa.Column("pipeline_id", sa.String(length=40), nullable=False),
        sa.Column("step", sa.String(length=100), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("job_id", sa.String(length=40), nullable=False),
        sa.Column("cached", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name="fk_pipeline_jobs_job_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["pipeline_id"], ["pipelines.id"], name="fk_pipeline_jobs_pipeline_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("pipeline_id", "step", name="pk_pipeline_jobs"),
    )
    op.create_index("ix_pipeline_jobs_job_id", "pipeline_jobs", ["job_id"], unique=False)


def downgrade() -> None:
    op.drop_table("pipeline_jobs")
    op.drop_table("job_inputs")
    op.drop_table("events")
    op.drop_table("attempts")
    op.drop_table("pipelines")
    op.drop_table("jobs")
    op.drop_table("idempotency_keys")
    op.drop_table("datasets")
    op.drop_table("api_keys")
