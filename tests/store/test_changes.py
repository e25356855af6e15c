"""Two numbers tell whether a store has changed; lists of scenes and jobs go on where a page ended."""

import threading
from collections.abc import Callable

import pytest
import small_scene
from ovstore.core.errors import BadInput, NotFound
from ovstore.core.paging import Page
from ovstore.store.catalog import catalog, jobs
from ovstore.store.catalog.changes import Changes, changes
from ovstore.store.maintain import forget
from ovstore.store.postgres.database import Database


def test_each_change_moves_its_number_and_reading_moves_none(store: Database) -> None:
    seen = [changes(store)]

    def moved(contents: bool, of_jobs: bool) -> None:
        now, before = changes(store), seen[-1]
        assert (now.contents > before.contents, now.jobs > before.jobs) == (contents, of_jobs)
        seen.append(now)

    small = small_scene.make("room")
    scene = small.publish_geometry(store)
    moved(True, False)
    small.publish_features(store, scene)
    moved(True, False)
    catalog.scenes(store), catalog.feature_sets(store), jobs.jobs(store), catalog.load_points(store, scene)
    moved(False, False)
    job = jobs.start(store, "scans", "room", {})
    moved(False, True)
    jobs.telling(store, job, lambda *said: None)("features", 1, 2)
    moved(False, True)
    jobs.finish(store, job)
    moved(False, True)
    forget.forget_features(store, catalog.feature_sets(store))
    moved(True, False)
    forget.forget_scenes(store, catalog.scenes(store))
    moved(True, True)


def test_what_is_undone_moves_nothing_and_what_is_not_committed_is_not_seen(store: Database) -> None:
    before = changes(store)
    with pytest.raises(ValueError, match="undone"), store.connect() as connection:
        small = "INSERT INTO jobs (dataset, scene, recipe, state, worker) VALUES ('a', 'b', '{}', 'done', 'x')"
        connection.exec_driver_sql(small)
        raise ValueError("undone")
    assert changes(store) == before == Changes(before.contents, before.jobs)


def test_publishers_do_not_wait_for_one_anothers_numbers(store: Database) -> None:
    """Each of them is in the middle of a transaction that has changed rows: only commits come one after the other."""
    import psycopg

    both = threading.Barrier(2, timeout=10)
    failed: list[BaseException] = []

    def work(scene: str) -> None:
        try:
            with psycopg.connect(store.conninfo) as connection:
                connection.execute(
                    "INSERT INTO jobs (dataset, scene, recipe, state, worker) VALUES ('a', %s, '{}', 'done', 'x')",
                    [scene],
                )
                both.wait()
        except BaseException as error:
            failed.append(error)

    before = changes(store).jobs
    threads = [threading.Thread(target=work, args=[name]) for name in ("one", "two")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == [] and changes(store).jobs == before + 2


@pytest.fixture(scope="module")
def five(shared_store: Database) -> Database:
    """Scenes of two datasets, one name in both, one name with a percent sign."""
    for seed, (dataset, name) in enumerate(
        [("b", "room"), ("a", "room"), ("a", "100%"), ("a", "Küche 👩"), ("b", "attic")]
    ):
        small_scene.make(name, seed).publish(shared_store, dataset)
    for number in range(7):
        job = jobs.start(shared_store, "a", f"scene{number}", {})
        (jobs.finish if number % 2 else lambda store, id: jobs.fail(store, id, "why"))(shared_store, job)
    return shared_store


def walked(page: Callable[[str | None], Page[object]]) -> list[object]:
    found, after = [], None
    while True:
        here = page(after)
        found += here
        after = here.next
        if after is None:
            return found


@pytest.mark.parametrize("sort", ["name", "-created_at", "-points"])
@pytest.mark.parametrize("limit", [1, 2, 5, 6])
def test_pages_of_scenes_are_the_whole_list_in_its_order(five: Database, sort: str, limit: int) -> None:
    whole = catalog.scenes(five, sort=sort)
    assert walked(lambda after: catalog.scenes(five, sort=sort, after=after, limit=limit)) == list(whole)
    assert catalog.scenes(five, sort=sort, limit=limit).total == 5 and whole.next is None
    keys = {
        "name": lambda scene: (scene.dataset, scene.name.encode()),
        "-created_at": lambda scene: -scene.created_at.timestamp(),
        "-points": lambda scene: -scene.point_count,
    }
    assert [keys[sort](scene) for scene in whole] == sorted(map(keys[sort], whole))


def test_scenes_are_chosen_by_dataset_features_and_parts_of_names(five: Database) -> None:
    assert [scene.name for scene in catalog.scenes(five, "b")] == ["attic", "room"]
    assert [scene.full_name for scene in catalog.scenes(five, name_contains="ROO")] == ["a/room", "b/room"]
    assert [scene.name for scene in catalog.scenes(five, name_contains="%")] == ["100%"]
    assert len(catalog.scenes(five, features="toy")) == 5 and catalog.scenes(five, features="none") == []
    assert catalog.scenes(five, "a", limit=1).total == 3
    with pytest.raises(NotFound, match="No dataset named 'c'"):
        catalog.scenes(five, "c")
    with pytest.raises(BadInput, match="keep the order"):
        catalog.scenes(five, sort="-points", after=catalog.scenes(five, limit=1).next)


def test_a_scene_that_comes_meanwhile_moves_no_page(store: Database) -> None:
    for name in ("b", "c", "d"):
        small_scene.make(name).publish(store)
    first = catalog.scenes(store, limit=2)
    small_scene.make("a").publish(store)
    assert [scene.name for scene in catalog.scenes(store, limit=2, after=first.next)] == ["d"]


def test_pages_of_jobs_go_back_in_time(five: Database) -> None:
    whole = jobs.jobs(five)
    assert walked(lambda after: jobs.jobs(five, 3, after=after)) == list(whole) and len(whole) == 7
    failed = jobs.jobs(five, state="failed")
    assert [job.scene for job in failed] == ["scene6", "scene4", "scene2", "scene0"]
    assert walked(lambda after: jobs.jobs(five, 3, after=after, state="failed")) == list(failed)
    assert jobs.jobs(five, 3, state="stale") == []
