"""Jobs, derived indexes, and which store this is"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.create_table(
        "jobs",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("dataset", sa.Text(), nullable=False),
        sa.Column("scene", sa.Text(), nullable=False),
        sa.Column("recipe", JSONB(), nullable=False),
        sa.Column(
            "state",
            sa.Text(),
            nullable=False,
            comment="running, done, failed; a running row whose worker is gone is stale",
        ),
        sa.Column("worker", sa.Text(), nullable=False, comment="host:pid"),
        sa.Column("message", sa.Text(), comment="what was done, or why it failed"),
        sa.Column("started_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True)),
        sa.CheckConstraint("state IN ('running', 'done', 'failed')", name=op.f("ck_jobs_state")),
        sa.PrimaryKeyConstraint("id", name="pk_jobs"),
        comment="One row a scene and attempt",
    )
    op.create_index("ix_jobs_dataset_scene", "jobs", ["dataset", "scene"])
    op.create_table(
        "indexes",
        sa.Column("id", sa.Integer(), sa.Identity(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False, comment="the plug-in: pgvector_hnsw, faiss"),
        sa.Column("embedding_space_id", sa.Integer(), nullable=False),
        sa.Column("level", sa.Text(), nullable=False),
        sa.Column("row_count", sa.Integer(), nullable=False, comment="regions it was built over"),
        sa.Column("last_region_id", sa.BigInteger(), nullable=False, comment="regions after it are not in it yet"),
        sa.Column("file", sa.Text(), comment="relative to the store, where the index is a file"),
        sa.Column("options", JSONB(), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("recall", JSONB(), comment="last measured against exact: mean, worst, queries"),
        sa.Column("built_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["embedding_space_id"],
            ["embedding_spaces.id"],
            name="fk_indexes_embedding_space_id_embedding_spaces",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_indexes"),
        sa.UniqueConstraint("name", "embedding_space_id", "level", name="uq_indexes_name_embedding_space_id_level"),
        comment="Derived from regions; can be dropped and rebuilt",
    )
    op.create_index("ix_indexes_embedding_space_id", "indexes", ["embedding_space_id"])
    op.create_table(
        "store_identity",
        sa.Column(
            "id",
            sa.Uuid(),
            nullable=False,
            comment="that of store.json in the store's folder, whose files the rows name",
        ),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_store_identity"),
        comment="One row: which store this database belongs to",
    )


def downgrade() -> None:
    op.drop_table("store_identity")
    op.drop_table("indexes")
    op.drop_table("jobs")
