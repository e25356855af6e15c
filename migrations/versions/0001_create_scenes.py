"""Datasets, scenes, frames"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "datasets",
        sa.Column("id", sa.Integer(), sa.Identity(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False, comment="what --dataset takes"),
        sa.Column("format", sa.Text(), nullable=False, comment="the reader: scannet, rgbd, ..."),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_datasets"),
        sa.UniqueConstraint("name", name="uq_datasets_name"),
        comment="Collections of scenes that came in together",
    )
    op.create_table(
        "scenes",
        sa.Column("id", sa.Integer(), sa.Identity(), nullable=False),
        sa.Column("dataset_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("split", sa.Text(), comment="train, val, test where the dataset says so"),
        sa.Column("source", sa.Text(), nullable=False, comment="the path it was read from"),
        sa.Column("up_axis", sa.Text(), server_default="z", nullable=False),
        sa.Column("point_count", sa.Integer(), nullable=False),
        sa.Column("frame_count", sa.Integer(), nullable=False),
        sa.Column("seen_point_count", sa.Integer(), nullable=False, comment="points that at least one frame sees"),
        sa.Column("box_min", sa.ARRAY(sa.Double()), nullable=False, comment="metres, xyz"),
        sa.Column("box_max", sa.ARRAY(sa.Double()), nullable=False, comment="metres, xyz"),
        sa.Column(
            "label_names",
            JSONB(),
            server_default=sa.text("'{}'"),
            nullable=False,
            comment="the dataset's label ids to names",
        ),
        sa.Column(
            "findings",
            sa.ARRAY(sa.Text()),
            server_default=sa.text("'{}'"),
            nullable=False,
            comment="what was noticed on the way in",
        ),
        sa.Column("geometry", JSONB(), nullable=False, comment="recipe of points, visibility and superpoints"),
        sa.Column("geometry_digest", sa.Text(), nullable=False, comment="sha256 of the geometry recipe"),
        sa.Column("content_digest", sa.Text(), nullable=False, comment="sha256 of points, frames and correspondences"),
        sa.Column("points_file", sa.Text(), nullable=False, comment="Parquet, relative to the store"),
        sa.Column("correspondences_file", sa.Text(), nullable=False, comment="Parquet, relative to the store"),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["dataset_id"], ["datasets.id"], name="fk_scenes_dataset_id_datasets", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_scenes"),
        sa.UniqueConstraint("dataset_id", "name", name="uq_scenes_dataset_id_name"),
        comment="One scan: points, frames, and which frame sees which point",
    )
    op.create_table(
        "frames",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("scene_id", sa.Integer(), nullable=False),
        sa.Column(
            "ordinal", sa.Integer(), nullable=False, comment="position in the scene, from 0; correspondences name it"
        ),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column(
            "image_path", sa.Text(), nullable=False, comment="absolute, or relative to the store for unpacked images"
        ),
        sa.Column("depth_path", sa.Text()),
        sa.Column("depth_scale", sa.Double(), nullable=False, comment="stored units per metre"),
        sa.Column(
            "camera", sa.ARRAY(sa.Double()), nullable=False, comment="colour: width, height, fx, fy, cx, cy in pixels"
        ),
        sa.Column("depth_camera", sa.ARRAY(sa.Double()), comment="depth: width, height, fx, fy, cx, cy in pixels"),
        sa.Column(
            "camera_to_world", sa.ARRAY(sa.Double()), nullable=False, comment="4x4 row by row, OpenCV axes, metres"
        ),
        sa.Column("depth_to_color", sa.ARRAY(sa.Double()), comment="4x4 row by row; null: one centre"),
        sa.Column("timestamp", sa.Double(), comment="seconds"),
        sa.Column("seen_point_count", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["scene_id"], ["scenes.id"], name="fk_frames_scene_id_scenes", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_frames"),
        sa.UniqueConstraint("scene_id", "name", name="uq_frames_scene_id_name"),
        sa.UniqueConstraint("scene_id", "ordinal", name="uq_frames_scene_id_ordinal"),
        comment="Posed pictures of a scene",
    )


def downgrade() -> None:
    op.drop_table("frames")
    op.drop_table("scenes")
    op.drop_table("datasets")
