"""A confidence that was never measured is none, reviews that were read in part say so, files of failed jobs go."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_TABLE = "sentiment_rows"


def upgrade() -> None:
    op.add_column(_TABLE, sa.Column("is_cut", sa.Boolean(), server_default=sa.false(), nullable=False))
    # Two scores of exactly 0 were never measured: what was has at least a floor of rounding.
    op.execute(
        "UPDATE sentiment_rows SET positive = NULL, negative = NULL, neutral = NULL, confidence = NULL "
        "WHERE confidence = 1 AND positive + negative + neutral = 1 AND greatest(positive, negative, neutral) = 1 "
        "AND least(positive, negative, neutral) = 0"
    )
    op.execute("DELETE FROM sentiment_pieces WHERE job_id IN (SELECT id FROM sentiment_jobs WHERE state = 'failed')")


def downgrade() -> None:
    # The code before takes a review with a label to have a confidence.
    op.execute(
        "UPDATE sentiment_rows SET confidence = 1, positive = (label = 'positive')::int, "
        "negative = (label = 'negative')::int, neutral = (label = 'neutral')::int "
        "WHERE label IS NOT NULL AND confidence IS NULL"
    )
    op.drop_column(_TABLE, "is_cut")
