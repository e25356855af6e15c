"""Embedding spaces, recipes, feature sets, regions with vectors, scene vectors"""

import sqlalchemy as sa
from alembic import op
from pgvector.sqlalchemy import HALFVEC
from sqlalchemy.dialects.postgresql import JSONB

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.execute("CREATE EXTENSION IF NOT EXISTS vector")
    op.create_table(
        "embedding_spaces",
        sa.Column("id", sa.Integer(), sa.Identity(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False, comment="encoder/model/weights"),
        sa.Column("dim", sa.Integer(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False, comment="sha256 of the weights, '' where there are none"),
        sa.Column("logit_scale", sa.Double(), nullable=False, comment="softmax temperature of the text tower"),
        sa.PrimaryKeyConstraint("id", name="pk_embedding_spaces"),
        sa.UniqueConstraint("name", "dim", "digest", name="uq_embedding_spaces_name_dim_digest"),
        comment="Where vectors may be compared; unequal spaces never mix",
    )
    op.create_table(
        "recipes",
        sa.Column("id", sa.Integer(), sa.Identity(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False, comment="sha256 of the body as canonical JSON"),
        sa.Column("body", JSONB(), nullable=False, comment="everything that decides the numbers"),
        sa.PrimaryKeyConstraint("id", name="pk_recipes"),
        sa.UniqueConstraint("digest", name="uq_recipes_digest"),
        comment="How feature sets were made",
    )
    op.create_table(
        "feature_sets",
        sa.Column("id", sa.Integer(), sa.Identity(), nullable=False),
        sa.Column("scene_id", sa.Integer(), nullable=False),
        sa.Column("embedding_space_id", sa.Integer(), nullable=False),
        sa.Column("recipe_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False, comment="what --features takes"),
        sa.Column("source", sa.Text(), nullable=False, comment="fused or distilled"),
        sa.Column("state", sa.Text(), nullable=False, comment="ready; anything else is not searched"),
        sa.Column("features_file", sa.Text(), nullable=False, comment="Parquet, relative to the store"),
        sa.Column("point_count", sa.Integer(), nullable=False, comment="points with a vector"),
        sa.Column("content_digest", sa.Text(), nullable=False, comment="sha256 of vectors and regions"),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("source IN ('fused', 'distilled')", name=op.f("ck_feature_sets_source")),
        sa.CheckConstraint("state IN ('ready', 'retired')", name=op.f("ck_feature_sets_state")),
        sa.ForeignKeyConstraint(
            ["embedding_space_id"],
            ["embedding_spaces.id"],
            name="fk_feature_sets_embedding_space_id_embedding_spaces",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["recipe_id"], ["recipes.id"], name="fk_feature_sets_recipe_id_recipes", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["scene_id"], ["scenes.id"], name="fk_feature_sets_scene_id_scenes", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_feature_sets"),
        sa.UniqueConstraint("scene_id", "recipe_id", name="uq_feature_sets_scene_id_recipe_id"),
        comment="Vectors of one scene by one recipe",
    )
    op.create_index("ix_feature_sets_embedding_space_id", "feature_sets", ["embedding_space_id"])
    op.create_index("ix_feature_sets_recipe_id", "feature_sets", ["recipe_id"])
    op.create_table(
        "regions",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("feature_set_id", sa.Integer(), nullable=False),
        sa.Column("scene_id", sa.Integer(), nullable=False, comment="that of the feature set, repeated for filters"),
        sa.Column(
            "embedding_space_id",
            sa.Integer(),
            nullable=False,
            comment="that of the feature set, repeated for partial indexes",
        ),
        sa.Column("level", sa.Text(), nullable=False, comment="superpoint or object"),
        sa.Column("ordinal", sa.Integer(), nullable=False, comment="within the feature set and level"),
        sa.Column("point_count", sa.Integer(), nullable=False),
        sa.Column("seen_count", sa.Integer(), nullable=False, comment="points with a vector"),
        sa.Column("row_start", sa.Integer(), nullable=False, comment="first row of its points in the features file"),
        sa.Column("row_stop", sa.Integer(), nullable=False, comment="one past the last row"),
        sa.Column("centre", sa.ARRAY(sa.Double()), nullable=False, comment="metres, xyz"),
        sa.Column("box_min", sa.ARRAY(sa.Double()), nullable=False, comment="metres, xyz"),
        sa.Column("box_max", sa.ARRAY(sa.Double()), nullable=False, comment="metres, xyz"),
        sa.Column("oriented_centre", sa.ARRAY(sa.Double()), nullable=False, comment="metres, xyz"),
        sa.Column("oriented_axes", sa.ARRAY(sa.Double()), nullable=False, comment="3x3 row by row, unit columns"),
        sa.Column("oriented_size", sa.ARRAY(sa.Double()), nullable=False, comment="metres, full edge lengths"),
        sa.Column(
            "radius", sa.REAL(), nullable=False, comment="largest distance of a member's vector from the embedding"
        ),
        sa.Column("label", sa.Text(), comment="what the dataset says most of its points are; never used by search"),
        sa.Column("embedding", HALFVEC(), nullable=False, comment="unit length; cosine is inner product"),
        sa.CheckConstraint("level IN ('superpoint', 'object')", name=op.f("ck_regions_level")),
        sa.ForeignKeyConstraint(
            ["embedding_space_id"],
            ["embedding_spaces.id"],
            name="fk_regions_embedding_space_id_embedding_spaces",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["feature_set_id"], ["feature_sets.id"], name="fk_regions_feature_set_id_feature_sets", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["scene_id"], ["scenes.id"], name="fk_regions_scene_id_scenes", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_regions"),
        sa.UniqueConstraint("feature_set_id", "level", "ordinal", name="uq_regions_feature_set_id_level_ordinal"),
        comment="Superpoints and objects with their vectors: the unit of search",
    )
    op.create_index("ix_regions_embedding_space_id_level", "regions", ["embedding_space_id", "level"])
    op.create_index(
        "ix_regions_scene_id_embedding_space_id_level", "regions", ["scene_id", "embedding_space_id", "level"]
    )
    op.create_table(
        "region_views",
        sa.Column("region_id", sa.BigInteger(), nullable=False),
        sa.Column("rank", sa.SmallInteger(), nullable=False, comment="0 is the best picture"),
        sa.Column("frame_id", sa.BigInteger(), nullable=False),
        sa.Column("box_xyxy", sa.ARRAY(sa.REAL()), nullable=False, comment="pixels of the colour image, inclusive"),
        sa.Column("visible_points", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["frame_id"], ["frames.id"], name="fk_region_views_frame_id_frames", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["region_id"], ["regions.id"], name="fk_region_views_region_id_regions", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("region_id", "rank", name="pk_region_views"),
        comment="Which frames show a region best, and where in the picture",
    )
    op.create_index("ix_region_views_frame_id", "region_views", ["frame_id"])
    op.create_table(
        "scene_vectors",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("feature_set_id", sa.Integer(), nullable=False),
        sa.Column("embedding_space_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False, comment="mean or prototype"),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("weight", sa.REAL(), nullable=False, comment="share of the scene's seen points"),
        sa.Column("embedding", HALFVEC(), nullable=False, comment="unit length"),
        sa.CheckConstraint("kind IN ('mean', 'prototype')", name=op.f("ck_scene_vectors_kind")),
        sa.ForeignKeyConstraint(
            ["embedding_space_id"],
            ["embedding_spaces.id"],
            name="fk_scene_vectors_embedding_space_id_embedding_spaces",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["feature_set_id"],
            ["feature_sets.id"],
            name="fk_scene_vectors_feature_set_id_feature_sets",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_scene_vectors"),
        comment="What stands for a whole scene",
    )
    op.create_index("ix_scene_vectors_embedding_space_id", "scene_vectors", ["embedding_space_id"])
    op.create_index("ix_scene_vectors_feature_set_id", "scene_vectors", ["feature_set_id"])


def downgrade() -> None:
    op.drop_table("scene_vectors")
    op.drop_table("region_views")
    op.drop_table("regions")
    op.drop_table("feature_sets")
    op.drop_table("recipes")
    op.drop_table("embedding_spaces")
    # The extension stays: on a shared server it may serve other tables of the database.
