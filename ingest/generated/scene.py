"""A whole scene from a seed: its room, its objects, the walk through it."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from ...core.errors import BadInput
from ...core.scene import Camera
from . import render as rendering
from .camera_path import walk
from .catalogue import class_names
from .geometry import Geometry, PlacedObject, assemble, yaw_rotation
from .kinds import KINDS
from .programme import PROGRAMMES
from .render import Rendering
from .room import furnish

SCENE_TYPES = tuple(programme.scene_type for programme in PROGRAMMES)


@dataclass(frozen=True)
class SceneOptions:
    """What a scene is made with."""

    frames: int = 32  # pictures with a pose
    planted: tuple[str, ...] = ()  # things that the scene holds and that are looked at from near
    planted_scale: float = 1.0  # multiplies their size
    planted_views: int = 5  # frames that show each planted thing from near
    clutter: float = 1.0  # multiplies the number of small things
    without: tuple[str, ...] = ()  # small things that occur nowhere else in the scene
    scene_type: str | None = None  # one of SCENE_TYPES; None: any
    twins: tuple[str, ...] = ()  # kinds of which two stand side by side and touch, where there is room
    lookalikes: tuple[tuple[str, str], ...] = ()  # a kind, and the kind whose colour and size it has
    attempts: int = 12  # rooms tried until the planted things are seen well

    def __post_init__(self) -> None:
        named = (*self.planted, *self.twins, *(name for pair in self.lookalikes for name in pair))
        unknown = [name for name in named if name not in KINDS]
        if unknown:
            raise BadInput(f"No class named {unknown[0]!r}. Known rare things: {', '.join(class_names(rare=True))}.")
        if self.scene_type is not None and self.scene_type not in SCENE_TYPES:
            raise BadInput(f"No scene type {self.scene_type!r}. Known: {', '.join(SCENE_TYPES)}.")
        if self.attempts < 1:
            raise BadInput(f"A scene is tried at least once, not {self.attempts} times.")
        if self.frames < 1:
            raise BadInput(f"A scene of {self.frames} frames shows nothing; at least 1 frame is needed.")


@dataclass(frozen=True, eq=False)
class GeneratedScene:
    """A scene with its truth, in a world that is turned and shifted against the room, as a scanner's is."""

    seed: int
    scene_type: str
    objects: tuple[PlacedObject, ...]  # a row is its object_id
    geometry: Geometry
    camera_to_world: tuple[NDArray[np.float64], ...]  # (4, 4) each, OpenCV axes; of the colour and the depth camera
    room_to_world: NDArray[np.float64]  # (4, 4); its inverse is ScanNet's axisAlignment
    size: NDArray[np.float64] = field(default_factory=lambda: np.zeros(3))  # (3,) metres, the room's


def generate_scene(seed: int | Sequence[int], options: SceneOptions | None = None) -> GeneratedScene:
    """The scene of a seed (one number or several): the same on every call."""
    options = options or SceneOptions()
    best: tuple[int, GeneratedScene] | None = None
    for attempt in range(options.attempts):
        rng = np.random.default_rng([*np.atleast_1d(np.asarray(seed)).tolist(), attempt])
        clear, scene = _attempt(rng, seed, options)
        if best is None or clear > best[0]:
            best = clear, scene
        if clear >= min(3, options.planted_views, options.frames // max(1, len(options.planted))):
            break
    assert best is not None
    if missing := set(options.planted) - {placed.label for placed in best[1].objects}:
        raise BadInput(f"No room of seed {seed} has a place for {', '.join(sorted(missing))}. Plant fewer things.")
    return best[1]


def _attempt(rng: np.random.Generator, seed: int | Sequence[int], options: SceneOptions) -> tuple[int, GeneratedScene]:
    """A scene, and the number of views of its least seen planted thing (-1 when one has no place)."""
    room = furnish(
        rng, options.planted, options.clutter, options.scene_type, options.planted_scale, options.without,
        options.twins, options.lookalikes,
    )  # fmt: skip
    poses, clear = walk(
        rng, assemble(room.objects), room.objects, room.size, room.space, options.frames, options.planted_views
    )
    yaw = float(rng.uniform(-np.pi, np.pi))
    to_world = np.eye(4)
    to_world[:3, :3] = yaw_rotation(yaw)
    corners = np.array([(x, y, 0) for x in (-0.5, 0.5) for y in (-0.5, 0.5)]) * room.size
    to_world[:2, 3] = -(corners @ to_world[:3, :3].T).min(axis=0)[:2] + 0.1
    objects = tuple(
        replace(o, yaw=o.yaw + yaw, origin=to_world[:3, :3] @ o.origin + to_world[:3, 3]) for o in room.objects
    )
    first_seed = int(np.atleast_1d(np.asarray(seed))[0])
    views = tuple(to_world @ pose for pose in poses)
    missing = set(options.planted) - {placed.label for placed in objects}
    scene = GeneratedScene(first_seed, room.scene_type, objects, assemble(objects), views, to_world, room.size)
    return -1 if missing else clear, scene


def render(scene: GeneratedScene, camera: Camera, camera_to_world: NDArray[np.float64]) -> Rendering:
    """(rgb, depth, instance) of a scene without noise; an instance is a row of `scene.objects`."""
    return rendering.render(scene.geometry, camera, camera_to_world)


def scannet_cameras(
    color_size: tuple[int, int] = (480, 360), depth_size: tuple[int, int] = (320, 240)
) -> tuple[Camera, Camera]:
    """ScanNet's colour and depth camera, scaled to the sizes (width, height); their views differ a little, as there."""
    color = Camera(1296, 968, 1170.187988, 1170.187988, 647.75, 483.75).resized(*color_size)
    depth = Camera(640, 480, 571.623718, 571.623718, 319.5, 239.5).resized(*depth_size)
    return color, depth
