"""The tables of a nuScenes release of one generated scene, row by row as docs/schema_nuscenes.md has them."""

import hashlib
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from ...core.scene import Camera
from .geometry import PlacedObject, yaw_rotation

START = 1_531_883_530_449_377  # microseconds; scenes begin on days of their own, as the official reader demands
DAY = 86_400_000_000
CATEGORIES = (
    "noise", "animal", "human.pedestrian.adult", "human.pedestrian.child", "human.pedestrian.construction_worker",
    "human.pedestrian.personal_mobility", "human.pedestrian.police_officer", "human.pedestrian.stroller",
    "human.pedestrian.wheelchair", "movable_object.barrier", "movable_object.debris",
    "movable_object.pushable_pullable", "movable_object.trafficcone", "static_object.bicycle_rack", "vehicle.bicycle",
    "vehicle.bus.bendy", "vehicle.bus.rigid", "vehicle.car", "vehicle.construction", "vehicle.emergency.ambulance",
    "vehicle.emergency.police", "vehicle.motorcycle", "vehicle.trailer", "vehicle.truck", "flat.driveable_surface",
    "flat.other", "flat.sidewalk", "flat.terrain", "static.manmade", "static.other", "static.vegetation", "vehicle.ego",
)  # fmt: skip
_VISIBILITY = ("v0-40", "v40-60", "v60-80", "v80-100")

Row = dict[str, Any]


class Release:
    """Collects rows; what several scenes share has the same token in each."""

    def __init__(self, scene: str, version: str) -> None:
        self._scene, self._version = scene, version
        self._logfile = f"n000-{scene}"
        self.start = START + DAY * (int(self._token("day")[:8], 16) % 2000)
        self._sensors: list[Row] = []
        self._calibrated: dict[str, Row] = {}  # by channel
        self._cameras: dict[str, Camera | None] = {}
        self._samples: list[Row] = []
        self._poses: list[Row] = []
        self._data: dict[str, list[Row]] = {}  # by channel, in the order of time
        self._boxes: dict[int, list[Row]] = {}  # by object_id, in the order of time
        self._instances: dict[int, Row] = {}
        self._labels: dict[str, list[Row]] = {"lidarseg": [], "panoptic": []}
        self.map_path = f"maps/{self._token('map')}.png"

    def add_sensor(self, channel: str, to_ego: NDArray[np.float64], camera: Camera | None) -> None:
        """A camera, or the lidar."""
        modality = "camera" if camera else "lidar"
        sensor = {"token": _token(f"sensor {channel}"), "channel": channel, "modality": modality}
        self._sensors.append(sensor)
        self._cameras[channel] = camera
        self._calibrated[channel] = {
            "token": self._token(f"calibrated {channel}"),
            "sensor_token": sensor["token"],
            **_pose(to_ego),
            "camera_intrinsic": camera.matrix.tolist() if camera else [],
        }

    def add_sample(self, microseconds: int) -> None:
        """The next keyframe, so long after the scene's start."""
        token = self._token(f"sample {len(self._samples)}")
        self._samples.append(
            {"token": token, "timestamp": self.start + microseconds, "scene_token": self._token("scene")}
        )

    def add_data(self, channel: str, offset: int, ego_to_world: NDArray[np.float64]) -> tuple[str, str]:
        """A picture or sweep `offset` microseconds from the newest keyframe: its token, and its path below the root."""
        sample, camera = self._samples[-1], self._cameras[channel]
        time, keyframe = sample["timestamp"] + offset, camera is not None or offset == 0
        token = self._token(f"{channel} {time}")
        ending = "jpg" if camera else "pcd.bin"
        path = f"{'samples' if keyframe else 'sweeps'}/{channel}/{self._logfile}__{channel}__{time}.{ending}"
        self._poses.append({"token": token, "timestamp": time, **_pose(ego_to_world)})
        self._data.setdefault(channel, []).append(
            {
                "token": token,
                "sample_token": sample["token"],
                "ego_pose_token": token,
                "calibrated_sensor_token": self._calibrated[channel]["token"],
                "timestamp": time,
                "fileformat": "jpg" if camera else "pcd",
                "is_key_frame": keyframe,
                "height": camera.height if camera else 0,
                "width": camera.width if camera else 0,
                "filename": path,
            }
        )
        return token, path

    def add_labels(self, kind: str, token: str, ending: str) -> str:
        """A file of labels of the sweep `token`: its path below the root."""
        path = f"{kind}/{self._version}/{token}_{kind}.{ending}"
        self._labels[kind].append({"token": token, "sample_data_token": token, "filename": path})
        return path

    def add_box(self, placed: PlacedObject, category: int, points: int) -> int:
        """The box of an object in the newest keyframe; the number of its instance in the scene, from 1."""
        number, low, high = placed.object_id, *placed.thing.bounds
        instance = self._instances.setdefault(
            number, {"token": self._token(f"instance {number}"), "category_token": _token(CATEGORIES[category])}
        )
        turn = np.eye(4)
        turn[:3, :3], turn[:3, 3] = yaw_rotation(placed.yaw), placed.to_world(((low + high) / 2)[None])[0]
        length, width, height = np.maximum(high - low, 0.002) + 0.002  # surfaces lie inside
        self._boxes.setdefault(number, []).append(
            {
                "token": self._token(f"box {number} {len(self._samples)}"),
                "sample_token": self._samples[-1]["token"],
                "instance_token": instance["token"],
                "visibility_token": "4",
                "attribute_tokens": [],
                **_pose(turn),
                "size": [width, length, height],
                "num_lidar_pts": points,
                "num_radar_pts": 0,
            }
        )
        return list(self._instances).index(number) + 1

    def finished(self) -> dict[str, list[Row]]:
        """All tables by name."""
        scene, log = self._token("scene"), self._token("log")
        boxes = [row for rows in self._boxes.values() for row in _linked(rows)]
        for number, instance in self._instances.items():
            own = self._boxes[number]
            instance["nbr_annotations"] = len(own)
            instance["first_annotation_token"], instance["last_annotation_token"] = own[0]["token"], own[-1]["token"]
        return {
            "category": [
                {"token": _token(name), "name": name, "description": "", "index": index}
                for index, name in enumerate(CATEGORIES)
            ],
            "attribute": [{"token": _token("vehicle.parked"), "name": "vehicle.parked", "description": ""}],
            "visibility": [
                {"token": str(number), "level": level, "description": f"visibility of whole object, {level}"}
                for number, level in enumerate(_VISIBILITY, start=1)
            ],
            "instance": list(self._instances.values()),
            "sensor": self._sensors,
            "calibrated_sensor": list(self._calibrated.values()),
            "ego_pose": self._poses,
            "log": [
                {"token": log, "logfile": self._logfile, "vehicle": "n000", "date_captured": "2018-07-18",
                 "location": "a generated room"},
            ],
            "scene": [
                {"token": scene, "log_token": log, "nbr_samples": len(self._samples),
                 "first_sample_token": self._samples[0]["token"], "last_sample_token": self._samples[-1]["token"],
                 "name": self._scene, "description": "generated"},
            ],
            "sample": _linked(self._samples),
            "sample_data": [row for rows in self._data.values() for row in _linked(rows)],
            "sample_annotation": boxes,
            "map": [{"token": self._token("map"), "log_tokens": [log], "category": "semantic_prior",
                     "filename": self.map_path}],
            **self._labels,
        }  # fmt: skip

    def _token(self, words: str) -> str:
        return _token(f"{self._scene} {words}")


def _token(words: str) -> str:
    """32 hexadecimal digits."""
    return hashlib.sha256(words.encode()).hexdigest()[:32]


def _linked(rows: list[Row]) -> list[Row]:
    """Rows that know the one before and the one after them."""
    tokens = ["", *(row["token"] for row in rows), ""]
    return [{**row, "prev": tokens[k], "next": tokens[k + 2]} for k, row in enumerate(rows)]


def _pose(matrix: NDArray[np.float64]) -> Row:
    x, y, z, w = Rotation.from_matrix(matrix[:3, :3]).as_quat().tolist()
    return {"rotation": [w, x, y, z], "translation": matrix[:3, 3].tolist()}
