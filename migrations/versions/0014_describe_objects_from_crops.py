"""Vectors of objects from crops of images, beside the fused ones"""

import sqlalchemy as sa
from alembic import op
from pgvector.sqlalchemy import HALFVEC

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    op.create_table(
        "crop_sets",
        sa.Column("feature_set_id", sa.Integer(), nullable=False, comment="whose objects have vectors from crops"),
        sa.Column("recipe_id", sa.Integer(), nullable=False, comment="which crops, by what network"),
        sa.Column("content_digest", sa.Text(), nullable=False, comment="sha256 of the vectors from crops"),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["feature_set_id"], ["feature_sets.id"], name="fk_crop_sets_feature_set_id_feature_sets", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["recipe_id"], ["recipes.id"], name="fk_crop_sets_recipe_id_recipes"),
        sa.PrimaryKeyConstraint("feature_set_id", name="pk_crop_sets"),
        comment="How the objects of a feature set were described from crops of images",
    )
    op.create_index("ix_crop_sets_recipe_id", "crop_sets", ["recipe_id"])
    op.create_table(
        "region_crops",
        sa.Column("region_id", sa.BigInteger(), nullable=False, comment="an object"),
        sa.Column("crop_count", sa.Integer(), nullable=False, comment="crops whose unit vectors were averaged"),
        sa.Column("embedding", HALFVEC(), nullable=False, comment="unit length, in the space of the region's own"),
        sa.ForeignKeyConstraint(
            ["region_id"], ["regions.id"], name="fk_region_crops_region_id_regions", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("region_id", name="pk_region_crops"),
        comment="Objects as the pooled image tower sees them, beside the fused vectors in regions",
    )


def downgrade() -> None:
    op.drop_table("region_crops")
    op.drop_table("crop_sets")
    op.execute("DELETE FROM recipes WHERE NOT EXISTS (SELECT FROM feature_sets WHERE recipe_id = recipes.id)")
