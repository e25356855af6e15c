"""Run by a Python that has nuscenes-devkit: what the official reader makes of a release, as JSON on stdout.

    python nuscenes_referee.py ROOT VERSION

For each picture of a keyframe its camera in the global frame, and the pixels of the keyframe's lidar points there; for
each sample the sweeps before it moved to the global frame, and its lidarseg names. numpy is all that it needs besides.
"""

import json
import sys

import numpy as np
from nuscenes.nuscenes import NuScenes
from nuscenes.utils.data_classes import LidarPointCloud
from nuscenes.utils.data_io import load_bin_file
from nuscenes.utils.geometry_utils import transform_matrix
from pyquaternion import Quaternion

MIN_DEPTH = 0.2  # metres


def _to_world(release: NuScenes, data: dict) -> np.ndarray:
    ego = release.get("ego_pose", data["ego_pose_token"])
    sensor = release.get("calibrated_sensor", data["calibrated_sensor_token"])
    parts = [transform_matrix(row["translation"], Quaternion(row["rotation"])) for row in (ego, sensor)]
    return parts[0] @ parts[1]


def main(root: str, version: str) -> None:
    release = NuScenes(version, root, verbose=False)
    found = []
    for sample in release.sample:
        lidar = sample["data"]["LIDAR_TOP"]
        data = release.get("sample_data", lidar)
        pictures = {}
        for channel, token in sample["data"].items():
            if channel == "LIDAR_TOP":
                continue
            uv, depth, _ = release.explorer.map_pointcloud_to_image(lidar, token, min_dist=MIN_DEPTH)
            pictures[channel] = {
                "camera_to_world": _to_world(release, release.get("sample_data", token)).tolist(),
                "intrinsic": np.array(release.get_sample_data(token)[2]).tolist(),
                "uv": uv[:2].T.tolist(),
                "depth": depth.tolist(),
            }
        several, _ = LidarPointCloud.from_file_multisweep(
            release, sample, "LIDAR_TOP", "LIDAR_TOP", nsweeps=3, min_distance=1.0
        )
        to_world = _to_world(release, data)
        categories = load_bin_file(f"{root}/{release.get('lidarseg', lidar)['filename']}")
        found.append(
            {
                "scene": release.get("scene", sample["scene_token"])["name"],
                "pictures": pictures,
                "sweeps": (several.points[:3].T @ to_world[:3, :3].T + to_world[:3, 3]).tolist(),
                "names": [release.lidarseg_idx2name_mapping[index] for index in categories.tolist()],
            }
        )
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main(*sys.argv[1:])
