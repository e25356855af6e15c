"""Files that were replaced while in use: they are removed when the last reader has finished"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    op.create_table(
        "retired_files",
        sa.Column("file", sa.Text(), nullable=False, comment="Parquet or a folder of it, relative to the store"),
        sa.Column("retired_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("file", name=op.f("pk_retired_files")),
        comment="No row names them any more; they stay while somebody reads for long",
    )


def downgrade() -> None:
    """The files that are listed here become orphans, which `ovstore doctor --clean` removes."""
    op.drop_table("retired_files")
