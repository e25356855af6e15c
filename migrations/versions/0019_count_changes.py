"""A number that grows with every change of what the store holds, and one with every change of its jobs

Who shows a store asks these two in place of everything, and keeps what it knows while they stay. The numbers grow when
a transaction commits (triggers that wait for its end), so that nobody sees a number before what it stands for, and
transactions wait for one another only while they commit.
"""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"

COUNTED = {
    "contents": ("scenes", "feature_sets", "crop_sets", "thing_trees"),
    "jobs": ("jobs",),
}


def upgrade() -> None:
    op.create_table(
        "changes",
        sa.Column("topic", sa.Text(), nullable=False, comment="contents (scenes and feature sets), or jobs"),
        sa.Column("number", sa.BigInteger(), nullable=False, comment="grows with each transaction that changes them"),
        sa.PrimaryKeyConstraint("topic", name="pk_changes"),
        comment="What has changed since somebody looked: numbers to compare",
    )
    op.execute("INSERT INTO changes (topic, number) VALUES ('contents', 0), ('jobs', 0)")
    op.execute(
        """
        CREATE FUNCTION ov_count_change() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $body$
        BEGIN
            UPDATE changes SET number = number + 1 WHERE topic = TG_ARGV[0];
            RETURN NULL;
        END
        $body$
        """
    )
    for topic, tables in COUNTED.items():
        for table in tables:
            op.execute(
                f"CREATE CONSTRAINT TRIGGER ov_count_change AFTER INSERT OR UPDATE OR DELETE ON {table} "
                f"DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION ov_count_change('{topic}')"
            )


def downgrade() -> None:
    for tables in COUNTED.values():
        for table in tables:
            op.execute(f"DROP TRIGGER ov_count_change ON {table}")
    op.execute("DROP FUNCTION ov_count_change()")
    op.drop_table("changes")
