"""Whether the files and rows of one scene or feature set hold what was published; every byte is read."""

from contextlib import suppress

from sqlalchemy.exc import IntegrityError

from ...core.errors import DatabaseError, OvstoreError
from ...core.features import LEVELS
from ..catalog import file_digests
from ..catalog.catalog import FeatureSetInfo, SceneInfo, load_frames
from ..catalog.readback import features_now, geometry_now
from ..catalog.regions import load_regions, load_scene_vectors
from ..postgres.database import Database


def problem_of(store: Database, item: SceneInfo | FeatureSetInfo) -> str | None:
    """What is wrong, in a sentence; None when all is as it was published.

    What is found is remembered: SQL over files refuses damaged ones, and ingest does not take them for up to date.
    """
    names = _files(store, item)
    with store.connect() as connection:
        damage = file_digests.examine(connection, store, names)
    problem = next((f"{name} is damaged: {said}" for name, said in damage.items()), None) or _wrong_content(store, item)
    # A store that may only be read is still examined, and so is one where the scene is replaced at this moment.
    with suppress(DatabaseError, IntegrityError, OSError), store.connect() as connection:
        if not file_digests.are_noted(connection, names):  # of an ovstore that took no digests
            owner = {"scene_id": item.id} if isinstance(item, SceneInfo) else {"feature_set_id": item.id}
            file_digests.note(connection, store, names, **owner)
            damage = dict.fromkeys(names, problem) if problem else {}
        file_digests.mark(connection, {name: damage.get(name) for name in names})
    return problem


def subject_of(item: SceneInfo | FeatureSetInfo) -> str:
    """What findings call it."""
    return item.full_name if isinstance(item, SceneInfo) else f"{item.dataset}/{item.scene} features {item.name}"


def _files(store: Database, item: SceneInfo | FeatureSetInfo) -> list[str]:
    if isinstance(item, SceneInfo):
        return file_digests.of_scene(store, item.points_file, item.correspondences_file)
    return [item.features_file]


def _wrong_content(store: Database, item: SceneInfo | FeatureSetInfo) -> str | None:
    try:
        content = _geometry_now(store, item) if isinstance(item, SceneInfo) else _features_now(store, item)
    except OvstoreError as error:
        return str(error)
    return None if content == item.content_digest else "its content is not what was published"


def _geometry_now(store: Database, scene: SceneInfo) -> str:
    files = store.file(scene.points_file), store.file(scene.correspondences_file)
    return geometry_now(*files, load_frames(store, scene.id), scene.up_axis)


def _features_now(store: Database, found: FeatureSetInfo) -> str:
    regions = [load_regions(store, found.id, found.space, level) for level in LEVELS]
    return features_now(store.file(found.features_file), regions, load_scene_vectors(store, found.id, found.space))
