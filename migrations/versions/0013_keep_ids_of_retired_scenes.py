"""The scene whose points a retired folder holds: readers of the scene by its id can continue"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    comment = "that of the scene whose folder it is; the row is gone"
    op.add_column("retired_files", sa.Column("scene_id", sa.Integer(), nullable=True, comment=comment))


def downgrade() -> None:
    op.drop_column("retired_files", "scene_id")
