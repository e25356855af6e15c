"""What is said where a search finds nothing."""

from command_line import ovstore
from ovstore.store.postgres.database import Database


def test_no_hits_for_want_of_probability_are_not_blamed_on_filters(coloured: Database) -> None:
    said = ovstore(coloured, "search", "red", "--where", "false", "--min-prob", "1").output
    assert "No hits: nothing is found with a probability of at least 1." in said
    assert "No hits: nothing passes the filters." in ovstore(coloured, "search", "red", "--where", "false").output


def test_an_example_has_no_probability_and_says_so(coloured: Database) -> None:
    refused = ovstore(coloured, "search", "--like", "room:0@object", "--min-prob", "0.5")
    assert refused.exit_code != 0 and "which only words have: leave min_probability (--min-prob) out" in refused.output
