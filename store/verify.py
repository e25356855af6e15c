"""Whether rows and files agree, and what to do where they do not. `ovstore doctor` prints this."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, func, select

from . import jobs, locks, schema
from .catalog import FeatureSetInfo, SceneInfo, feature_sets, load_frames, scenes
from .database import Store
from .errors import OvstoreError
from .features import LEVELS
from .files import remove, size_of
from .readback import features_now, geometry_now
from .region_catalog import load_regions, load_scene_vectors

_BEHIND = 0.25  # share of an index's rows that may have come since; searches score those one by one

Report = Callable[[int, int], None]  # done, total


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong, and what mends it."""

    subject: str  # a scene, feature set, file, job or index
    problem: str
    remedy: str


@dataclass(frozen=True)
class Cleaned:
    """What `clean` did."""

    files: tuple[str, ...]  # relative to the store
    bytes: int
    jobs: int


def check(store: Store, contents: bool = False, report: Report | None = None) -> list[Finding]:
    """Missing and unnamed files, lost jobs, moved pictures, indexes left behind.

    With `contents`, every file is also read and its digest compared; `report` is told how far that is.
    """
    held, sets = scenes(store), feature_sets(store)
    missing = [*_missing_of_scenes(store, held), *_missing_of_features(store, sets)]
    findings = [*missing, *_orphan_findings(store), *_lost_jobs(store), *_moved_pictures(store, held), *_indexes(store)]
    if contents:
        findings += _changed_contents(store, held, sets, {finding.subject for finding in missing}, report)
    return findings


def orphans(store: Store) -> list[Path]:
    """Files and folders that no row names and no running job needs; waits for those who are publishing."""
    with store.connect() as connection:
        locks.removing(connection)
        return _orphans(store, connection)


def clean(store: Store) -> Cleaned:
    """Remove what `orphans` finds and close lost jobs; whoever is publishing is waited for."""
    with store.connect() as connection:
        locks.removing(connection)
        gone = _orphans(store, connection)
        freed = sum(size_of(path) for path in gone)
        for path in gone:
            remove(path)
    lost = [job for job in jobs.running(store) if job.state == "stale"]
    for job in lost:
        jobs.fail(store, job.id, job.message or "lost")
    return Cleaned(tuple(_relative(store, path) for path in gone), freed, len(lost))


def _orphans(store: Store, connection: Connection) -> list[Path]:
    names = select(schema.datasets.c.name, schema.scenes.c.name, schema.scenes.c.points_file)
    held = connection.execute(names.join_from(schema.scenes, schema.datasets)).all()
    named = {store.file(str(Path(points_file).parent)) for _, _, points_file in held}
    named |= {store.file(file) for file in connection.execute(select(schema.feature_sets.c.features_file)).scalars()}
    named |= {store.unpacked(dataset, scene) for dataset, scene, _ in held}
    named |= {store.unpacked(job.dataset, job.scene) for job in jobs.running_now(connection) if job.state == "running"}
    folders = [store.file(name) for name in ("scenes", "features", "unpacked")]
    return sorted(path for folder in folders if folder.is_dir() for path in folder.iterdir() if path not in named)


def _orphan_findings(store: Store) -> list[Finding]:
    return [
        Finding(
            _relative(store, path),
            f"no scene or feature set names it ({size_of(path) / 1e6:,.1f} MB, left by an ingest that did not end)",
            "ovstore doctor --clean",
        )
        for path in orphans(store)
    ]


def _relative(store: Store, path: Path) -> str:
    return str(path.relative_to(store.file(".")))


def _missing_of_scenes(store: Store, held: Iterable[SceneInfo]) -> list[Finding]:
    return [
        Finding(
            scene.full_name,
            f"{file} is missing",
            f"ingest it again from {scene.source}, or: ovstore forget {scene.full_name}",
        )
        for scene in held
        for file in (scene.points_file, scene.correspondences_file)
        if not store.file(file).exists()
    ]


def _missing_of_features(store: Store, sets: Iterable[FeatureSetInfo]) -> list[Finding]:
    return [
        Finding(
            _name(found),
            f"{found.features_file} is missing",
            f"ingest it again, or: ovstore forget {found.dataset}/{found.scene} --features {found.name}",
        )
        for found in sets
        if not store.file(found.features_file).exists()
    ]


def _lost_jobs(store: Store) -> list[Finding]:
    return [
        Finding(
            f"job {job.id} ({job.dataset}/{job.scene})",
            f"says it is running, but {job.worker} is gone",
            "ingest the scene again, or: ovstore doctor --clean",
        )
        for job in jobs.running(store)
        if job.state == "stale"
    ]


def _moved_pictures(store: Store, held: Iterable[SceneInfo]) -> list[Finding]:
    """Looks at the first picture of each scene: they move together."""
    frames = schema.frames
    with store.connect() as connection:
        query = select(frames.c.scene_id, frames.c.image_path).where(frames.c.ordinal == 0)
        first = {row.scene_id: row.image_path for row in connection.execute(query)}
    return [
        Finding(
            scene.full_name,
            f"its pictures are not where they were ({first[scene.id]}); searches work, pictures of hits do not",
            "move them back, or ingest the scene again from where they are now with --again",
        )
        for scene in held
        if scene.id in first and not (store.path / first[scene.id]).exists()
    ]


def _indexes(store: Store) -> list[Finding]:
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
        if not store.file(row.file).exists():
            findings.append(Finding(subject, f"{row.file} is missing", f"ovstore index build {row.name}"))
        elif row.later > _BEHIND * row.row_count:
            problem = f"{row.later:,} regions came after its {row.row_count:,}; searches are right, but slower"
            findings.append(Finding(subject, problem, f"ovstore index build {row.name}"))
    return findings


def _changed_contents(
    store: Store, held: list[SceneInfo], sets: list[FeatureSetInfo], known: set[str], report: Report | None
) -> list[Finding]:
    findings = []
    items = [(scene.full_name, scene) for scene in held] + [(_name(found), found) for found in sets]
    for done, (subject, item) in enumerate(items, start=1):
        if subject not in known:
            try:
                content = _geometry_now(store, item) if isinstance(item, SceneInfo) else _features_now(store, item)
                problem = "" if content == item.content_digest else "its content is not what was published"
            except OvstoreError as error:
                problem = str(error)
            if problem:
                findings.append(Finding(subject, problem, "ingest the scene again with --again"))
        if report is not None:
            report(done, len(items))
    return findings


def _geometry_now(store: Store, scene: SceneInfo) -> str:
    files = store.file(scene.points_file), store.file(scene.correspondences_file)
    return geometry_now(*files, load_frames(store, scene.id), scene.up_axis)


def _features_now(store: Store, found: FeatureSetInfo) -> str:
    regions = [load_regions(store, found.id, found.space, level) for level in LEVELS]
    return features_now(store.file(found.features_file), regions, load_scene_vectors(store, found.id, found.space))


def _name(found: FeatureSetInfo) -> str:
    return f"{found.dataset}/{found.scene} features {found.name}"
