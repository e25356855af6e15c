"""What the REST API answers with: plain values under the names that clients know them by, no path of the server."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, Literal, TypeVar

Item = TypeVar("Item")
Vector = list[float]  # x, y, z in metres


@dataclass(frozen=True)
class Page(Generic[Item]):
    """A part of a list."""

    items: list[Item]
    next: str | None  # what `after` takes to go on; null: that was the last
    total: int | None  # of all parts, where it is known


@dataclass(frozen=True)
class SpaceAnswer:
    """Where vectors may be compared."""

    name: str
    dim: int
    digest: str


@dataclass(frozen=True)
class FeatureKindAnswer:
    """Feature sets of one name and space, which questions are put to."""

    name: str
    space: SpaceAnswer
    scene_count: int
    encoder: str
    words: Literal["ready", "warming", "cold", "failed"]  # whether words can be asked with
    recipe: dict[str, Any]


@dataclass(frozen=True)
class Switches:
    """What can be asked of this server."""

    sql: bool
    uploads: bool


@dataclass(frozen=True)
class StoreAnswer:
    """The store as a whole."""

    name: str
    version: str
    scenes: int
    points: int
    datasets: list[str]
    features: list[FeatureKindAnswer]
    switches: Switches


@dataclass(frozen=True)
class FeatureSetAnswer:
    """Vectors of one scene by one recipe."""

    id: int
    name: str
    space: SpaceAnswer
    source: str
    point_count: int
    object_count: int
    superpoint_count: int
    crop_count: int
    digest: str
    created_at: datetime


@dataclass(frozen=True)
class SceneAnswer:
    """One scan."""

    id: int
    dataset: str
    name: str
    full_name: str
    format: str
    split: str | None
    up_axis: str
    point_count: int
    frame_count: int
    seen_point_count: int
    box_min: Vector
    box_max: Vector
    findings: list[str]
    features: list[str]
    digest: str
    created_at: datetime
    url: str  # of the page
    api_url: str
    thumbnail: str


@dataclass(frozen=True)
class SceneDetails(SceneAnswer):
    """One scan, with its feature sets."""

    feature_sets: list[FeatureSetAnswer]
    geometry: str
    picture: str


@dataclass(frozen=True)
class TileAnswer:
    """Points that lie together."""

    low: Vector
    size: Vector
    count: int
    superpoints: list[int]


@dataclass(frozen=True)
class ChunkAnswer:
    """Where the points of one tile at one level are in the bytes."""

    level: int
    tile: int
    offset: int
    count: int


@dataclass(frozen=True)
class MeshAnswer:
    """The mesh between the points."""

    faces: int
    bytes: int
    url: str


@dataclass(frozen=True)
class GeometryAnswer:
    """How the bytes of geometry/points are to be read."""

    version: int
    digest: str
    points: int
    up_axis: str
    strides: list[int]
    planes: list[str]
    tiles: list[TileAnswer]
    chunks: list[ChunkAnswer]
    bytes: int
    mesh: MeshAnswer | None
    colours: bool
    frames: int
    url: str  # of the points


@dataclass(frozen=True)
class OrientedBoxAnswer:
    """centre + axes @ diag(size / 2) spans it."""

    centre: Vector
    axes: list[Vector]  # 3 x 3, unit columns
    size: Vector


@dataclass(frozen=True)
class BoxAnswer:
    """Along the axes of the scene."""

    min: Vector
    max: Vector


@dataclass(frozen=True)
class CameraAnswer:
    """A pinhole, in pixels of the colour image."""

    width: int
    height: int
    fx: float
    fy: float
    cx: float
    cy: float


@dataclass(frozen=True)
class FrameAnswer:
    """A posed image."""

    name: str
    ordinal: int
    camera: CameraAnswer
    camera_to_world: Vector  # 4 x 4 row by row, OpenCV axes
    timestamp: float | None
    image: str  # URL


@dataclass(frozen=True)
class ViewAnswer:
    """An image that shows a region, and where."""

    frame: str
    ordinal: int
    box_xyxy: Vector  # pixels of the colour image
    visible_points: int
    image: str  # URL
    crop: str  # URL of the box with what surrounds it
    camera: CameraAnswer
    camera_to_world: Vector


@dataclass(frozen=True)
class RegionAnswer:
    """A part of a scene."""

    ordinal: int
    id: int
    name: str  # ORDINAL@LEVEL
    level: str
    parent: int | None  # the object of a superpoint
    point_count: int
    seen_count: int
    centre: Vector
    box: BoxAnswer
    oriented_box: OrientedBoxAnswer | None
    label: str | None
    views: list[ViewAnswer]
    superpoints: list[int]  # of a thing: the ordinals of all of them
    url: str


@dataclass(frozen=True)
class TableAnswer:
    """Which object each superpoint belongs to."""

    features: str
    feature_set: int
    superpoints: list[int]  # the object of superpoint i; -1: no frame saw it
    objects: list[int]  # the id of object i; 0: there is none


@dataclass(frozen=True)
class ScoreRow:
    """How the regions answer one question."""

    question: str
    low: float | None  # the median of the scene's regions
    high: float | None  # the best
    scores: list[float]
    probabilities: list[float | None] | None
    left_out: list[int]  # ordinals that are closer to an excluded word


@dataclass(frozen=True)
class ScoresAnswer:
    """All regions of a scene against up to six questions."""

    features: str
    feature_set: int
    space: str
    level: str
    regions: list[int]  # ordinals
    rows: list[ScoreRow]


@dataclass(frozen=True)
class LandmarkAnswer:
    """What made a relation of a hit true."""

    relation: str
    distance: float
    hit: "HitAnswer"


@dataclass(frozen=True)
class HitAnswer:
    """What answers a question: a whole thing, or a stored region."""

    name: str  # SCENE:NODE@thing
    dataset: str
    scene: str
    region: int
    level: str
    ordinal: int
    score: float
    probability: float | None
    fit: float | None
    point_count: int
    centre: Vector
    box_min: Vector
    box_max: Vector
    oriented_box: OrientedBoxAnswer
    feature_set: int
    superpoints: list[int]
    evidence: list[ViewAnswer]
    parts: list["HitAnswer"]
    landmarks: list[LandmarkAnswer]
    url: str  # of the page that shows it
    scene_url: str


@dataclass(frozen=True)
class SearchAnswer:
    """The hits, best first."""

    question: str
    probably_here: bool | None
    space: str
    features: str
    notes: list[str]
    took_ms: float
    hits: list[HitAnswer]
    next: str | None


@dataclass(frozen=True)
class SuggestAnswer:
    """How a half typed question may go on."""

    words: list[str]


@dataclass(frozen=True)
class JobAnswer:
    """One attempt at one scene."""

    id: int
    dataset: str
    scene: str
    state: Literal["running", "stale", "done", "failed"]
    worker: str
    message: str | None
    started_at: datetime
    finished_at: datetime | None
    stage: str | None
    done: int | None
    total: int | None


@dataclass(frozen=True)
class PixelAnswer:
    """What a pixel of a frame shows."""

    point: int  # row in stored order
    superpoint: int
    object: int | None
    u: float
    v: float
    depth: float


@dataclass(frozen=True)
class RowsAnswer:
    """The rows of a statement."""

    columns: list[str]
    rows: list[list[Any]]
    complete: bool  # false: there were more than the limit


@dataclass(frozen=True)
class FieldProblem:
    """One field of a request that is wrong."""

    field: str
    said: str


@dataclass(frozen=True)
class ProblemAnswer:
    """RFC 9457."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    near: list[str] | None = None
    errors: list[FieldProblem] | None = None
    number: str | None = None
