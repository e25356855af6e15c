"""Feature sets whose vectors were fused elsewhere: source 'imported'"""

from alembic import op

revision = "0005"
down_revision = "0004"

CHECK = "ck_feature_sets_source"


def upgrade() -> None:
    op.drop_constraint(op.f(CHECK), "feature_sets")
    op.create_check_constraint(op.f(CHECK), "feature_sets", "source IN ('fused', 'distilled', 'imported')")
    op.alter_column("feature_sets", "source", comment="fused, distilled or imported")


def downgrade() -> None:
    """Imported feature sets go: the schema before had no word for them."""
    op.execute("DELETE FROM feature_sets WHERE source = 'imported'")
    op.drop_constraint(op.f(CHECK), "feature_sets")
    op.create_check_constraint(op.f(CHECK), "feature_sets", "source IN ('fused', 'distilled')")
    op.alter_column("feature_sets", "source", comment="fused or distilled")
