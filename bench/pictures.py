"""What a search finds in generated rooms when it is asked with a picture of a thing.

    python bench/pictures.py STORE        a store of `ovstore ingest scannet` over `ovstore generate scannet`

Each thing of which some frame shows enough is asked for by a box around it in the frame that shows most of it. The
least answers for a larger thing are those for words, those for examples, and others between and beyond.
"""

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import ovstore
from numpy.typing import NDArray
from ovstore.core.features import Query
from ovstore.core.thing_options import ThingOptions
from ovstore.evaluation.things.measures import BUILDING, Overlap, SceneTruth, scene_truth
from ovstore.ingest.files.images import read_depth
from ovstore.ingest.fusion.visibility import VisibilityOptions, correspond
from ovstore.query.encode import Encoder
from ovstore.query.question import target_of
from ovstore.store.catalog.handles import SceneHandle
from ovstore.store.search import search as store_search

EVERY = 3  # of the frames
LEAST_POINTS, LEAST_PIXELS = 150, 12  # of a thing in the frame that is asked with
LEFT = (1.0, 0.8, 0.6, 0.4)  # of the way from the least answers for words to 1; 1: those for words


@dataclass(frozen=True)
class Asked:
    """A picture of one thing."""

    scene: str
    thing: int
    name: str
    vector: NDArray[np.float32]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("store")
    parser.add_argument("--features")
    chosen = parser.parse_args()
    with ovstore.open(chosen.store) as store:
        target = target_of(store, chosen.features)
        truths: dict[str, SceneTruth] = {}
        asked: list[Asked] = []
        for scene in store.scenes():
            truths[scene.full_name], things = truth_of(scene, chosen.features)
            asked += pictures(scene, things, truths[scene.full_name], target.encoder)
        for left in LEFT:
            options = stricter(target.encoder.thing_options, left)
            for half in (0, 1):
                found = []
                for one in asked[half::2]:
                    query = Query(one.vector, target.space, top=1, feature_set=target.features, thing_options=options)
                    hit = store_search.find(store, query).hits[0]
                    scene_name = f"{hit.dataset}/{hit.scene}"
                    found.append((one, scene_name, Overlap.of(truths[scene_name], hit.superpoints)))
                print(f"{left:.1f} of the way, half {half + 1}: {figures(found)}", flush=True)


def truth_of(scene: SceneHandle, features: str | None) -> tuple[SceneTruth, NDArray[np.int64]]:
    """What stands in the scene, and the thing of each point (N,), -1 for none."""
    cloud = scene.points()
    assert cloud.labels is not None and cloud.instances is not None
    names = {}
    for instance in np.unique(cloud.instances).tolist():
        label = cloud.labels[cloud.instances == instance][0]
        if instance >= 0 and label >= 0:
            names[instance] = cloud.label_names[label]
    place = {instance: number for number, instance in enumerate(names)}
    things = np.array([place.get(instance, -1) for instance in cloud.instances.tolist()])
    owner = scene.features(features).region_of_points("superpoint")
    return scene_truth(owner, things, list(names.values())), things


def pictures(scene: SceneHandle, things: NDArray[np.int64], truth: SceneTruth, encoder: Encoder) -> Iterator[Asked]:
    """One picture of each thing that some frame shows well."""
    xyz, best = scene.points().xyz, {}
    for position, frame in list(enumerate(scene.frames))[::EVERY]:
        depth = None if frame.depth_path is None else read_depth(frame.depth_path, frame.depth_scale)
        seen = correspond(xyz, frame, position, depth, VisibilityOptions())
        for thing in set(things[seen.point_index].tolist()) - {-1}:
            uv = seen.uv[things[seen.point_index] == thing]
            low, high = np.clip(np.percentile(uv, (1, 99), axis=0), 0, (frame.camera.width, frame.camera.height))
            if len(uv) > best.get(thing, (LEAST_POINTS,))[0] and (high - low).min() > LEAST_PIXELS:
                best[thing] = (len(uv), frame.image_path, (*low.tolist(), *high.tolist()))
    for thing, (_, path, box) in best.items():
        if truth.name[thing] not in BUILDING:
            yield Asked(scene.full_name, thing, truth.name[thing], encoder.picture(path, box))


def stricter(options: ThingOptions, left: float) -> ThingOptions:
    """Every least answer moved towards 1, as `ThingOptions.for_examples` does."""
    parent, sibling, grow = (1 - left * (1 - each) for each in (options.parent, options.sibling, options.grow))
    return replace(options, parent=parent, sibling=sibling, grow=grow)


def figures(found: Sequence[tuple[Asked, str, Overlap]]) -> str:
    """Of first hits: right, the very thing, how they fit, and whether they hold two things."""
    right = [hit.is_right(one.name) for one, _, hit in found]
    fits = [hit.best_iou(one.name) for (one, _, hit), good in zip(found, right, strict=True) if good]
    own = [hit.iou[one.thing] for one, scene, hit in found if scene == one.scene and hit.iou[one.thing] > 0.1]
    return (
        f"{len(found)} pictures, right kind {np.mean(right):.1%}, the very thing {len(own) / len(found):.1%} with "
        f"mean IoU {np.mean(own):.3f}, IoU >= .5 of right ones {np.mean(np.array(fits) >= 0.5):.1%}, "
        f"merged {np.mean([hit.is_merged for _, _, hit in found]):.1%}"
    )


if __name__ == "__main__":
    main()
