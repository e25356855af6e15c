"""After the remedy that doctor names for a finding, typed as it was printed, doctor has nothing more to say."""

import json
import shlex
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import toy_room
from click.testing import CliRunner
from command_line import lines, ovstore
from ovstore.cli import main
from ovstore.store.catalog import catalog, jobs
from ovstore.store.catalog.catalog import FeatureSetInfo, SceneInfo
from ovstore.store.postgres import presence, thing_trees
from ovstore.store.postgres.database import Database
from ovstore.store.search import index_rows

LEVEL = "object"


@pytest.fixture
def held(store: Database, tmp_path: Path) -> Database:
    """A room with two feature sets, by options that are not the defaults."""
    toy_room.write(tmp_path / "my scans" / "room0", frames=3)
    rgbd = ("ingest", "rgbd", tmp_path / "my scans", "--name", "home", "--encoder", "color_words")
    options = ("--frame-stride", 2, "--depth-tolerance", 0.04)
    assert ovstore(store, *rgbd, *options).exit_code == 0
    more = ("--features", "fine", "--patch", 2, "--weighting", "view")
    assert ovstore(store, *rgbd, *options, *more).exit_code == 0
    assert ovstore(store, "index", "build", "faiss").exit_code == 0
    return store


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def scene(store: Database) -> SceneInfo:
    return catalog.find_scene(store, "home/room0")


def features(store: Database, name: str = "fine") -> FeatureSetInfo:
    return catalog.find_feature_set(store, scene(store), name)


def sql(store: Database, statement: str) -> None:
    with store.driver_connection() as connection:
        connection.execute(statement)


def side_file(store: Database) -> Path:
    return next(path for path in store.file("indexes").glob("regions-*-object/*.vectors"))


def lost_job(store: Database) -> None:
    job = jobs.start(store, "home", "cellar", {})
    store.presence.release(presence.JOB, job)


def other_tree(store: Database, column: str, more: int) -> None:
    """The tree of a feature set with other numbers in one column, which are sound in themselves."""
    fine = features(store).id
    with store.connect() as connection:
        tree = thing_trees.load(connection, fine)
        assert tree is not None
        thing_trees.keep(connection, fine, replace(tree, **{column: getattr(tree, column) + more}))


DAMAGE: dict[str, Callable[[Database], object]] = {
    "points missing": lambda store: store.file(scene(store).points_file).unlink(),
    "points flipped": lambda store: flip(store.file(scene(store).points_file)),
    "correspondences missing": lambda store: store.file(scene(store).correspondences_file).unlink(),
    "correspondences flipped": lambda store: flip(store.file(scene(store).correspondences_file)),
    "features missing": lambda store: store.file(features(store).features_file).unlink(),
    "features flipped": lambda store: flip(store.file(features(store).features_file)),
    "features truncated": lambda store: store.file(features(store).features_file).write_bytes(b"PAR1"),
    "frames changed": lambda store: sql(store, "UPDATE frames SET camera_to_world[4] = 9 WHERE ordinal = 0"),
    "frames gone": lambda store: sql(store, "DELETE FROM frames WHERE ordinal = 1"),
    "regions changed": lambda store: sql(store, "UPDATE regions SET radius = 0.77 WHERE ordinal = 1"),
    "regions gone": lambda store: sql(store, "DELETE FROM regions WHERE ordinal = 1"),
    "scene vector gone": lambda store: sql(store, "DELETE FROM scene_vectors WHERE kind = 'mean'"),
    "tree gone": lambda store: sql(store, "DELETE FROM thing_trees"),
    "tree no tree": lambda store: sql(store, "UPDATE thing_trees SET body = 'PK'"),
    "tree flipped": lambda store: sql(
        store, "UPDATE thing_trees SET body = set_byte(body, 999, 255 - get_byte(body, 999))"
    ),
    "tree of other counts": lambda store: other_tree(store, "point_count", 1),
    "tree of other superpoints": lambda store: other_tree(store, "superpoint", 1),
    "leftover file": lambda store: (store.file("features") / "left.parquet").write_bytes(b"x"),
    "leftover folder": lambda store: (store.file("scenes") / "left").mkdir(),
    "lost job": lost_job,
    "side file flipped": lambda store: flip(side_file(store)),
    "manifest flipped": lambda store: flip(side_file(store).with_name("manifest.json")),
    "faiss flipped": lambda store: flip(store.file(index_rows.built(store)[0].file or "")),
    "faiss missing": lambda store: store.file(index_rows.built(store)[0].file or "").unlink(),
    "faiss behind": lambda store: sql(store, "UPDATE indexes SET last_region_id = 0, row_count = 1"),
}  # fmt: skip


@pytest.mark.parametrize("damage", DAMAGE)
def test_after_the_remedy_that_doctor_names_doctor_is_clean(held: Database, damage: str) -> None:
    before = {found.id: (found.name, found.content_digest) for found in catalog.feature_sets(held)}
    DAMAGE[damage](held)
    result = ovstore(held, "doctor", "--contents")
    assert result.exit_code == 1, result.output
    remedies = {line.strip() for line in lines(result) if line.startswith("    ovstore ")}
    assert remedies, result.output
    for remedy in sorted(remedies):
        done = CliRunner().invoke(main, shlex.split(remedy)[1:])
        assert done.exit_code == 0, done.output
    result = ovstore(held, "doctor", "--contents")
    assert lines(result)[-1] == "Nothing is wrong.", result.output
    after = {(found.name, found.content_digest) for found in catalog.feature_sets(held)}
    assert after == set(before.values())  # and nothing else was lost or changed


@pytest.mark.parametrize(
    "damage",
    [
        "side file flipped",
        "manifest flipped",
        "faiss flipped",
        "leftover file",
        "lost job",
        "regions changed",
        "regions gone",
        "scene vector gone",
        *(name for name in DAMAGE if name.startswith("tree ")),
    ],
)
def test_repair_heals_what_needs_no_scan(held: Database, tmp_path: Path, damage: str) -> None:
    (tmp_path / "my scans").rename(tmp_path / "away")
    DAMAGE[damage](held)
    told = ovstore(held, "doctor", "--repair")
    (tmp_path / "away").rename(tmp_path / "my scans")
    assert lines(ovstore(held, "doctor", "--contents"))[-1] == "Nothing is wrong.", told.stdout


def test_a_tree_made_again_is_the_one_that_was_published(held: Database) -> None:
    fine = features(held).id

    def body() -> bytes | None:
        with held.connect() as connection:
            return thing_trees.body_of(connection, fine)

    before = body()
    DAMAGE["tree gone"](held)
    told = ovstore(held, "doctor")
    assert "home/room0 features fine: it has no tree of things" in told.stdout and told.exit_code == 1
    assert "rebuilt: the tree of things of home/room0 features fine" in ovstore(held, "doctor", "--repair").stdout
    assert body() == before


def test_a_search_names_the_remedy_for_sets_without_a_tree(held: Database) -> None:
    DAMAGE["tree gone"](held)
    told = ovstore(held, "search", "red", "--features", "fine")
    assert "ovstore doctor --repair makes the trees" in told.output
    assert ovstore(held, "doctor", "--repair").exit_code == 0
    told = ovstore(held, "search", "red", "--features", "fine")
    assert "no tree" not in told.output and "@thing" in told.output


def test_the_remedy_for_features_of_masks_names_the_folder_that_the_store_does_not_keep(held: Database) -> None:
    mask_recipe = (
        """UPDATE recipes SET body = body || '{"masks": {"files": "", "merged_by": "masks", "options": {}}}'"""
    )
    sql(held, mask_recipe)
    DAMAGE["tree gone"](held)
    told = ovstore(held, "doctor")
    assert "--object-masks FOLDER --objects masks --again" in told.stdout, told.stdout
    assert "rebuilt" not in ovstore(held, "doctor", "--repair").stdout


def test_repair_says_what_to_type_for_the_rest(held: Database) -> None:
    DAMAGE["points flipped"](held)
    DAMAGE["side file flipped"](held)
    result = ovstore(held, "doctor", "--repair", "--json")
    told = json.loads(result.stdout)
    assert len(told["repaired"]) == 1
    [finding] = told["findings"]
    assert "--frame-stride 2" in finding["remedy"] and "--depth-tolerance 0.04" in finding["remedy"]
