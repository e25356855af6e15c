"""Vectors of the texts that were queried: the same query needs no network the second time"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.create_table(
        "text_vectors",
        sa.Column("embedding_space_id", sa.Integer(), nullable=False),
        sa.Column(
            "encoder",
            sa.Text(),
            nullable=False,
            comment="digest of the encoder's name and options: its prompts are in them",
        ),
        sa.Column(
            "text", sa.Text(), nullable=False, comment="what was asked; empty for all of the encoder's background texts"
        ),
        sa.Column(
            "vectors",
            sa.LargeBinary(),
            nullable=False,
            comment="unit rows of little-endian float32, one but for the background",
        ),
        sa.ForeignKeyConstraint(
            ["embedding_space_id"],
            ["embedding_spaces.id"],
            name="fk_text_vectors_embedding_space_id_embedding_spaces",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("embedding_space_id", "encoder", "text", name="pk_text_vectors"),
        comment="Texts as vectors; derived, can be emptied at any time",
    )


def downgrade() -> None:
    op.drop_table("text_vectors")
