"""Where everything lies in the folder of a store, as paths relative to it.

    store.json                                  which store this is
    postgres/                                   the embedded database
    scenes/DATASET-SCENE-.../points.parquet     with points.faces.parquet and correspondences.parquet
    features/DATASET-SCENE-NAME-....parquet     one file per feature set
    indexes/regions-SPACE-LEVEL/                region vectors side by side; indexes/faiss-SPACE-LEVEL/ likewise
    indexes/web/DIGEST.WHAT.v1                  a scene as browsers draw it
    unpacked/DATASET-SCENE-.../                 what a scan's containers were unpacked into
    students/NAME/                              the training run of the student behind the feature sets NAME

Rows of the catalog name published files; only who publishes makes their names. The rest is found by what it is about.
"""

import re
from pathlib import Path, PurePosixPath

from ...core.files import scene_file_name, stable_name

SCENES, FEATURES, INDEXES, UNPACKED, STUDENTS = "scenes", "features", "indexes", "unpacked", "students"
DERIVED = (INDEXES, UNPACKED)  # what is made again where it is gone
PUBLISHED = (SCENES, FEATURES)
FILES = (SCENES, FEATURES, INDEXES, UNPACKED)  # every store has these
DATABASE = "postgres"
CLUSTER = f"{DATABASE}/data"  # of PostgreSQL

_REGIONS_FOLDER = re.compile(r"regions-(\d+)-([a-z]+)")


def new_scene(dataset: str, scene: str) -> str:
    """A folder of its own for another geometry of a scene."""
    return f"{SCENES}/{scene_file_name(dataset, scene)}"


def points_file(scene_folder: str) -> str:
    """The points of a geometry."""
    return f"{scene_folder}/points.parquet"


def correspondences_file(scene_folder: str) -> str:
    """What the frames of a geometry see."""
    return f"{scene_folder}/correspondences.parquet"


def scene_folder(points_file: str) -> str:
    """The folder of a geometry, by its points."""
    return str(PurePosixPath(points_file).parent)


def new_features(dataset: str, scene: str, name: str) -> str:
    """A file of its own for the vectors of a feature set."""
    return f"{FEATURES}/{scene_file_name(dataset, scene, name)}.parquet"


def unpacked(dataset: str, scene: str) -> str:
    """The folder for what one scene's containers are unpacked into; the same at each ingest."""
    return f"{UNPACKED}/{stable_name(dataset, scene)}"


def student(features: str) -> str:
    """The folder in which the student behind feature sets of that name is trained."""
    return str(Path(STUDENTS) / features)


def regions_index(space_id: int, level: str) -> str:
    """The folder of the region vectors of a space and level."""
    return f"{INDEXES}/regions-{int(space_id)}-{level}"


def regions_index_of(folder: Path) -> tuple[int, str] | None:
    """Space and level of a folder that has the name of a `regions_index`."""
    found = _REGIONS_FOLDER.fullmatch(folder.name)
    return None if found is None else (int(found[1]), found[2])


def faiss_index(space_id: int, level: str) -> str:
    """The folder of the FAISS index of a space and level."""
    return f"{INDEXES}/faiss-{int(space_id)}-{level}"


def display(content_digest: str, what: str, version: int) -> str:
    """A file that browsers draw a scene of that content from."""
    return f"{INDEXES}/web/{content_digest}.{what}.v{version}"
