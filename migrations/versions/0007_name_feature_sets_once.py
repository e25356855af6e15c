"""A name means one feature set of a scene; equal recipes may be stored under several names"""

from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.drop_constraint(op.f("uq_feature_sets_scene_id_recipe_id"), "feature_sets")
    op.create_unique_constraint(op.f("uq_feature_sets_scene_id_name"), "feature_sets", ["scene_id", "name"])


def downgrade() -> None:
    """Of feature sets of one scene and recipe the oldest stays: the schema before had room for one."""
    op.execute(
        "DELETE FROM feature_sets newer USING feature_sets older WHERE newer.scene_id = older.scene_id "
        "AND newer.recipe_id = older.recipe_id AND newer.id > older.id"
    )
    op.drop_constraint(op.f("uq_feature_sets_scene_id_name"), "feature_sets")
    op.create_unique_constraint(op.f("uq_feature_sets_scene_id_recipe_id"), "feature_sets", ["scene_id", "recipe_id"])
