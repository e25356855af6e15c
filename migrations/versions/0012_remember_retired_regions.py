"""Names of regions whose feature sets are gone: an outdated id is answered with its name"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    op.create_table(
        "retired_regions",
        sa.Column("id", sa.Integer(), sa.Identity(), nullable=False),
        sa.Column("dataset", sa.Text(), nullable=False),
        sa.Column("scene", sa.Text(), nullable=False),
        sa.Column("features", sa.Text(), nullable=False, comment="the feature set's name"),
        sa.Column("level", sa.Text(), nullable=False),
        sa.Column("first_id", sa.BigInteger(), nullable=False, comment="ids of its regions, which old answers name"),
        sa.Column("last_id", sa.BigInteger(), nullable=False),
        sa.Column(
            "ordinals", sa.ARRAY(sa.Integer()), nullable=True, comment="of the regions by id; null where ids have gaps"
        ),
        sa.Column("forgotten", sa.Boolean(), nullable=False, comment="false: replaced"),
        sa.Column("retired_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_retired_regions")),
        comment="What regions were called whose feature sets are gone",
    )
    op.create_index("ix_retired_regions_first_id_last_id", "retired_regions", ["first_id", "last_id"])


def downgrade() -> None:
    op.drop_table("retired_regions")
