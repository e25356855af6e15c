"""How objects of one scene stand to one another: the pairs that are close, and functions that read them

The functions have bodies that are bound to these tables when they are made (PostgreSQL 14), whatever the search path of
their caller. They are the reader's to call.
"""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"

# Two regions of one feature set whose pairs are known, or of different scenes; every other answer is NULL.
OF_PAIR = """
    FROM regions AS r JOIN feature_sets ON feature_sets.id = r.feature_set_id, regions AS s
    WHERE r.id = {name}.a AND s.id = {name}.b
"""
UNKNOWN = "r.feature_set_id <> s.feature_set_id OR pairs_within IS NULL OR r.level <> 'object' OR s.level <> 'object'"
PAIR = """
    FROM regions AS r JOIN feature_sets ON feature_sets.id = r.feature_set_id, regions AS s
    WHERE r.id = {name}.a AND s.id = {name}.b
"""
UNKNOWN = "r.feature_set_id <> s.feature_set_id OR pairs_within IS NULL OR 'object' <> ALL (ARRAY[r.level, s.level])"
UNKNOWN = f"({UNKNOWN} OR r.level <> s.level)"
PAIR = "region_pairs WHERE first_id = least({name}.a, {name}.b) AND second_id = greatest({name}.a, {name}.b)"

FUNCTIONS = {
    "ov_distance(a bigint, b bigint)": (
        "double precision",
        f"RETURN CASE WHEN ov_distance.a = ov_distance.b THEN 0 ELSE (SELECT distance FROM {PAIR}) END",
        "Metres between the closest points of two objects; null: more than are recorded, or not recorded",
    ),
    "ov_near(a bigint, b bigint, metres double precision DEFAULT 0.5)": (
        "boolean",
        f"RETURN (SELECT CASE WHEN r.scene_id <> s.scene_id THEN false WHEN {UNKNOWN} OR ov_near.metres > pairs_within "
        f"THEN NULL ELSE r.id = s.id OR EXISTS (SELECT FROM {PAIR} AND distance <= ov_near.metres) END {OF_PAIR})",
        "Whether two objects are no more than so many metres apart; null: not recorded",
    ),
    "ov_on(a bigint, b bigint)": (
        "boolean",
        f"RETURN (SELECT CASE WHEN r.scene_id <> s.scene_id THEN false WHEN {UNKNOWN} THEN NULL ELSE EXISTS "
        f"(SELECT FROM {PAIR} AND supported = ov_on.a) END {OF_PAIR})",
        "Whether the object a stands on the object b; null: not recorded",
    ),
}


def upgrade() -> None:
    """Feature sets of before have no pairs: the functions answer null."""
    op.add_column(
        "feature_sets",
        sa.Column(
            "pairs_within",
            sa.REAL(),
            nullable=True,
            comment="metres up to which pairs of its objects are recorded; null: none are",
        ),
    )
    op.create_table(
        "region_pairs",
        sa.Column("first_id", sa.BigInteger(), nullable=False, comment="the lower id"),
        sa.Column("second_id", sa.BigInteger(), nullable=False, comment="of the same feature set"),
        sa.Column("distance", sa.REAL(), nullable=False, comment="metres between the closest points"),
        sa.Column(
            "supported", sa.BigInteger(), nullable=True, comment="which of the two stands on the other; null: neither"
        ),
        sa.CheckConstraint("first_id < second_id", name=op.f("ck_region_pairs_order")),
        sa.ForeignKeyConstraint(
            ["first_id"], ["regions.id"], name="fk_region_pairs_first_id_regions", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["second_id"], ["regions.id"], name="fk_region_pairs_second_id_regions", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("first_id", "second_id", name="pk_region_pairs"),
        comment="Objects of one scene that are close to one another; read by ov_distance, ov_near, ov_on",
    )
    op.create_index("ix_region_pairs_second_id", "region_pairs", ["second_id"])
    for signature, (kind, body, comment) in FUNCTIONS.items():
        name, _, _ = signature.partition("(")
        op.execute(
            f"CREATE FUNCTION {signature} RETURNS {kind} LANGUAGE sql STABLE PARALLEL SAFE {body.format(name=name)}"
        )
        op.execute(f"COMMENT ON FUNCTION {name} IS '{comment}'")
        op.execute(
            f"""
            DO $body$ BEGIN
                IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'ovstore_reader') THEN
                    GRANT EXECUTE ON FUNCTION {name} TO ovstore_reader;
                END IF;
            END $body$
            """
        )


def downgrade() -> None:
    for signature in FUNCTIONS:
        op.execute(f"DROP FUNCTION {signature.partition('(')[0]}")
    op.drop_table("region_pairs")
    op.drop_column("feature_sets", "pairs_within")
