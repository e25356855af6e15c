"""Vectors that were computed elsewhere become a feature set of a scene: regions, search and SQL as for all others."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core.digests import ContentDigest, recipe_digest
from ..core.errors import BadInput
from ..core.features import EmbeddingSpace
from ..core.names import require_name
from ..core.wording import counted, first_line
from ..ingest import geometry, recipe
from ..ingest.imported_features import ImportedFeatures, point_features
from ..ingest.publish_features import publish_with_regions
from ..ingest.regions.objects import ObjectOptions
from ..ingest.regions.pool import PoolOptions
from ..ingest.report import Report, quiet
from ..store.catalog import catalog, jobs
from ..store.catalog.handles import FeatureSetHandle, Rows, SceneHandle, scene_handle, whole_rows
from ..store.postgres.database import Database

_ROWS_AT_ONCE = 1 << 15


def add_features(
    store: Database,
    scene: str | SceneHandle,
    name: str,
    vectors: NDArray[Any],
    space: EmbeddingSpace | str,
    *,
    rows: Rows | None = None,
    encoder_options: dict[str, Any] | None = None,
    again: bool = False,
    report: Report = quiet,
) -> FeatureSetHandle:
    """Publish vectors of a scene's points as its feature set `name`.

    Points are in the scan's own order, or in that of the handle. `vectors` is (N, C), a row of nan for a point without
    a vector; or (M, C) with `rows`, the M points that have one, as numbers or as a mask. Vectors are brought to unit
    length. `space` is an encoder's name ("openclip", with its `encoder_options`), or an embedding space that features
    of the store are in; its encoder turns questions into vectors. Equal vectors that are there already are left alone;
    others of that name are replaced with `again` only.
    """
    store.require_writable()
    held = scene_handle(store, scene) if isinstance(scene, str) else scene_handle(store, scene.full_name, scene.order)
    require_name(name)
    encoding, space = _encoding(store, space, encoder_options)
    imported = _imported(held, vectors, rows, space)
    objects, pool = ObjectOptions(), PoolOptions()
    made = recipe.added(held.info.geometry, encoding, _digest(imported), objects, pool)
    info = held.info
    if not again and _is_there(held, name, made):
        return held.features(name)
    started = jobs.start(store, info.dataset, info.name, made)
    with jobs.failed_by_errors(store, started):
        if not again and _is_there(held, name, made):  # another worker, for whom `start` waited, may have added some
            jobs.finish(store, started, "there already")
            return held.features(name)
        whole = geometry.published(store, info)
        features = point_features(imported, whole.stored, whole.correspondences, space, unit_length=True)
        told = jobs.telling(store, started, report)
        published = publish_with_regions(store, whole, name, made, "imported", features, objects, pool, told)
    jobs.finish(store, started, counted(published.region_count, "region"))
    return held.features(name)


def _is_there(held: SceneHandle, name: str, made: dict[str, Any]) -> bool:
    """Whether the scene has these very features; BadInput where it has others of that name."""
    info = held.info
    if catalog.ready_feature_set(held.store, info.dataset, info.name, name, made) is not None:
        return True
    digest = recipe_digest(made)
    if any(other.name == name and recipe_digest(other.recipe) != digest for other in held.feature_sets):
        raise BadInput(
            f"{held.full_name} has other features named {name!r}: choose another name, or replace them with again=True."
        )
    return False


def _encoding(
    store: Database, space: EmbeddingSpace | str, encoder_options: dict[str, Any] | None
) -> tuple[dict[str, Any], EmbeddingSpace]:
    """What a recipe says of the encoder that turns questions into vectors of the space, and the space."""
    if isinstance(space, str):
        return recipe.encoding_by_name(space, encoder_options or {})
    if encoder_options is not None:
        raise BadInput("encoder_options belong to an encoder: name it as the space, such as 'openclip'.")
    for kind in catalog.feature_kinds(store):
        if kind.space.key == space.key:
            return recipe.encoding_of(kind.recipe, kind.space), kind.space
    raise BadInput(
        f"No features in the store are in the space {space.name!r}, so no encoder is known that turns words into "
        "its vectors: give an encoder's name as the space, such as 'openclip'."
    )


def _imported(held: SceneHandle, vectors: Any, rows: Rows | None, space: EmbeddingSpace) -> ImportedFeatures:
    """The vectors as the scan's features; BadInput for shapes, spaces and numbers that cannot be."""
    count = len(held)
    try:
        given = np.asarray(vectors)
    except ValueError as error:
        raise BadInput(f"The vectors are no array: {first_line(error)}.") from error
    if given.ndim != 2 or given.dtype.kind != "f":
        raise BadInput(
            f"The vectors are {given.dtype} of shape {given.shape}; floats of shape (points, {space.dim}) were "
            "expected."
        )
    if given.shape[1] != space.dim:
        raise BadInput(f"The vectors have {given.shape[1]} numbers, those of {space.name!r} have {space.dim}.")
    if rows is None:
        if len(given) != count:
            raise BadInput(
                f"{len(given):,} vectors were given, {held.full_name} has {count:,} points: one row per point was "
                "expected, nan for points without a vector, or `rows` that say which points these are."
            )
        points = place = np.flatnonzero(~np.isnan(given).all(axis=1))
    else:
        points = whole_rows(rows, count)
        if len(given) not in (len(points), count):
            raise BadInput(f"{len(given):,} vectors were given for {counted(len(points), 'point')} of `rows`.")
        if len(np.unique(points)) != len(points):
            raise BadInput("`rows` names a point twice: a point has one vector.")
        place = np.arange(len(points)) if len(given) == len(points) else points
    of_scan = held.rows_of_scan(points)
    covered = np.zeros(count, np.bool_)
    covered[of_scan] = True
    return ImportedFeatures(covered, _unit_halves(given, place[np.argsort(of_scan)]))


def _unit_halves(vectors: NDArray[np.floating], rows: NDArray[np.integer]) -> NDArray[np.float16]:
    """(M, C) those rows at unit length; halves stay as they are, for what publishes them to bring to unit length."""
    if not len(rows):
        raise BadInput("No point has a vector: all rows are nan.")
    made = np.empty((len(rows), vectors.shape[1]), np.float16)
    for start in range(0, len(rows), _ROWS_AT_ONCE):
        some = vectors[rows[start : start + _ROWS_AT_ONCE]]
        broken = ~np.isfinite(some).all(axis=1)
        if broken.any():
            row = rows[start + int(np.flatnonzero(broken)[0])]
            raise BadInput(f"Row {row} of the vectors has numbers that are not finite: only a whole row may be nan.")
        if vectors.dtype == np.float16:
            made[start : start + len(some)] = some
            lengths = np.linalg.norm(some.astype(np.float32), axis=1)
        else:
            wide = some.astype(np.promote_types(some.dtype, np.float64))
            exponents = np.frexp(np.abs(wide).max(axis=1))[1]  # squares of the numbers as they are may leave the range
            wide = np.ldexp(wide, -exponents[:, None])
            lengths = np.linalg.norm(wide, axis=1)
            made[start : start + len(some)] = wide / np.where(lengths == 0, 1, lengths)[:, None]
        if (lengths == 0).any():
            row = rows[start + int(np.flatnonzero(lengths == 0)[0])]
            raise BadInput(f"Row {row} of the vectors is zero, which is no direction: nan says that a point has none.")
    return made


def _digest(imported: ImportedFeatures) -> str:
    digest = ContentDigest()
    digest.array("covered", imported.covered)
    digest.array("vectors", imported.vectors)
    return digest.hexdigest()
