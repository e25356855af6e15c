"""Objects asked for by name: with their fused vectors, with vectors from crops of images, and with the mean of both.

    python bench/crops.py STORE [--features NAME]       a store whose scans have labels, after `ovstore describe`

Every name that the scans give is asked for among the objects of all scenes. R@1 and R@3: more than half of the points
of the first hit, or of one of the first three, bear the label. AP50: every thing of the label is to be found by an
object whose points have an IoU of at least .5 with it. Names that the encoder does not know are left out, and counted.
"""

import argparse
from pathlib import Path

import numpy as np
import ovstore
from ovstore.core.errors import UnknownWords
from ovstore.core.features import Vectors
from ovstore.evaluation.things.measures import Overlap, SceneTruth, question_figures, scene_truth
from ovstore.query.question import target_of
from ovstore.store.catalog import catalog
from ovstore.store.postgres.database import Database
from ovstore.store.search import described, space_state
from ovstore.store.search.scoring import exact_scores

ASKED: tuple[Vectors, ...] = ("fused", "crops", "both")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("store", type=Path)
    parser.add_argument("--features")
    chosen = parser.parse_args()
    with ovstore.open(chosen.store) as store:
        print(*table(store, chosen.features), sep="\n")


def table(store: Database, features: str | None = None) -> list[str]:
    """The lines to print."""
    target = target_of(store, features)
    truths, objects = truths_and_objects(store, target.features)
    names = sorted({name for truth in truths.values() for name in truth.name})
    questions = {}
    for name in names:
        try:
            questions[name] = target.encoder.texts([name.replace("_", " ")])[0]
        except UnknownWords:
            continue
    lines = [
        f"{len(questions)} of {len(names)} names, {len(objects)} objects, {len(truths)} scenes, {target.space.name}",
        "vectors   R@1   R@3  AP25  AP50",
    ]
    with store.autocommit() as connection:
        state = space_state.of_space(connection, target.space)
    for vectors in ASKED:
        with described.holding(store, state, vectors) as held:
            rows = held.rows_of(np.array(sorted(objects), np.int64))
            ids, scored = held.ids[rows].tolist(), held.vectors[rows]
        figures = []
        for name, question in questions.items():
            order = np.argsort(-exact_scores(scored, question), kind="stable")
            hits = [objects[ids[row]] for row in order.tolist()]
            first = [Overlap.of(truths[scene], superpoints).is_right(name) for scene, superpoints in hits[:3]]
            found = question_figures(hits, truths, name)
            figures.append((first[0], any(first), *found.ap))
        lines.append(f"{vectors:7}" + "".join(f"{100 * share:6.1f}" for share in np.mean(figures, axis=0)))
    return lines


def truths_and_objects(
    store: Database, features: str
) -> tuple[dict[str, SceneTruth], dict[int, tuple[str, frozenset[int]]]]:
    """What stands in each scene, and the scene and superpoints of each object by its id."""
    truths, objects = {}, {}
    for scene in catalog.scenes(store):
        held = catalog.load_points(store, scene.id)
        points = held.points
        assert points.labels is not None and points.instances is not None, f"{scene.full_name} has no labelled things"
        found = catalog.find_feature_set(store, scene, features)
        number, of_point = np.unique(np.stack([points.labels, points.instances]), axis=1, return_inverse=True)
        named = np.array([label >= 0 and int(label) in points.label_names for label in number[0]])
        place = np.where(named, np.cumsum(named) - 1, -1)
        names = [points.label_names[int(label)] for label in number[0][named]]
        truths[scene.full_name] = scene_truth(held.superpoint, place[of_point.reshape(-1)], names)
        object_of = catalog.features_file(store, found).regions("object", held.superpoint)
        for region in catalog.regions(store, scene.id, "object"):
            if region.feature_set_id == found.id:
                superpoints = frozenset(np.unique(held.superpoint[object_of == region.ordinal]).tolist())
                objects[region.id] = (scene.full_name, superpoints)
    return truths, objects


if __name__ == "__main__":
    main()
