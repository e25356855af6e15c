"""The files that scenes and feature sets were read from: changes and replacements are noticed"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.create_table(
        "fingerprints",
        sa.Column("id", sa.Integer(), sa.Identity(), nullable=False),
        sa.Column("scene_id", sa.Integer(), nullable=True, comment="whose files they are,"),
        sa.Column("feature_set_id", sa.Integer(), nullable=True, comment="or whose maps; one of the two"),
        sa.Column("root", sa.Text(), nullable=False, comment="the folder that ingest was given"),
        sa.Column("place", sa.Text(), nullable=False, comment="the scene's folder or file"),
        sa.Column(
            "files",
            sa.LargeBinary(),
            nullable=False,
            comment="zlib of JSON: path from the place -> size, two times in ns, digest of head and tail",
        ),
        sa.CheckConstraint("num_nonnulls(scene_id, feature_set_id) = 1", name=op.f("ck_fingerprints_owner")),
        sa.ForeignKeyConstraint(
            ["feature_set_id"],
            ["feature_sets.id"],
            name=op.f("fk_fingerprints_feature_set_id_feature_sets"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["scene_id"], ["scenes.id"], name=op.f("fk_fingerprints_scene_id_scenes"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_fingerprints")),
        sa.UniqueConstraint("feature_set_id", name=op.f("uq_fingerprints_feature_set_id")),
        sa.UniqueConstraint("scene_id", name=op.f("uq_fingerprints_scene_id")),
        comment="The files that scenes and feature sets were read from; derived, may be missing",
    )


def downgrade() -> None:
    op.drop_table("fingerprints")
