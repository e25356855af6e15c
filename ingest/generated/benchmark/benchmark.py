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
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from ..catalogue import make
from ..folder import BENCH, TRUTH, made, room_for, whole_folder, write_json
from ..formats.rgbd import write_with
from ..recording import RecordedFrame, Recording, record
from ..scene import GeneratedScene, SceneOptions, generate_scene, render, scannet_cameras
from ..sensor import Sensor, photograph
from ..spoiled_segments import Faults, spoiled
from ..truth import truth_of
from .frozen import combined, differences, digests
from .plan import ABSENT, PLANTED, SCENES, SEED, VERSION, BenchScene, bench_plan

FRAMES = 14  # of a scan; one more, of the planted thing, is held out
_COLOR_SIZE, _DEPTH_SIZE = (320, 240), (240, 180)
_SENSOR = Sensor(noise=1.5, jpeg_quality=85)
_DRIFT = 0.008, 0.4  # metres and degrees, standard deviations of a frame's pose along and about each axis
_FEWEST_POINTS, _FEWEST_PIXELS = 30, 120  # of a planted thing, on the mesh and in the picture held out
_SEEN = 3.5  # points of a thing, times the squared spacing and by the area of its surface
_ATTEMPTS = 8
_WITHOUT = (*PLANTED, *ABSENT)  # what rooms are not furnished with by chance


@dataclass(frozen=True)
class _HeldOut:
    """A picture of a thing that is not of a scan."""

    jpeg: bytes
    box_xyxy: tuple[int, int, int, int]  # pixels, the ends not included


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


def bench_scene(planned: BenchScene) -> tuple[Recording, _HeldOut | None]:
    """The scan of a scene, and the picture that is held out of it.

    A planted thing that comes out too small is tried in another room, a fifth larger.
    """
    for attempt in range(_ATTEMPTS):
        options = SceneOptions(
            frames=FRAMES + len(planned.labels),
            planted=planned.labels,
            planted_scale=_scale(planned) * 1.2**attempt,
            planted_views=planned.views + 1,
            without=_WITHOUT,
            scene_type=planned.scene_type,
        )
        scene = generate_scene((*planned.seed, attempt), options)
        if planned.planted is None:
            return _scan(planned, scene), None
        [thing] = [placed.object_id for placed in scene.objects if placed.planted]
        pixels = _pixels(scene, thing)
        number = int(np.argsort(-pixels, kind="stable")[1])  # the second best view; the scan keeps the best
        recording = _scan(planned, _without_frame(scene, number))
        if (recording.mesh.object_id == thing).sum() >= _FEWEST_POINTS and pixels[number] >= _FEWEST_PIXELS:
            break
    return recording, _held_out(planned.seed, scene, number, thing)


def _write_query(queries: Path, held_out: _HeldOut, label: str, scene: str) -> dict[str, Any]:
    """A picture to ask with, and its line of queries.json."""
    name = f"{scene}_{label.replace(' ', '_')}.jpg"
    (queries / name).write_bytes(held_out.jpeg)
    return {"picture": name, "box_xyxy": held_out.box_xyxy, "label": label, "scene": scene}


def _write_absent(queries: Path, label: str) -> dict[str, Any]:
    """The same of a thing that stands in no scene, taken in a room that is not of the set."""
    seed = SEED, SCENES + ABSENT.index(label)
    scene = generate_scene(seed, SceneOptions(frames=1, planted=(label,), planted_views=1))
    [thing, *_] = [placed.object_id for placed in scene.objects if placed.planted]
    return _write_query(queries, _held_out(seed, scene, 0, thing), label, "elsewhere")


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


def _scale(planned: BenchScene) -> float:
    """By how much a planted thing is made smaller, to have about the points that are planned; never larger."""
    if planned.planted is None:
        return 1.0
    area = 0.0
    for part in make(planned.planted, np.random.default_rng(0)).parts:
        a, b, c = (part.mesh.vertices[part.mesh.faces[:, corner]] for corner in range(3))
        area += float(np.linalg.norm(np.cross(b - a, c - a), axis=1).sum() / 2)
    return min(1.0, float(np.sqrt(planned.points * planned.spacing**2 / (_SEEN * area))))


def _cameras() -> tuple[Any, Any]:
    return scannet_cameras(_COLOR_SIZE, _DEPTH_SIZE)


def _pixels(scene: GeneratedScene, object_id: int) -> NDArray[np.int64]:
    """(frames,) pixels of the colour picture that show an object."""
    color = _cameras()[0]
    return np.array([(render(scene, color, pose).instance == object_id).sum() for pose in scene.camera_to_world])


def _without_frame(scene: GeneratedScene, number: int) -> GeneratedScene:
    poses = scene.camera_to_world
    return replace(scene, camera_to_world=(*poses[:number], *poses[number + 1 :]))


def _scan(planned: BenchScene, scene: GeneratedScene) -> Recording:
    """What the scanner hands over: poses drift, segments are wrong."""
    rng = np.random.default_rng([*planned.seed, 1])
    recording = record(planned.name, scene, _cameras(), _SENSOR, planned.spacing, 0, rng)
    mesh = recording.mesh
    segment = spoiled(mesh.xyz, mesh.object_id, mesh.segment, planned.spacing, Faults(), rng)
    frames = tuple(_drifted(frame, rng) for frame in recording.frames)
    return replace(recording, frames=frames, mesh=replace(mesh, segment=segment))


def _drifted(frame: RecordedFrame, rng: np.random.Generator) -> RecordedFrame:
    """A frame whose pose was tracked a little wrong."""
    shift = np.eye(4)
    shift[:3, 3] = _DRIFT[0] * rng.standard_normal(3)
    shift[:3, :3] = Rotation.from_rotvec(_DRIFT[1] * rng.standard_normal(3), degrees=True).as_matrix()
    return replace(frame, camera_to_world=frame.camera_to_world @ shift)


def _held_out(seed: tuple[int, int], scene: GeneratedScene, number: int, object_id: int) -> _HeldOut:
    picture = render(scene, _cameras()[0], scene.camera_to_world[number])
    rows, columns = np.nonzero(picture.instance == object_id)
    box = (int(columns.min()), int(rows.min()), int(columns.max()) + 1, int(rows.max()) + 1)
    return _HeldOut(photograph(picture.rgb, _SENSOR, np.random.default_rng([*seed, 2])), box)
