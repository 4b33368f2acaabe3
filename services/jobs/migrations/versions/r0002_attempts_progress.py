"""How far an attempt was at its end; idempotency keys found by their age."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

DOCUMENT = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")


def upgrade() -> None:
    op.add_column("attempts", sa.Column("progress", DOCUMENT, nullable=True))
    op.create_index("ix_idempotency_keys_created", "idempotency_keys", ["created"], unique=False)


def downgrade() -> None:
    op.drop_index("ix_idempotency_keys_created", "idempotency_keys")
    op.drop_column("attempts", "progress")
