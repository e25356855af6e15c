"""Ranked things become hits: where they lie, what they are called, and the images that show them."""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, Row, text

from ....core.features import Hit, RegionView
from ....core.things import ThingTree
from ..hit_contents import StoredContents
from ..hits import evidence, load_hits
from .ranking import Ranked
from .shape import shape_of, views_of

_SEEDS = text(
    """
    SELECT regions.id, regions.feature_set_id, regions.ordinal, regions.scene_id, points_file, features_file,
           datasets.name AS dataset, scenes.name AS scene
    FROM unnest(CAST(:sets AS bigint[]), CAST(:ordinals AS integer[])) AS asked(feature_set, ordinal)
    JOIN regions ON regions.feature_set_id = asked.feature_set AND regions.level = 'superpoint'
        AND regions.ordinal = asked.ordinal
    JOIN feature_sets ON feature_sets.id = regions.feature_set_id
    JOIN scenes ON scenes.id = regions.scene_id JOIN datasets ON datasets.id = dataset_id
    """
)
_FRAMES = text(
    """
    SELECT frames.scene_id, frames.ordinal, frames.name, image_path, camera
    FROM unnest(CAST(:scenes AS bigint[]), CAST(:ordinals AS integer[])) AS asked(scene, ordinal)
    JOIN frames ON frames.scene_id = asked.scene AND frames.ordinal = asked.ordinal
    """
)

_Frames = dict[tuple[int, int], Row[Any]]


def load_things(
    connection: Connection, store_path: Path, found: Sequence[Ranked], shown: Mapping[Ranked, Sequence[RegionView]] = {}
) -> list[tuple[Ranked, Hit]]:
    """Each with its hit and the parts of that; what was replaced a moment ago is left out.

    `shown` has the frames of those that are not to be shown by their own best ones.
    """
    every = list(_with_parts(found))
    seeds = _seeds(connection, [one for one in every if one.candidate.grown is not None])
    own = [one for one in seeds if one not in shown]
    views = {**shown, **dict(zip(own, views_of([_union(one) for one in own]), strict=True))}
    frames = _frames(connection, {(seeds[one].scene_id, view.frame) for one in seeds for view in views[one]})
    hits = {one: _hit(os.fspath(store_path), one, seeds[one], views[one], frames) for one in seeds}
    hits |= _objects(connection, store_path, [one for one in every if one.candidate.grown is None])
    return [(one, whole) for one in found if (whole := _whole(one, hits)) is not None]


def _with_parts(found: Sequence[Ranked]) -> Iterator[Ranked]:
    for one in found:
        yield one
        yield from one.parts


def _whole(one: Ranked, hits: dict[Ranked, Hit]) -> Hit | None:
    """The hit with its parts."""
    if one not in hits:
        return None
    parts = tuple(hits[part] for part in one.parts if part in hits)
    return replace(hits[one], parts=parts) if parts else hits[one]


def _union(one: Ranked) -> tuple[ThingTree, NDArray[np.integer]]:
    grown = one.candidate.grown
    assert grown is not None
    return grown.branches.tree, grown.leaves


def _seed(one: Ranked) -> tuple[int, int]:
    """Feature set and ordinal of the superpoint it grew from."""
    grown = one.candidate.grown
    assert grown is not None
    return one.candidate.feature_set, int(grown.branches.tree.superpoint[grown.seed])


def _seeds(connection: Connection, found: Sequence[Ranked]) -> dict[Ranked, Row[Any]]:
    """The rows of what they grew from, of those that are still there."""
    wanted = [_seed(one) for one in found]
    asked = {"sets": [number for number, _ in wanted], "ordinals": [ordinal for _, ordinal in wanted]}
    rows = {(row.feature_set_id, row.ordinal): row for row in connection.execute(_SEEDS, asked)}
    return {one: rows[key] for one, key in zip(found, wanted, strict=True) if key in rows}


def _frames(connection: Connection, wanted: set[tuple[int, int]]) -> _Frames:
    """By scene and position."""
    asked = {"scenes": [scene for scene, _ in wanted], "ordinals": [ordinal for _, ordinal in wanted]}
    return {(row.scene_id, row.ordinal): row for row in connection.execute(_FRAMES, asked)}


def _objects(connection: Connection, store_path: Path, found: Sequence[Ranked]) -> dict[Ranked, Hit]:
    """Stored objects that stand for things."""
    ids = np.array([one.candidate.region for one in found], np.int64)
    scores = np.array([one.score for one in found], np.float32)
    hits = load_hits(
        connection, store_path, ids, scores, [one.probability for one in found], [one.fit for one in found]
    )
    by_region = {hit.region: hit for hit in hits}
    return {one: by_region[region] for one, region in zip(found, ids.tolist(), strict=True) if region in by_region}


def _hit(folder: str, one: Ranked, seed: Row[Any], views: Sequence[RegionView], frames: _Frames) -> Hit:
    grown = one.candidate.grown
    assert grown is not None
    shape = shape_of(grown.branches.tree, grown.leaves)
    shown = [(view, frames[seed.scene_id, view.frame]) for view in views if (seed.scene_id, view.frame) in frames]
    return Hit(
        dataset=seed.dataset,
        scene=seed.scene,
        region=seed.id,
        level="thing",
        score=one.score,
        probability=one.probability,
        point_count=shape.point_count,
        centre=_three(shape.centre),
        box_min=_three(shape.box_min),
        box_max=_three(shape.box_max),
        oriented_box=shape.oriented_box,
        feature_set=seed.feature_set_id,
        ordinal=grown.node,
        evidence=tuple(
            evidence(
                folder,
                frame.name,
                frame.image_path,
                view.box_xyxy,
                view.visible_points,
                frame.ordinal,
                frame.camera,
            )
            for view, frame in shown
        ),
        fit=one.fit,
        superpoints=tuple(grown.branches.tree.superpoint[grown.leaves].tolist()),
        contents=StoredContents(Path(folder, seed.points_file), Path(folder, seed.features_file)),
    )


def _three(values: NDArray[np.float64]) -> tuple[float, float, float]:
    x, y, z = values.tolist()
    return x, y, z
