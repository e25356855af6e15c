"""The frozen benchmark of retrieval: 60 rooms with rare things of 30 points and more, seen and cut imperfectly.

    DIR/scene0000_00/ ...    posed RGB-D folders; the mesh brings labels, instances and spoiled segments
    DIR/queries/             pictures of the planted things in frames that are not of the scans, and of absent ones
    DIR/queries/queries.json [{"picture", "box_xyxy", "label", "scene"}]: columns and rows, the ends not included
    DIR/absent.txt           names of the things that stand nowhere
    DIR/bench.json           the version, which labels stand where, which are absent, digests
    DIR/truth.json           all objects of all scenes

It is written as posed RGB-D and not as a ScanNet release, for there objects are made of segments: wrong segments would
make a wrong truth.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from ..folder import BENCH, TRUTH, made, room_for, whole_folder, write_json
from ..formats.rgbd import write_with
from ..recording import Recording
from ..scene import SceneOptions, generate_scene, scannet_cameras
from ..truth import truth_of
from .frozen import combined, differences, digests
from .plan import ABSENT, PLANTED, SCENES, SEED, VERSION, BenchScene, bench_plan
from .scanning import HeldOut, held_out_picture, pixels, scale_for, scan, without_frame

FRAMES = 14  # of a scan; one more, of the planted thing, is held out
_COLOR_SIZE, _DEPTH_SIZE = (320, 240), (240, 180)
_FEWEST_POINTS, _FEWEST_PIXELS = 30, 120  # of a planted thing, on the mesh and in the picture held out
_ATTEMPTS = 8
_WITHOUT = (*PLANTED, *ABSENT)  # what rooms are not furnished with by chance


def generate_bench(
    root: Path, workers: int = 1, force: bool = False, report: Callable[[dict[str, Any]], None] = lambda truth: None
) -> dict[str, Any]:
    """Make the set below `root`; what bench.json holds. `report` hears the truth of each scene as it is done."""
    plans = bench_plan()
    with room_for(root, BENCH, [p.name for p in plans], force):
        with whole_folder(root, "queries") as queries:
            truths = made(partial(write_scene, root, queries), plans, workers, report)
            held_out = [truth["held_out"] for truth in truths if truth["held_out"]]
            write_json(queries / "queries.json", [*held_out, *(_write_absent(queries, label) for label in ABSENT)])
        (root / "absent.txt").write_text("".join(f"{label}\n" for label in ABSENT), encoding="ascii", newline="\n")
        where = {label: [t["scene"] for t in truths if label in t["planted"]] for label in PLANTED}
        found = {truth["scene"]: truth["digests"] for truth in truths}
        bench = {
            "version": VERSION,
            "digest": combined(found),
            "differs": differences(found),
            "planted": where,
            "absent": list(ABSENT),
            "digests": found,
        }
        write_json(root / "bench.json", bench)
        write_json(root / TRUTH, {"format": BENCH, "seed": SEED, "planted": where, "scenes": truths})
        return bench


def write_scene(root: Path, queries: Path, planned: BenchScene) -> dict[str, Any]:
    """Make one scene below `root` and its picture in `queries`. The truth about it."""
    recording, held_out = bench_scene(planned)
    with whole_folder(root, planned.name) as folder:
        write_with(folder, recording, {"segment": recording.mesh.segment})
    truth = truth_of(recording) | {
        "spacing": planned.spacing,
        "segments_iou": segments_iou(recording),
        "held_out": None,
    }
    if planned.planted is not None and held_out is not None:
        truth["held_out"] = _write_query(queries, held_out, planned.planted, planned.name)
    return truth | {"digests": digests(recording, held_out.jpeg if held_out else b"")}


def bench_scene(planned: BenchScene) -> tuple[Recording, HeldOut | None]:
    """The scan of a scene, and the picture that is held out of it.

    A planted thing that comes out too small is tried in another room, a fifth larger.
    """
    cameras = scannet_cameras(_COLOR_SIZE, _DEPTH_SIZE)
    scale = scale_for(planned.planted, planned.points, planned.spacing) if planned.planted else 1.0
    for attempt in range(_ATTEMPTS):
        options = SceneOptions(
            frames=FRAMES + len(planned.labels),
            planted=planned.labels,
            planted_scale=scale * 1.2**attempt,
            planted_views=planned.views + 1,
            without=_WITHOUT,
            scene_type=planned.scene_type,
        )
        scene = generate_scene((*planned.seed, attempt), options)
        if planned.planted is None:
            return scan(planned.name, planned.seed, scene, cameras, planned.spacing), None
        [thing] = [placed.object_id for placed in scene.objects if placed.planted]
        shown = pixels(scene, cameras[0], thing)
        number = int(np.argsort(-shown, kind="stable")[1])  # the second best view; the scan keeps the best
        recording = scan(planned.name, planned.seed, without_frame(scene, number), cameras, planned.spacing)
        if (recording.mesh.object_id == thing).sum() >= _FEWEST_POINTS and shown[number] >= _FEWEST_PIXELS:
            break
    return recording, held_out_picture(planned.seed, scene, cameras[0], number, thing)


def _write_query(queries: Path, held_out: HeldOut, label: str, scene: str) -> dict[str, Any]:
    """A picture to ask with, and its line of queries.json."""
    name = f"{scene}_{label.replace(' ', '_')}.jpg"
    (queries / name).write_bytes(held_out.jpeg)
    return {"picture": name, "box_xyxy": held_out.box_xyxy, "label": label, "scene": scene}


def _write_absent(queries: Path, label: str) -> dict[str, Any]:
    """The same of a thing that stands in no scene, taken in a room that is not of the set."""
    seed = SEED, SCENES + ABSENT.index(label)
    scene = generate_scene(seed, SceneOptions(frames=1, planted=(label,), planted_views=1))
    [thing, *_] = [placed.object_id for placed in scene.objects if placed.planted]
    color = scannet_cameras(_COLOR_SIZE, _DEPTH_SIZE)[0]
    return _write_query(queries, held_out_picture(seed, scene, color, 0, thing), label, "elsewhere")


def segments_iou(recording: Recording) -> dict[str, float]:
    """Of each planted thing, the IoU with the segments that are mostly its own: what segments allow to be found."""
    mesh, result = recording.mesh, {}
    for placed in recording.scene.objects:
        if placed.planted:
            own = mesh.object_id == placed.object_id
            share = np.bincount(mesh.segment, own) / np.bincount(mesh.segment)
            chosen = (share > 0.5)[mesh.segment]
            result[placed.label] = round(float((own & chosen).sum() / (own | chosen).sum()), 4)
    return result
