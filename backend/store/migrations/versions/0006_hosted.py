"""Which answers, hints and jobs something was sent outside for; conversations without a choice follow the routes."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_TABLES = ("messages", "hints", "sentiment_jobs")


def upgrade() -> None:
    for table in _TABLES:
        op.add_column(table, sa.Column("hosted", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.execute("UPDATE conversations SET provider = NULL WHERE provider = 'main'")  # was stored without a choice, too


def downgrade() -> None:
    for table in _TABLES:
        op.drop_column(table, "hosted")
