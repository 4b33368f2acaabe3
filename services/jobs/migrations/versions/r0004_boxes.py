"""Whether a data set has boxes."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("datasets", sa.Column("has_boxes", sa.Boolean(), nullable=True))


def downgrade() -> None:
    op.drop_column("datasets", "has_boxes")
