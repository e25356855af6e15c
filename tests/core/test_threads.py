"""A store shared by many threads, many stores that share a server: every call gets its turn and the right answer."""

import copy
import multiprocessing
import pickle
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import psycopg
import pytest
from crowd import Crowd
from ovstore.core.errors import BadInput, DatabaseError
from ovstore.core.features import Query
from ovstore.store.catalog import catalog
from ovstore.store.postgres import database, pools
from ovstore.store.postgres.database import Database
from ovstore.store.postgres.pools import PoolLimits
from ovstore.store.postgres.server import USER, Server
from ovstore.store.search import index_choice, text_vectors
from ovstore.store.search.point_search import region_points
from ovstore.store.search.search import search
from psycopg.conninfo import make_conninfo


@pytest.fixture(scope="module")
def crowd() -> Crowd:
    return Crowd(things=30)


@pytest.fixture(scope="module")
def full(shared_store: Database, crowd: Crowd) -> Database:
    crowd.publish(shared_store, "hall", 40)
    crowd.publish(shared_store, "attic", 40)
    return shared_store


def questions(store: Database, crowd: Crowd, number: int) -> list[Callable[[], object]]:
    """One call of each kind that takes connections; they differ by `number`."""
    word = crowd.word(number % 30)

    def hits(**filters: object) -> Callable[[], object]:
        return lambda: [(hit.region, hit.score) for hit in search(store, Query(word, crowd.space, **filters))]  # type: ignore[arg-type]

    asked = Query(word, crowd.space)
    return [
        hits(),
        hits(scenes=("attic",), feature_set="toy"),
        hits(where=f"ordinal < {10 + number % 20}", datasets=("crowd",)),
        lambda: [(hit.region, hit.score) for hit in search(store, asked, "pgvector_hnsw")],
        lambda: [points.score.tolist() for points in region_points(store, [search(store, asked)[0].region], asked)],
        lambda: [scene.full_name for scene in catalog.scenes(store)],
        lambda: catalog.feature_kind(store).name,
        lambda: sorted(text_vectors.load(store, crowd.space, "none", ["chair"])),
        lambda: index_choice.default(store, 1, "object", 10),
    ]


@pytest.mark.parametrize("connections", [1, 8])
@pytest.mark.parametrize("threads", [2, 16, 64])
def test_many_threads_get_the_answers_that_one_gets(
    full: Database, crowd: Crowd, threads: int, connections: int
) -> None:
    with Database(full.path, full.conninfo, PoolLimits(connections)) as store:
        alone = [[ask() for ask in questions(store, crowd, number)] for number in range(threads)]
        start = threading.Barrier(threads)

        def work(number: int) -> list[object]:
            start.wait()
            return [ask() for ask in questions(store, crowd, number)]

        with ThreadPoolExecutor(threads) as executor:
            assert list(executor.map(work, range(threads))) == alone


def test_threads_that_meet_a_new_feature_set_wait_for_one_that_reads_it(store: Database, crowd: Crowd) -> None:
    """The side file is written by the first search: the others wait for it without a connection."""
    crowd.publish(store, "hall", 40)
    asked = Query(crowd.word(3), crowd.space)
    with ThreadPoolExecutor(16) as executor:
        found = list(executor.map(lambda _: [hit.region for hit in search(store, asked)], range(32)))
    assert found[0] and all(regions == found[0] for regions in found)


def test_a_thread_that_waits_too_long_is_told_why(store: Database) -> None:
    said = r"All 1 connections of this process .* were in use for 0.1 s"
    with (
        Database(store.path, store.conninfo, PoolLimits(1, patience=0.1)) as impatient,
        impatient.connect(),
        pytest.raises(DatabaseError, match=said),
    ):
        catalog.scenes(impatient)


def test_idle_connections_are_given_back_and_taken_again(store: Database) -> None:
    with Database(store.path, store.conninfo, PoolLimits(idle_seconds=0.2)) as idle:
        assert clients(store, idle) == 1
        deadline = time.monotonic() + 20
        while clients(store) and time.monotonic() < deadline:
            time.sleep(0.1)
        assert clients(store) == 0
        assert catalog.scenes(idle) == []


def clients(store: Database, used: Database | None = None) -> int:
    """Connections to the store's database besides the one that asks; `used` is made to take one first."""
    pools.give_back()
    if used is not None:
        catalog.scenes(used)
    with psycopg.connect(store.conninfo) as connection:
        query = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        row = connection.execute(query).fetchone()
    assert row is not None
    return int(row[0])


@pytest.fixture
def narrow(full: Database, embedded_server: Server) -> Iterator[str]:
    """The URL of a role that the server lets in three times at once."""
    with psycopg.connect(embedded_server.conninfo("postgres"), autocommit=True) as connection:
        connection.execute(f"CREATE ROLE narrow LOGIN CONNECTION LIMIT 3 IN ROLE {USER}")
        yield make_conninfo(full.conninfo, user="narrow")
        connection.execute("DROP ROLE narrow")


def test_two_hundred_stores_share_a_server_that_takes_three(full: Database, narrow: str) -> None:
    """Each asks in turn and stays open: its connection is given back when another one needs it."""
    stores = [Database(full.path, narrow) for _ in range(200)]
    assert [len(catalog.scenes(store)) for store in stores] == [2] * 200
    for store in stores:
        store.close()


def test_a_full_server_is_a_sentence(full: Database, narrow: str) -> None:
    impatient = PoolLimits(server_patience=0.2)
    with ExitStack() as stack:
        stores = [stack.enter_context(Database(full.path, narrow, impatient)) for _ in range(4)]
        for store in stores[:3]:
            stack.enter_context(store.connect())
        with pytest.raises(DatabaseError, match=r"is full \(too many connections.*\): close other programs"):
            catalog.scenes(stores[3])


def test_a_closed_store_says_so(store: Database) -> None:
    closed = Database(store.path, store.conninfo)
    closed.close()
    closed.close()
    for use in (lambda: catalog.scenes(closed), lambda: closed.autocommit().__enter__(), lambda: closed.conninfo):
        with pytest.raises(BadInput, match=r"is closed: open it again with ovstore.open"):
            use()


@pytest.mark.parametrize("carry", [pickle.dumps, copy.copy, copy.deepcopy])
def test_an_open_store_is_not_carried_to_another_process(store: Database, carry: Callable[[Database], object]) -> None:
    with pytest.raises(BadInput, match=r"cannot be pickled or copied: pass its path '.*' and open it there"):
        carry(store)


def test_a_child_process_has_connections_of_its_own(full: Database) -> None:
    assert len(catalog.scenes(full)) == 2
    with multiprocessing.get_context("fork").Pool(2, _remember, (full,)) as pool:
        assert pool.map(_count_scenes, range(8)) == [2] * 8
    assert len(catalog.scenes(full)) == 2


_inherited: list[Database] = []


def _remember(store: Database) -> None:
    _inherited.append(store)


def _count_scenes(_: int) -> int:
    return len(catalog.scenes(_inherited[-1]))


def test_a_store_that_another_thread_closed_starts_no_server(
    quick_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OVSTORE_DATABASE_URL", raising=False)
    with database.open(quick_folder / "closed", create=True) as store:
        store.close()
        with pytest.raises(BadInput, match="is closed"):
            store.engine.connect()  # as of one who found the store open a moment ago
    assert not (store.path / "postgres" / "data" / "postmaster.pid").exists()
