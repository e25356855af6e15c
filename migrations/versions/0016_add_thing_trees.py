"""Trees by which the superpoints of a feature set merge into things; those that are there get theirs when made again"""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    op.create_table(
        "thing_trees",
        sa.Column("feature_set_id", sa.Integer(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False, comment="arrays of core/things.py as .npz"),
        sa.ForeignKeyConstraint(
            ["feature_set_id"],
            ["feature_sets.id"],
            name="fk_thing_trees_feature_set_id_feature_sets",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("feature_set_id", name="pk_thing_trees"),
        comment="How the superpoints of a feature set merge into things; derived from its vectors and points",
    )


def downgrade() -> None:
    op.drop_table("thing_trees")
