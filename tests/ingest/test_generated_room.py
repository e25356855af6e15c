"""Generated rooms: nothing floats, nothing enters another, and the pictures agree with the truth."""

import numpy as np
import pytest
from generated_room import SPACING, recording, scene
from ovstore.core.errors import BadInput
from ovstore.core.scene import Camera
from ovstore.ingest.generated.camera_path import look_at
from ovstore.ingest.generated.catalogue import class_names, make
from ovstore.ingest.generated.geometry import PlacedObject
from ovstore.ingest.generated.kinds import KINDS
from ovstore.ingest.generated.palette import COLOURS, MATERIALS
from ovstore.ingest.generated.reconstruct import density
from ovstore.ingest.generated.render import render as render_geometry
from ovstore.ingest.generated.scene import SCENE_TYPES, GeneratedScene, SceneOptions, generate_scene, render
from ovstore.ingest.generated.shapes import box, cylinder, ellipsoid, pillow, prism, torus, tube
from scipy.spatial import cKDTree

CAMERA = Camera(96, 72, 90.0, 90.0, 47.5, 35.5)


@pytest.mark.parametrize("name", class_names())
def test_every_class_stands_on_its_foot_in_the_words_of_its_class(name: str) -> None:
    thing = make(name, np.random.default_rng(0))
    low, high = thing.bounds
    assert abs(low[2]) < 1e-9 and np.allclose(low[:2], -high[:2])
    assert (high - low).max() < 2.6 and (high - low).min() > 0.005
    assert thing.colour in (COLOURS.keys() if KINDS[name].colours else {None})
    assert thing.material in (MATERIALS.keys() if KINDS[name].materials else {None})
    assert 1 <= KINDS[name].nyu40 <= 40
    for part in thing.parts:
        assert np.allclose(np.linalg.norm(part.mesh.corner_normals, axis=2), 1, atol=1e-3)


def test_there_are_forty_classes_and_many_more() -> None:
    assert len(class_names(rare=False)) >= 40
    assert "snoopy" in class_names(rare=True) and len(class_names(rare=True)) >= 10


@pytest.mark.parametrize(
    "mesh",
    [
        box((1, 2, 3)), ellipsoid((1, 2, 3)), cylinder(1, 2), torus(2, 0.5), pillow((1, 1, 0.4)),
        tube([(0, 0, 0), (1, 0, 0), (1, 1, 0)], 0.1), prism([(0, 0), (2, 0), (0, 2)], 1),
    ],
)  # fmt: skip
def test_faces_wind_as_their_normals_look(mesh) -> None:  # type: ignore[no-untyped-def]
    a, b, c = (mesh.vertices[mesh.faces[:, k]] for k in range(3))
    flat = np.cross(b - a, c - a)
    large = np.linalg.norm(flat, axis=1) > 1e-6
    assert (np.einsum("fk,fk->f", flat, mesh.corner_normals.mean(axis=1))[large] > 0).all()
    volume = np.einsum("fk,fk->f", a, np.cross(b, c)).sum() / 6
    assert volume > 0


@pytest.mark.parametrize("scene_type", SCENE_TYPES)
def test_nothing_floats_and_nothing_enters_another(scene_type: str) -> None:
    made = generate_scene(11, SceneOptions(frames=4, scene_type=scene_type, planted=("snoopy", "traffic cone")))
    assert made.scene_type == scene_type
    for placed in made.objects:
        if placed.solid:
            assert _is_borne(made, placed), placed.label
    solid = [(placed, *_in_room(made, placed)) for placed in made.objects if placed.solid]
    for a, points, low_a, high_a in solid:
        for b, _, low, high in solid:
            if a is not b and a.stands_on != b.object_id and (low_a < high).all() and (high_a > low).all():
                inside = points[((points > low + 0.01) & (points < high - 0.01)).all(axis=1)]
                assert not _in_own_box(made, b, inside).any(), (a.label, b.label)


def _in_room(made: GeneratedScene, placed: PlacedObject):  # type: ignore[no-untyped-def]
    """Surface points in the room's axes, and their bounds."""
    to_room = np.linalg.inv(made.room_to_world)
    points = placed.to_world(np.concatenate([part.mesh.vertices for part in placed.thing.parts]))
    points = points @ to_room[:3, :3].T + to_room[:3, 3]
    return points, points.min(axis=0), points.max(axis=0)


def _in_own_box(made: GeneratedScene, placed: PlacedObject, points):  # type: ignore[no-untyped-def]
    """Which points of the room lie deeper than a centimetre in the turned box of an object."""
    world = points @ made.room_to_world[:3, :3].T + made.room_to_world[:3, 3]
    local = (world - placed.origin) @ placed.rotation
    low, high = placed.thing.bounds
    return ((local > low + 0.01) & (local < high - 0.01)).all(axis=1)


def _is_borne(made: GeneratedScene, placed: PlacedObject) -> bool:
    """On the floor, on the support of its bearer, or touching a wall."""
    if placed.stands_on is not None:
        bearer = made.objects[placed.stands_on]
        x, y, z = bearer.rotation.T @ (placed.origin - bearer.origin)
        return any(
            abs(z - s.z) < 1e-9 and abs(x - s.centre[0]) <= s.size[0] / 2 and abs(y - s.centre[1]) <= s.size[1] / 2
            for s in bearer.thing.supports
        )
    inside, _, _ = _in_room(made, placed)
    assert (np.abs(inside[:, :2]) <= made.size[:2] / 2 + 1e-6).all() and inside[:, 2].max() <= made.size[2]
    touches_wall = np.abs(np.abs(inside[:, :2]).max(axis=0) - made.size[:2] / 2).min() < 0.01
    return bool(abs(inside[:, 2].min()) < 1e-6 or touches_wall)


def test_the_same_seed_makes_the_same_scene_and_another_another() -> None:
    one, same, other = (generate_scene(seed, SceneOptions(frames=3)) for seed in (5, 5, 6))
    np.testing.assert_array_equal(one.geometry.vertices, same.geometry.vertices)
    np.testing.assert_array_equal(one.camera_to_world, same.camera_to_world)
    assert [o.thing.description for o in one.objects] == [o.thing.description for o in same.objects]
    assert [o.thing.description for o in one.objects] != [o.thing.description for o in other.objects]


def test_a_camera_in_front_of_a_wall_measures_how_far_it_is() -> None:
    made = scene()
    wall = next(o for o in made.objects if o.label == "ceiling")
    eye = made.room_to_world[:3, 3] + (0, 0, 2.3)
    picture = render_geometry(made.geometry, CAMERA, look_at(eye, wall.origin + np.array([1e-6, 0, 0])))
    ceiling = picture.instance == wall.object_id
    assert ceiling.any()
    np.testing.assert_allclose(picture.depth[ceiling], made.size[2] - 2.3, rtol=1e-5)


def test_labels_of_pixels_agree_with_where_the_objects_are() -> None:
    made = scene()
    for pose in made.camera_to_world[:4]:
        picture = render(made, CAMERA, pose)
        assert (picture.instance >= 0).all()
        points = _unproject(picture.depth, CAMERA, pose)
        for number in np.unique(picture.instance):
            low, high = made.objects[number].box
            inside = points[picture.instance == number]
            assert (inside > low - 1e-4).all() and (inside < high + 1e-4).all(), made.objects[number].label


def test_depth_put_back_into_the_world_lands_on_the_mesh() -> None:
    clean = recording(noise=0.0)
    edge = density(clean.scene.objects, SPACING)
    tree = cKDTree(clean.mesh.xyz)
    for frame in clean.frames[:3]:
        depth = frame.depth.astype(np.float32) / 1000
        points = _unproject(depth, clean.depth_camera, frame.camera_to_world)[depth > 0]
        distance, nearest = tree.query(points)
        # A point of a triangle is within 0.58 edges of a corner, which merging moved by at most 0.87 of one.
        assert (distance < 1.45 * edge[clean.mesh.object_id[nearest]]).mean() > 0.995


def test_noise_grows_with_distance_and_leaves_holes() -> None:
    clean, noisy = recording(noise=0.0), recording()
    near, far = [], []
    for truth, frame in zip(clean.frames, noisy.frames, strict=True):
        both = (truth.depth > 0) & (frame.depth > 0)
        error = np.abs(frame.depth.astype(int) - truth.depth.astype(int))
        near.append(error[both & (truth.depth < 1500)])
        far.append(error[both & (truth.depth > 3000)])
    assert np.median(np.concatenate(far)) > 3 * np.median(np.concatenate(near))
    holes = np.mean([(frame.depth == 0).mean() for frame in noisy.frames])
    assert 0.01 < holes < 0.4


def test_the_planted_thing_is_looked_at_several_times() -> None:
    made = scene()
    [snoopy] = [o.object_id for o in made.objects if o.label == "snoopy"]
    shares = [(render(made, CAMERA, pose).instance == snoopy).mean() for pose in made.camera_to_world]
    assert sum(share > 0.01 for share in shares) >= 3


def test_mesh_points_know_their_object_and_a_segment_lies_in_one_object() -> None:
    mesh = recording().mesh
    assert mesh.faces.min() == 0 and mesh.faces.max() == len(mesh.xyz) - 1
    for number in np.unique(mesh.object_id):
        low, high = recording().scene.objects[number].box
        points = mesh.xyz[mesh.object_id == number]
        assert (points > low - 0.02).all() and (points < high + 0.02).all()
    pairs = np.unique(np.column_stack([mesh.segment, mesh.object_id]), axis=0)
    assert len(pairs) == mesh.segment.max() + 1


def test_a_red_thing_is_red_on_the_mesh() -> None:
    red = [o for o in recording().scene.objects if o.thing.colour == "red"]
    mesh = recording().mesh
    for placed in red:
        if (mesh.object_id == placed.object_id).sum() > 30:
            r, g, b = np.median(mesh.rgb[mesh.object_id == placed.object_id], axis=0)
            assert r > g + 40 and r > b + 40, placed.thing.description


def test_what_cannot_be_planted_is_said() -> None:
    with pytest.raises(BadInput, match=r"No class named 'unicorn'\. Known rare things: .*snoopy"):
        SceneOptions(planted=("unicorn",))
    with pytest.raises(BadInput, match="No scene type 'Cave'"):
        SceneOptions(scene_type="Cave")


def _unproject(depth, camera: Camera, camera_to_world):  # type: ignore[no-untyped-def]
    v, u = np.mgrid[: camera.height, : camera.width]
    rays = np.stack([(u - camera.cx) / camera.fx, (v - camera.cy) / camera.fy, np.ones_like(depth)], -1)
    return (rays * depth[..., None]) @ camera_to_world[:3, :3].T + camera_to_world[:3, 3]
