"""Makes ovstore-bench-2: 216 small rooms in nine houses, with all that is true of them.

DIR/scene0000_00/ ...      posed RGB-D folders; the mesh brings labels, instances and spoiled segments
DIR/masks/scene0000_00/    2D masks of every frame, with the faults of a segmenter such as SAM
DIR/queries/               a picture of each needle, from a frame that is not of the scan
DIR/queries/queries.json   [{"picture", "box_xyxy", "label", "scene"}]: columns and rows, the ends not included
DIR/simulated/             on request: maps of a simulated encoder, see simulated.py
DIR/bench.json             the version, what each house holds and what it does not, digests
DIR/truth.json             all objects of all scenes
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ..benchmark.frozen import combined, differences, digests
from ..benchmark.scanning import HeldOut, held_out_picture, pixels, scale_for, scan, without_frame
from ..folder import BENCH2, TRUTH, made, room_for, whole_folder, write_json
from ..formats.rgbd import write_with
from ..recording import Recording
from ..render import instances
from ..scene import SceneOptions, generate_scene, scannet_cameras
from ..spoiled_masks import MaskFaults, spoiled_masks
from ..truth import truth_of
from .frozen import FROZEN, FROZEN_WITH
from .plan import HOUSES, POOL, SEED, UNTAUGHT, VERSION, Bench2Room, absent_kinds, bench2_plan
from .simulated import LEVELS, SimulatedEncoder, write_texts

FRAMES = 8  # of a scan; one more, of the needle, is held out
COLOR_SIZE, DEPTH_SIZE = (320, 240), (160, 120)
_VIEWS = 3  # frames that look at the needle; one is held out
_FEWEST_POINTS, _FEWEST_PIXELS = 30, 120  # of a needle, on the mesh and in the picture held out
_ATTEMPTS = 8


def generate_bench2(
    root: Path,
    workers: int = 1,
    force: bool = False,
    report: Callable[[dict[str, Any]], None] = lambda truth: None,
    simulated: bool = False,
) -> dict[str, Any]:
    """Make the set below `root`; what bench.json holds. `report` hears the truth of each scene as it is done."""
    rooms = bench2_plan()
    with room_for(root, BENCH2, [room.name for room in rooms], force):
        with whole_folder(root, "queries") as queries:
            with whole_folder(root, "masks") as masks, whole_folder(root, "simulated") as maps:
                if simulated:
                    write_texts(maps)
                task = partial(write_room, root, queries, masks, maps if simulated else None)
                truths = made(task, rooms, workers, report)
            write_json(queries / "queries.json", [truth["held_out"] for truth in truths])
        found = {truth["scene"]: truth["digests"] for truth in truths}
        bench = {
            "version": VERSION,
            "digest": combined(found),
            "differs": differences(found, FROZEN, VERSION, FROZEN_WITH),
            "pool": list(POOL),
            "untaught": list(UNTAUGHT),
            "houses": [_house(rooms, house) for house in range(HOUSES)],
            "digests": found,
        }
        write_json(root / "bench.json", bench)
        write_json(root / TRUTH, {"format": BENCH2, "seed": SEED, "scenes": truths})
        return bench


def _house(rooms: tuple[Bench2Room, ...], house: int) -> dict[str, Any]:
    own = [room for room in rooms if room.house == house]
    return {
        "scenes": [room.name for room in own],
        "held": {room.planted: room.name for room in own},
        "absent": list(absent_kinds(rooms, house)),
    }


def write_room(root: Path, queries: Path, masks: Path, maps: Path | None, room: Bench2Room) -> dict[str, Any]:
    """Make one room below `root`, its picture in `queries`, its 2D masks in `masks`. The truth about it."""
    recording, held_out, pose = bench2_room(room)
    with whole_folder(root, room.name) as folder:
        write_with(folder, recording, {"segment": recording.mesh.segment})
    name = f"{room.name}_{room.planted.replace(' ', '_')}"
    (queries / f"{name}.jpg").write_bytes(held_out.jpeg)
    scene, color = recording.scene, recording.color_camera
    shown = [instances(scene.geometry, color, pose) for pose in scene.camera_to_world]  # wherever the poses drifted to
    with whole_folder(masks, room.name) as folder:
        for number, instance in enumerate(shown):
            ids, _ = spoiled_masks(instance, MaskFaults(), np.random.default_rng([*room.seed, 3, number]))
            Image.fromarray(ids.astype(np.uint8)).save(folder / f"{number:06d}.png")
    if maps is not None:
        asked = instances(scene.geometry, color, pose)
        for level in LEVELS:
            encoder = SimulatedEncoder.of(scene, level, room.seed)
            for place in (maps / level / room.name, maps / level / "queries"):
                place.mkdir(parents=True, exist_ok=True)
            for number, instance in enumerate(shown):
                np.save(maps / level / room.name / f"{number:06d}.npy", encoder.frame(instance, number))
            np.save(maps / level / "queries" / f"{name}.npy", encoder.frame(asked, len(shown)))
    return truth_of(recording) | {
        "spacing": room.spacing,
        "held_out": {
            "picture": f"{name}.jpg", "box_xyxy": held_out.box_xyxy, "label": room.planted, "scene": room.name
        },
        "digests": digests(recording, held_out.jpeg),
    }  # fmt: skip


def bench2_room(room: Bench2Room) -> tuple[Recording, HeldOut, NDArray[np.float64]]:
    """The scan of a room, the picture of its needle that is held out of it, and from where that was taken.

    A needle that comes out too small is tried in another room, a quarter larger.
    """
    cameras = scannet_cameras(COLOR_SIZE, DEPTH_SIZE)
    scale = scale_for(room.planted, room.points, room.spacing)
    for attempt in range(_ATTEMPTS):
        options = SceneOptions(
            frames=FRAMES + 1,
            planted=(room.planted,),
            planted_scale=min(1.0, scale * 1.25**attempt),
            planted_views=_VIEWS,
            clutter=0.5,
            without=POOL,
            scene_type=room.scene_type,
            twins=room.twins,
            lookalikes=room.lookalikes,
            attempts=2,
        )
        scene = generate_scene((*room.seed, attempt), options)
        [needle] = [placed.object_id for placed in scene.objects if placed.planted]
        shown = pixels(scene, cameras[0], needle)
        number = int(np.argsort(-shown, kind="stable")[1])  # the second best view; the scan keeps the best
        if shown[number] < _FEWEST_PIXELS and attempt < _ATTEMPTS - 1:
            continue
        recording = scan(room.name, room.seed, without_frame(scene, number), cameras, room.spacing)
        if (recording.mesh.object_id == needle).sum() >= _FEWEST_POINTS:
            break
    pose = scene.camera_to_world[number]
    return recording, held_out_picture(room.seed, scene, cameras[0], number, needle), pose
