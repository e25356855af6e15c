"""Frames and the evidence in them, as clients get them: URLs in place of paths, cameras beside boxes."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ..core import tilde
from ..core.features import Evidence
from ..core.scene import Camera, Frame
from ..store.catalog import catalog
from ..store.catalog.catalog import SceneInfo
from ..store.postgres.database import Database
from . import urls
from .answers import CameraAnswer, FrameAnswer, ViewAnswer

_SHOWN = 8  # evidence frames of one answer at most


@dataclass(frozen=True)
class SceneFrames:
    """A scene with some of its frames by name."""

    scene: SceneInfo
    frames: dict[str, tuple[int, Frame]]  # name -> ordinal, frame

    @classmethod
    def showing(cls, store: Database, scene: SceneInfo, evidence: Iterable[Evidence]) -> "SceneFrames":
        """The frames that are evidence."""
        return cls(scene, catalog.frames_by_name(store, scene.id, (view.frame for view in evidence)))


def frame_answer(prefix: str, scene: SceneInfo, ordinal: int, frame: Frame) -> FrameAnswer:
    """A frame as lists have it."""
    return FrameAnswer(
        name=frame.name,
        ordinal=ordinal,
        camera=camera_answer(frame.camera),
        camera_to_world=frame.camera_to_world.ravel().tolist(),
        timestamp=frame.timestamp,
        image=urls.frame(prefix, scene, frame.name, "image"),
    )


def camera_answer(camera: Camera) -> CameraAnswer:
    """Its numbers."""
    return CameraAnswer(camera.width, camera.height, camera.fx, camera.fy, camera.cx, camera.cy)


def views(prefix: str, held: SceneFrames, evidence: Sequence[Evidence]) -> list[ViewAnswer]:
    """Evidence with cameras; frames that are gone since are left out."""
    return [
        ViewAnswer(
            frame=view.frame,
            ordinal=held.frames[view.frame][0],
            box_xyxy=list(view.box_xyxy),
            visible_points=view.visible_points,
            image=urls.frame(prefix, held.scene, view.frame, "image"),
            crop=urls.frame(prefix, held.scene, view.frame, "crop", box=boxed(view.box_xyxy)),
            camera=camera_answer(held.frames[view.frame][1].camera),
            camera_to_world=held.frames[view.frame][1].camera_to_world.ravel().tolist(),
        )
        for view in evidence[:_SHOWN]
        if view.frame in held.frames
    ]


def boxed(box_xyxy: Sequence[float]) -> str:
    """A box as URLs have it."""
    return ",".join(f"{value:g}" for value in box_xyxy)


def named(name: str) -> str:
    """A frame's name from a path."""
    return tilde.decode(name)
