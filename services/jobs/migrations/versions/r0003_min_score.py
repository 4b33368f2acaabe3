"""Quality gates of jobs and pipelines."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

DOCUMENT = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")


def upgrade() -> None:
    for table in ("jobs", "pipelines"):
        op.add_column(table, sa.Column("min_score", DOCUMENT, nullable=False, server_default="{}"))
    op.add_column("jobs", sa.Column("reuses", sa.String(length=40), nullable=True))


def downgrade() -> None:
    op.drop_column("jobs", "reuses")
    for table in ("pipelines", "jobs"):
        op.drop_column(table, "min_score")
