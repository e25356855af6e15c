"""Digests of the bytes of files, and which files are known to be damaged"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Files of before have no row until `ovstore doctor --contents` has read them and found them sound."""
    op.create_table(
        "files",
        sa.Column("name", sa.Text(), nullable=False, comment="relative to the store"),
        sa.Column("scene_id", sa.Integer(), nullable=True, comment="whose geometry it is, if it is that"),
        sa.Column("feature_set_id", sa.Integer(), nullable=True, comment="whose vectors it holds, if it does that"),
        sa.Column("digest", sa.Text(), nullable=False, comment="sha256 of its bytes, as they were written"),
        sa.Column("damage", sa.Text(), nullable=True, comment="what was last found wrong with it; null: nothing"),
        sa.CheckConstraint("(scene_id IS NULL) <> (feature_set_id IS NULL)", name=op.f("ck_files_owner")),
        sa.ForeignKeyConstraint(["scene_id"], ["scenes.id"], name="fk_files_scene_id_scenes", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["feature_set_id"], ["feature_sets.id"], name="fk_files_feature_set_id_feature_sets", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("name", name="pk_files"),
        comment="The bytes of Parquet files: SQL over files refuses those that are known to be damaged",
    )
    op.create_index("ix_files_scene_id", "files", ["scene_id"])
    op.create_index("ix_files_feature_set_id", "files", ["feature_set_id"])


def downgrade() -> None:
    op.drop_table("files")
