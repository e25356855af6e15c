"""Every index is held to exact; what holds for one holds for all."""

import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from crowd import Crowd, unit
from limits import full_disk
from ovstore.core import block_digests, plugins
from ovstore.core.errors import BadInput
from ovstore.store.postgres import database
from ovstore.store.postgres.copy_out import read_regions
from ovstore.store.postgres.database import Database
from ovstore.store.search import index_choice, index_rows, recall, region_file, region_vectors, scoring
from sqlalchemy import text

LEVEL = "object"
every_index = pytest.mark.parametrize("name", plugins.names("store.search.indexes"))


@pytest.fixture(scope="module")
def crowd() -> Crowd:
    return Crowd()


@pytest.fixture(scope="module")
def full(shared_store: Database, crowd: Crowd) -> Database:
    """Two scenes of 80 objects, shared by the tests that change nothing but indexes."""
    for number in range(2):
        crowd.publish(shared_store, f"room_{number}", objects=80)
    return shared_store


def search(store, name, vector, count=10, region_ids=None):
    return plugins.load("store.search.indexes", name).search(store, 1, LEVEL, vector, count, region_ids)


def build(store, name):
    return plugins.load("store.search.indexes", name).build(store, 1, LEVEL)


def all_ids(store):
    with store.connect() as connection:
        return np.array(
            connection.execute(text("SELECT id FROM regions WHERE level = 'object' ORDER BY id")).scalars().all()
        )


@every_index
def test_an_index_finds_what_it_says_it_finds_and_scores_it_as_exact_does(
    full: Database, crowd: Crowd, name: str
) -> None:
    assert build(full, name) == 160
    stated = recall.measure(full, name, 1, LEVEL, crowd.words())
    assert stated.worst >= 0.9 and stated.mean >= 0.99 and stated.queries > 200
    truth = dict(zip(*search(full, "exact", crowd.word(3), 160), strict=True))
    ids, scores = search(full, name, crowd.word(3), 25)
    assert [truth[number] for number in ids] == list(scores)
    assert list(np.lexsort((ids, -scores))) == list(range(25))


@every_index
def test_an_index_returns_as_many_as_there_are(full: Database, crowd: Crowd, name: str) -> None:
    build(full, name)
    ids, _ = search(full, name, crowd.word(0), 1000)
    assert sorted(ids) == list(all_ids(full))


@every_index
def test_a_filter_never_costs_a_row(full: Database, crowd: Crowd, name: str) -> None:
    build(full, name)
    allowed = all_ids(full)[::23]
    ids, scores = search(full, name, crowd.word(1), 5, allowed)
    true_ids, true_scores = search(full, "exact", crowd.word(1), 160)
    kept = np.isin(true_ids, allowed)
    assert list(ids) == list(true_ids[kept][:5]) and list(scores) == list(true_scores[kept][:5])
    nobody, _ = search(full, name, crowd.word(1), 5, np.array([10**9]))
    assert len(nobody) == 0


@every_index
def test_results_are_the_same_after_drop_and_rebuild(full: Database, crowd: Crowd, name: str) -> None:
    plugin = plugins.load("store.search.indexes", name)
    build(full, name)
    before = [search(full, name, crowd.word(thing)) for thing in range(10)]
    plugin.drop(full, 1, LEVEL)
    plugin.drop(full, 1, LEVEL)
    assert index_rows.find(full, name, 1, LEVEL) is None
    build(full, name)
    after = [search(full, name, crowd.word(thing)) for thing in range(10)]
    for (ids, scores), (new_ids, new_scores) in zip(before, after, strict=True):
        assert list(ids) == list(new_ids) and list(scores) == list(new_scores)


@every_index
def test_an_index_follows_what_is_published_and_replaced(store: Database, crowd: Crowd, name: str) -> None:
    for scene, objects in (("old", 20), ("kept", 30)):
        crowd.publish(store, scene, objects)
    build(store, name)
    feature_set = crowd.publish(store, "new", objects=40)
    index_choice.on_publish(store, feature_set)
    with store.connect() as connection:
        own = "SELECT id, embedding::real[] FROM regions WHERE feature_set_id = :set AND level = 'object' ORDER BY id"
        region, vector = connection.execute(text(own), {"set": feature_set}).first()
    _forget_feature_set(store, 1)
    ids, scores = search(store, name, np.array(vector, np.float32), 3)
    assert ids[0] == region and scores[0] == 1
    ids, _ = search(store, name, crowd.word(0), 1000)
    assert sorted(ids) == list(all_ids(store)) and len(ids) == 70


@every_index
def test_a_region_finds_itself_first(full: Database, name: str) -> None:
    build(full, name)
    table = region_vectors.current(full, 1, LEVEL)
    for row in range(0, len(table), 7):
        ids, scores = search(full, name, table.vectors[row].astype(np.float32), 1)
        assert ids[0] == table.ids[row] and scores[0] == 1


@every_index
def test_equal_regions_come_in_the_order_of_their_ids(store: Database, name: str) -> None:
    crowd = Crowd(things=1, noise=0)
    crowd.publish(store, "room", objects=30)
    build(store, name)
    ids, scores = search(store, name, crowd.word(0), 30)
    assert list(ids) == list(all_ids(store)) and len(set(scores)) == 1


@every_index
def test_an_empty_space_has_no_answers(full: Database, crowd: Crowd, name: str) -> None:
    plugin = plugins.load("store.search.indexes", name)
    assert plugin.build(full, 99, LEVEL) == 0
    ids, scores = plugin.search(full, 99, LEVEL, crowd.word(0), 10)
    assert len(ids) == len(scores) == 0


def test_the_graph_is_used_with_space_and_level_as_literals(full: Database, crowd: Crowd) -> None:
    build(full, "pgvector_hnsw")
    statement = plugins.load("store.search.indexes", "pgvector_hnsw").statement(1, LEVEL, crowd.word(0), 5)
    with full.connect() as connection:
        connection.execute(text("SET LOCAL enable_sort = off"))
        plan = "\n".join(connection.exec_driver_sql(f"EXPLAIN {statement}").scalars())
    assert "Index Scan using regions_hnsw_1_object" in plan


def test_the_faiss_file_may_vanish(full: Database, crowd: Crowd) -> None:
    build(full, "faiss")
    full.file(index_rows.find(full, "faiss", 1, LEVEL).file).unlink()
    assert list(search(full, "faiss", crowd.word(2))[0]) == list(search(full, "exact", crowd.word(2))[0])


def flip(path: Path, at: int, bit: int = 0) -> None:
    """Flip a bit of the byte at position `at`."""
    content = bytearray(path.read_bytes())
    content[at] ^= 1 << bit
    path.write_bytes(content)


def test_a_damaged_faiss_file_is_noticed_and_searched_around(full: Database, crowd: Crowd, caplog) -> None:
    wanted = list(search(full, "exact", crowd.word(2))[0])
    for share in (0.0, 0.3, 0.6, 0.99):
        build(full, "faiss")
        path = full.file(index_rows.find(full, "faiss", 1, LEVEL).file)
        flip(path, int(share * path.stat().st_size), 5)
        caplog.clear()
        assert list(search(full, "faiss", crowd.word(2))[0]) == wanted
        assert "is damaged, searching without it: ovstore index build faiss" in caplog.text
    build(full, "faiss")
    path = full.file(index_rows.find(full, "faiss", 1, LEVEL).file)
    with full.connect() as connection:  # as an ovstore wrote it that took no digests
        connection.execute(text("UPDATE indexes SET options = options - 'digests' WHERE name = 'faiss'"))
    path.write_bytes(b"IwFl, but nothing more")
    assert list(search(full, "faiss", crowd.word(2))[0]) == wanted
    build(full, "faiss")


def test_a_graph_over_no_more_regions_than_candidates_answers_exactly(store: Database) -> None:
    crowd = Crowd(things=257, noise=2.0)
    crowd.publish(store, "room", objects=257)
    build(store, "pgvector_hnsw")
    for number in range(0, 257, 16):
        found = [list(column) for column in search(store, "pgvector_hnsw", crowd.word(number), 100)]
        assert found == [list(column) for column in search(store, "exact", crowd.word(number), 100)]


def test_many_may_build_and_drop_the_graph_at_once(full: Database) -> None:
    plugin = plugins.load("store.search.indexes", "pgvector_hnsw")

    def work(number: int) -> int:
        for _ in range(3):
            plugin.build(full, 1, LEVEL)
            if number % 3 == 0:
                plugin.drop(full, 1, LEVEL)
        return plugin.build(full, 1, LEVEL)

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(work, range(4))) == [160] * 4


def test_a_small_set_is_searched_exactly_and_a_large_one_by_faiss_once_it_is_built(full: Database) -> None:
    plugins.load("store.search.indexes", "faiss").drop(full, 1, LEVEL)
    assert index_choice.default(full, 1, LEVEL, 1000) == "exact"
    assert index_choice.default(full, 1, LEVEL, 10**6) == "exact"
    build(full, "faiss")
    assert index_choice.default(full, 1, LEVEL, 1000) == "exact"
    assert index_choice.default(full, 1, LEVEL, 10**6) == "faiss"


def test_what_was_measured_is_kept_with_the_index(full: Database, crowd: Crowd) -> None:
    build(full, "faiss")
    found = recall.measure(full, "faiss", 1, LEVEL, crowd.words())
    index_rows.record_recall(full, "faiss", 1, LEVEL, found)
    assert index_rows.find(full, "faiss", 1, LEVEL).recall == {
        "mean": found.mean, "worst": found.worst, "queries": found.queries, "count": 10,
    }  # fmt: skip


def test_the_compiled_scan_is_the_plain_one() -> None:
    pytest.importorskip("numba")
    random = np.random.default_rng(0)
    vectors = random.normal(size=(3000, 48)).astype(np.float16)
    vectors[:3] = [[0], [6e-8], [-65504]]
    query = random.normal(size=48).astype(np.float32)
    plain = vectors.astype(np.float64) @ query.astype(np.float64)
    for scan in (scoring.scan_numpy, scoring.scan_compiled):
        assert np.allclose(scan(vectors, query), plain, rtol=1e-5, atol=1e-4 * 48)
    assert np.allclose(scoring.scan_numpy(vectors[3:], query), scoring.scan_compiled(vectors[3:], query), atol=1e-5)


def test_scores_are_cosines_whatever_the_lengths() -> None:
    vectors = np.array([[3, 4], [0, 0], [-0.6, -0.8]], np.float16)
    assert np.allclose(scoring.exact_scores(vectors, np.array([6, 8], np.float32)), [1, 0, -1], atol=1e-3)


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    with region_file.locked(tmp_path):
        yield tmp_path


def part(key: int, rows: int, dim: int = 4):
    ids = np.arange(rows, dtype=np.int64) + 100 * key
    return (key, 7), ids, np.full((rows, dim), key, np.float16)


def test_an_append_that_did_not_finish_is_written_over(folder: Path) -> None:
    manifest = region_file.append(folder, region_file.next_generation(folder, 4), [part(1, 3)])
    with open(folder / "1.ids", "ab") as ids, open(folder / "1.vectors", "ab") as vectors:
        ids.write(b"x" * 21)
        vectors.write(b"x" * 5)
    manifest = region_file.read_manifest(folder, 4)
    grown = region_file.append(folder, manifest, [part(2, 2)])
    ids, vectors = region_file.mapped(folder, region_file.read_manifest(folder, 4))
    assert list(ids) == [100, 101, 102, 200, 201] and grown.spans == {(1, 7): (0, 3), (2, 7): (3, 5)}
    assert vectors[:, 0].tolist() == [1, 1, 1, 2, 2]


@pytest.mark.parametrize("room", [0, 20, 30, 200])
def test_a_full_disk_is_one_sentence_and_leaves_the_rows_that_were_there(folder: Path, room: int) -> None:
    held = region_file.append(folder, region_file.next_generation(folder, 4), [part(1, 3)])
    with full_disk(room), pytest.raises(BadInput, match=r"cannot be written: File too large\."):
        region_file.append(folder, held, [part(2, 30)])
    assert region_file.read_manifest(folder, 4) == held and region_file.is_whole(folder)


def test_a_damaged_side_file_counts_as_none(folder: Path) -> None:
    region_file.append(folder, region_file.next_generation(folder, 4), [part(1, 3)])
    assert region_file.read_manifest(folder, 5) is None
    (folder / "1.vectors").write_bytes(b"short")
    assert region_file.read_manifest(folder, 4) is None
    (folder / "manifest.json").write_text("{")
    assert region_file.read_manifest(folder, 4) is None


def test_a_side_file_of_an_ovstore_that_took_no_digests_counts_as_none_but_not_as_damaged(folder: Path) -> None:
    region_file.append(folder, region_file.next_generation(folder, 4), [part(1, 3)])
    manifest = folder / "manifest.json"
    manifest.write_text('{"dim": 4, "generation": 1, "spans": [[1, 7, 0, 3]]}')
    assert region_file.read_manifest(folder, 4) is None and region_file.is_whole(folder)
    manifest.write_text('{"dim": 4, "generation": 1, "spans": [[1, 7, 0, 3, ["00000000"], ["00000000"]]]}')
    assert not region_file.is_whole(folder)


@pytest.mark.parametrize("name", ["1.vectors", "1.ids", "manifest.json"])
@pytest.mark.parametrize("kind", ["pipe", "link"])
def test_a_pipe_or_link_in_place_of_a_side_file_counts_as_none_and_is_written_over(
    folder: Path, tmp_path: Path, name: str, kind: str
) -> None:
    region_file.append(folder, region_file.next_generation(folder, 4), [part(1, 3)])
    outside = tmp_path / "outside"
    outside.write_bytes((folder / name).read_bytes())
    before = outside.read_bytes()
    for planted in (folder / name, folder / "2.vectors", folder / "2.ids"):
        planted.unlink(missing_ok=True)
        os.mkfifo(planted) if kind == "pipe" else planted.symlink_to(outside)
    assert region_file.read_manifest(folder, 4) is None and not region_file.is_whole(folder)
    wanted = part(2, 2)
    for _ in range(2):
        region_file.append(folder, region_file.next_generation(folder, 4), [wanted])
        ids, vectors = region_file.mapped(folder, region_file.read_manifest(folder, 4))
        assert ids.tolist() == wanted[1].tolist() and np.array_equal(vectors, wanted[2])
    assert outside.read_bytes() == before


def test_a_flipped_bit_of_the_side_file_is_noticed_and_written_anew_from_the_database(
    store: Database, crowd: Crowd, caplog
) -> None:
    crowd.publish(store, "room", objects=30)
    wanted = [list(column) for column in search(store, "exact", crowd.word(1), 30)]
    folder = store.file(f"indexes/regions-1-{LEVEL}")
    random = np.random.default_rng(0)
    for _ in range(40):
        files = sorted(path for path in folder.iterdir() if path.name != "lock")
        path = files[random.integers(len(files))]
        flip(path, int(random.integers(path.stat().st_size)), int(random.integers(8)))
        assert region_vectors.damaged(store) == [(1, LEVEL)], path
        with database.open() as anew:
            assert [list(column) for column in search(anew, "exact", crowd.word(1), 30)] == wanted
        assert region_vectors.damaged(store) == []
    assert "is damaged: its contents are read from the database again" in caplog.text


def test_damage_is_not_copied_when_rows_are_left_behind(store: Database, crowd: Crowd, monkeypatch) -> None:
    for name, objects in (("a", 8), ("b", 8)):
        crowd.publish(store, name, objects)
    region_vectors.current(store, 1, LEVEL)
    flip(next(store.file(f"indexes/regions-1-{LEVEL}").glob("*.vectors")), 7)
    _forget_feature_set(store, 2)
    crowd.publish(store, "c", objects=1)  # what is new is appended, and what is gone left behind
    with store.connect() as connection:
        wanted = read_regions(connection, 1, LEVEL, crowd.word(0).shape[0])[1]
    monkeypatch.setattr(block_digests, "SAMPLE_BYTES", 0)  # the sample misses it
    with database.open() as anew:
        np.testing.assert_array_equal(region_vectors.current(anew, 1, LEVEL).vectors[:8], wanted)
    assert region_vectors.damaged(store) == []


def test_a_long_file_is_sampled_when_it_is_opened_and_read_whole_when_it_is_examined(tmp_path: Path) -> None:
    sizes = {"block_bytes": 1 << 10, "sample_bytes": 8 << 10}
    path = tmp_path / "file"
    path.write_bytes(np.random.default_rng(0).bytes((64 << 10) + 3))
    digests = block_digests.of_file(path, 1 << 10)
    flip(path, 40_000)
    parts = [(block_digests.mapped(path), digests)]
    assert not block_digests.hold(parts, whole=True, **sizes)
    noticed = sum(not block_digests.hold(parts, whole=False, **sizes) for _ in range(400))
    assert 20 < noticed < 90  # 8 of 65 blocks: 49 are expected
    path.write_bytes(b"")
    assert not block_digests.hold([(block_digests.mapped(path), digests)], whole=False, **sizes)


def test_rows_of_what_is_gone_are_left_behind_once_they_are_many(store: Database, crowd: Crowd) -> None:
    for name, objects in (("a", 8), ("b", 2), ("c", 8)):
        crowd.publish(store, name, objects)
    first = region_vectors.current(store, 1, LEVEL)
    _forget_feature_set(store, 2)
    second = region_vectors.current(store, 1, LEVEL)
    crowd.publish(store, "d", objects=1)
    third = region_vectors.current(store, 1, LEVEL)
    assert [len(table.ids) for table in (first, second, third)] == [18, 18, 19]
    assert [len(table) for table in (first, second, third)] == [18, 16, 17]
    _forget_feature_set(store, 3)
    crowd.publish(store, "e", objects=1)
    fourth = region_vectors.current(store, 1, LEVEL)
    assert len(fourth.ids) == len(fourth) == 10
    assert sorted(fourth.ids) == list(all_ids(store))
    assert np.isfinite(first.vectors.sum())  # what was mapped stays readable


def _forget_feature_set(store: Database, number: int) -> None:
    with store.connect() as connection:
        connection.execute(text("DELETE FROM feature_sets WHERE id = :id"), {"id": number})


def test_processes_may_follow_the_store_at_once(store: Database, crowd: Crowd) -> None:
    for scene in "abc":
        crowd.publish(store, scene, objects=20)
    program = (
        "import sys; from ovstore.store.postgres import database; from ovstore.store.search import region_vectors\n"
        "with database.open(sys.argv[1], database_url=sys.argv[2]) as store:\n"
        "    print(sorted(region_vectors.current(store, 1, 'object').ids.tolist()))"
    )
    command = [sys.executable, "-c", program, str(store.path), store.conninfo]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    assert {process.communicate()[0].strip() for process in processes} == {str(all_ids(store).tolist())}
    assert len(region_vectors.current(store, 1, LEVEL).ids) == 60


@pytest.mark.parametrize("share", [0.01, 0.5])
def test_a_scan_of_few_rows_and_of_many_agree(share: float) -> None:
    random = np.random.default_rng(3)
    vectors = unit(random.normal(size=(2000, 16))).astype(np.float16)
    query = unit(random.normal(size=16))
    ids = random.permutation(2000).astype(np.int64)
    rows = np.flatnonzero(random.random(2000) < share)
    found, scores = scoring.best_rows(vectors, ids, query, 7, rows)
    exact = scoring.exact_scores(vectors[rows], query)
    order = scoring.ranked(ids[rows], exact, 7)
    assert list(found) == list(ids[rows][order]) and list(scores) == list(exact[order])
