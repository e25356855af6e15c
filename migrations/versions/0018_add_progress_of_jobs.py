"""How far a job is: its stage, the steps done and in all, and when that was said"""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    op.add_column("jobs", sa.Column("stage", sa.Text(), comment="what it was last said to be doing"))
    op.add_column("jobs", sa.Column("done", sa.Integer(), comment="steps of the stage"))
    op.add_column("jobs", sa.Column("total", sa.Integer(), comment="steps of the stage in all"))
    said = "when it said so, at most once a second"
    op.add_column("jobs", sa.Column("updated_at", sa.DateTime(timezone=True), comment=said))


def downgrade() -> None:
    for column in ("updated_at", "total", "done", "stage"):
        op.drop_column("jobs", column)
