"""A calibration weighs every log-probability for every label; a temperature was the same weight for all."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_TABLE = "sentiment_calibrations"


def upgrade() -> None:
    op.add_column(_TABLE, sa.Column("weights", sa.ARRAY(sa.Double(), dimensions=2)))
    op.execute(
        "UPDATE sentiment_calibrations "
        "SET weights = ARRAY[[1 / temperature, 0, 0], [0, 1 / temperature, 0], [0, 0, 1 / temperature]]"
    )
    op.alter_column(_TABLE, "weights", nullable=False)
    op.drop_column(_TABLE, "temperature")


def downgrade() -> None:
    op.add_column(_TABLE, sa.Column("temperature", sa.Double()))
    op.execute("UPDATE sentiment_calibrations SET temperature = 1 / greatest(weights[3][3], 0.001)")
    op.alter_column(_TABLE, "temperature", nullable=False)
    op.drop_column(_TABLE, "weights")
