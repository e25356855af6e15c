"""Whether rows and files agree, and what to do where they do not. `ovstore doctor` prints this."""

import shlex
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, func, select

from ...core.files import remove, size_of
from ..catalog import crop_sets, jobs, leases
from ..catalog.catalog import FeatureSetInfo, SceneInfo, feature_sets, scenes
from ..files import places
from ..postgres import access, locks, schema
from ..postgres.database import Database
from ..search import index_rows, region_vectors
from .verify_contents import problem_of, subject_of
from .verify_trees import problem_of_tree, without_tree

_BEHIND = 0.25  # share of an index's rows that may have come since; searches score those one by one

VerifyProgress = Callable[[int, int], None]  # done, total


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong, and what mends it."""

    subject: str  # a scene, feature set, file, job or index
    problem: str
    remedy: str  # a command line, or what a person has to do
    scene_id: int | None = None  # of the scene whose scan has to be read again
    feature_set_id: int | None = None  # of the feature set that has to be made again


@dataclass(frozen=True)
class Cleaned:
    """What `clean` did."""

    files: tuple[str, ...]  # relative to the store
    bytes: int
    jobs: int


def check(store: Database, contents: bool = False, report: VerifyProgress | None = None) -> list[Finding]:
    """Missing and unnamed files, lost jobs, moved pictures, indexes left behind, feature sets without a tree of things.

    With `contents`, every file is also read and its digest compared; `report` is told how far that is.
    """
    held, sets = scenes(store), feature_sets(store)
    missing = [*_missing_of_scenes(store, held), *_missing_of_features(store, sets)]
    findings = [
        *_open_to_all(store),
        *missing,
        *_orphan_findings(store),
        *_lost_jobs(store),
        *_moved_pictures(store, held),
        *_indexes(store),
        *_missing_trees(store, sets),
    ]
    if contents:
        known = {finding.subject for finding in missing}
        both: list[SceneInfo | FeatureSetInfo] = [*held, *sets]
        items = [item for item in both if subject_of(item) not in known]
        for done, item in enumerate(items, start=1):
            problem = problem_of(store, item)
            if problem is not None:
                findings.append(_of_contents(item, problem))
            if report is not None:
                report(done, len(items))
        findings += [*_damaged_indexes(store), *_damaged_crops(store, sets), *_damaged_trees(store, sets)]
    return findings


def orphans(store: Database) -> list[Path]:
    """Files and folders that no row names and no running job needs; waits for those who are publishing."""
    with store.connect() as connection:
        locks.removing(connection)
        return _orphans(store, connection)


def clean(store: Database) -> Cleaned:
    """Remove what `orphans` finds and close lost jobs; whoever is publishing is waited for."""
    store.require_writable()
    with store.connect() as connection:
        locks.removing(connection)
        gone = _orphans(store, connection)
        freed = sum(size_of(path) for path in gone)
        for path in gone:
            remove(path)
    leases.sweep(store)
    lost = [job for job in jobs.running(store) if job.state == "stale"]
    for job in lost:
        jobs.fail(store, job.id, job.message or "lost")
    return Cleaned(tuple(_relative(store, path) for path in gone), freed, len(lost))


def _orphans(store: Database, connection: Connection) -> list[Path]:
    names = select(schema.datasets.c.name, schema.scenes.c.name, schema.scenes.c.points_file)
    held = connection.execute(names.join_from(schema.scenes, schema.datasets)).all()
    named = {store.entry(places.scene_folder(points_file)) for _, _, points_file in held}
    named |= {store.entry(file) for file in connection.execute(select(schema.feature_sets.c.features_file)).scalars()}
    named |= {store.entry(file) for file in leases.still_read(connection)}
    named |= {store.unpacked_entry(dataset, scene) for dataset, scene, _ in held}
    named |= {
        store.unpacked_entry(job.dataset, job.scene) for job in jobs.running_now(connection) if job.state == "running"
    }
    folders = [store.file(name) for name in (*places.PUBLISHED, places.UNPACKED)]
    found = {path for folder in folders if folder.is_dir() for path in folder.iterdir() if path not in named}
    for folder in map(store.file, places.DERIVED):  # what can be made again; scenes can be forgotten
        if folder.is_dir():
            found |= {path for path in folder.iterdir() if store.leads_out(path)}
    return sorted(found)


def _orphan_findings(store: Database) -> list[Finding]:
    return [
        Finding(_relative(store, path), _leftover(store, path), "ovstore doctor --clean") for path in orphans(store)
    ]


def _leftover(store: Database, path: Path) -> str:
    if store.leads_out(path):
        return "it is a link that leads out of the store, where nothing is read or written"
    return f"no scene or feature set refers to it ({size_of(path) / 1000000.0:,.1f} MB, left by an interrupted ingest)"


def _open_to_all(store: Database) -> list[Finding]:
    """Stores of older versions were made with the modes of the umask; who may only read cannot change them."""
    if store.scratch:
        return []
    who = access.described(store.path)
    problem = f"can be read by {who} (db access --shared GROUP restricts them to a group, --private to the owner)"
    return [Finding("the store's files", problem, "ovstore db access --private")] if who == access.EVERYBODY else []


def _relative(store: Database, path: Path) -> str:
    return str(path.relative_to(store.file(".")))


def _missing_of_scenes(store: Database, held: Iterable[SceneInfo]) -> list[Finding]:
    return [
        Finding(
            scene.full_name,
            absence,
            f"ingest it again from {scene.source}, or: ovstore forget {scene.full_name}",
            scene_id=scene.id,
        )
        for scene in held
        for file in (scene.points_file, scene.correspondences_file)
        if (absence := _absence(store, file))
    ]


def _missing_of_features(store: Database, sets: Iterable[FeatureSetInfo]) -> list[Finding]:
    return [
        Finding(
            subject_of(found),
            absence,
            f"ingest it again, or: ovstore forget {found.dataset}/{found.scene} --features {found.name}",
            scene_id=found.scene_id,
            feature_set_id=found.id,
        )
        for found in sets
        if (absence := _absence(store, found.features_file))
    ]


def _absence(store: Database, file: str) -> str | None:
    """What a finding says of a file that is not in the store."""
    if store.leads_out(file):
        return f"{file} is reached by a link that leads out of the store"
    return None if store.file(file).exists() else f"{file} is missing"


def _lost_jobs(store: Database) -> list[Finding]:
    return [
        Finding(
            f"job {job.id} ({job.dataset}/{job.scene})",
            f"is marked as running, but {job.worker} is gone",
            "ovstore doctor --clean",
        )
        for job in jobs.running(store)
        if job.state == "stale"
    ]


def _moved_pictures(store: Database, held: Iterable[SceneInfo]) -> list[Finding]:
    """Looks at the first picture of each scene: they move together."""
    frames = schema.frames
    with store.connect() as connection:
        query = select(frames.c.scene_id, frames.c.image_path).where(frames.c.ordinal == 0)
        first = {row.scene_id: row.image_path for row in connection.execute(query)}
    return [
        Finding(
            scene.full_name,
            f"its images are no longer where they were ({first[scene.id]}); searches work, but cannot show frames",
            "move them back, or ingest the scene again from where they are now with --again",
        )
        for scene in held
        if scene.id in first and not (store.path / first[scene.id]).exists()
    ]


def _indexes(store: Database) -> list[Finding]:
    regions, sets, spaces, table = schema.regions, schema.feature_sets, schema.embedding_spaces, schema.indexes
    later = (
        select(func.count())
        .select_from(regions)
        .where(
            regions.c.embedding_space_id == table.c.embedding_space_id,
            regions.c.level == table.c.level,
            regions.c.id > table.c.last_region_id,
            regions.c.feature_set_id.in_(select(sets.c.id).where(sets.c.state == "ready")),
        )
        .scalar_subquery()
    )
    query = select(table, spaces.c.name.label("space"), later.label("later")).join_from(table, spaces)
    with store.connect() as connection:
        rows = connection.execute(query.where(table.c.file.is_not(None))).all()
    findings = []
    for row in rows:
        subject = f"index {row.name} of {row.space}, level {row.level}"
        if store.leads_out(row.file):
            continue  # found among the links
        if not store.file(row.file).exists():
            findings.append(Finding(subject, f"{row.file} is missing", f"ovstore index build {row.name}"))
        elif row.later > _BEHIND * row.row_count:
            problem = f"{row.later:,} regions were added after its {row.row_count:,}; searches are correct, but slower"
            findings.append(Finding(subject, problem, f"ovstore index build {row.name}"))
    return findings


def _of_contents(item: SceneInfo | FeatureSetInfo, problem: str) -> Finding:
    subject, remedy = subject_of(item), "ingest the scene again with --again"
    if isinstance(item, SceneInfo):
        return Finding(subject, problem, remedy, scene_id=item.id)
    return Finding(subject, problem, remedy, scene_id=item.scene_id, feature_set_id=item.id)


def _missing_trees(store: Database, sets: Iterable[FeatureSetInfo]) -> list[Finding]:
    return [
        _of_tree(found, "it has no tree of things, as features of earlier versions: its hits are stored objects")
        for found in without_tree(store, sets)
    ]


def _damaged_trees(store: Database, sets: Iterable[FeatureSetInfo]) -> list[Finding]:
    return [
        _of_tree(found, f"its tree of things is damaged: {problem}")
        for found in sets
        if (problem := problem_of_tree(store, found))
    ]


def _of_tree(found: FeatureSetInfo, problem: str) -> Finding:
    """A tree is made again from vectors and points, and from 2D masks where there were any, which are not kept."""
    if "masks" not in found.recipe:
        return Finding(subject_of(found), problem, "ovstore doctor --repair")
    remedy = "ingest the scene again with --masks FOLDER --again"
    return Finding(subject_of(found), problem, remedy, scene_id=found.scene_id, feature_set_id=found.id)


def _damaged_crops(store: Database, sets: Iterable[FeatureSetInfo]) -> list[Finding]:
    """Feature sets whose objects have other vectors from crops than were published."""
    described = crop_sets.crop_sets(store)
    return [
        Finding(
            subject_of(found),
            problem,
            f"ovstore describe {shlex.quote(f'{found.dataset}/{found.scene}')} --features {shlex.quote(found.name)} "
            "--again",
        )
        for found in sets
        if found.id in described and (problem := crop_sets.problem_of(store, described[found.id], found.space))
    ]


def _damaged_indexes(store: Database) -> list[Finding]:
    """Side files and index files whose bytes are not those that were written."""
    names = {row.space_id: row.space for row in index_rows.built(store)}
    findings = [
        Finding(
            f"side file of the vectors of {names.get(space_id, f'space {space_id}')}, level {level}",
            "its bytes are not those that were written",
            "ovstore index build exact",
        )
        for space_id, level in region_vectors.damaged(store)
    ]
    for row in index_rows.built(store):
        if row.file is None or store.leads_out(row.file):
            continue
        if store.file(row.file).exists() and not index_rows.is_sound(store, row, whole=True):
            subject = f"index {row.name} of {row.space}, level {row.level}"
            findings.append(Finding(subject, f"{row.file} is damaged", f"ovstore index build {row.name}"))
    return findings
