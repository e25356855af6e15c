"""What networks see in a scan: maps, correspondences, vectors, regions, hits. Numpy and the standard library only."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from . import answer_tables, plugins
from .annotated import check_fields
from .by_value import ByValue
from .errors import BadInput, NotFound, SpaceMismatch
from .scene import Camera
from .thing_options import ThingOptions

Level = Literal["superpoint", "object"]
LEVELS: tuple[Level, ...] = ("superpoint", "object")
HitLevel = Literal["superpoint", "object", "thing"]
Vectors = Literal["fused", "crops", "both"]  # of objects: their points' mean, their crops' mean, the mean of the two


@dataclass(frozen=True)
class EmbeddingSpace:
    """Where vectors may be compared: one text tower, one digest, one dimension.

    `logit_scale` is the tower's own softmax temperature: a probability is softmax(logit_scale * cosine).
    """

    name: str  # "openclip/ViT-B-16/laion2b_s34b_b88k"
    dim: int
    digest: str  # sha256 of the weights that decide the space, "" where there are none
    logit_scale: float = 100.0

    def __post_init__(self) -> None:
        check_fields(self)

    @property
    def key(self) -> dict[str, str | int]:
        """What tells it from other spaces: vectors of spaces with equal keys may be compared."""
        return {"name": self.name, "dim": self.dim, "digest": self.digest}

    def require_same(self, other: "EmbeddingSpace") -> None:
        """Raise SpaceMismatch unless vectors of the two spaces may be compared."""
        if self.key != other.key:
            detail = " (other weights)" if self.name == other.name else ""
            raise SpaceMismatch(f"Cannot compare vectors of {self.name!r} with {other.name!r}{detail}.")


@dataclass(frozen=True)
class FeatureMap:
    """Vectors for a grid laid over one whole colour image; lives for one frame.

    Pixel (column u, row v) of a (W, H) image lies at grid position ((u + 0.5) * w / W - 0.5, (v + 0.5) * h / H - 0.5).
    """

    space: EmbeddingSpace
    values: NDArray[np.float16]  # (h, w, space.dim) at the network's own resolution
    sampling: Literal["nearest", "bilinear"] = "bilinear"

    def __post_init__(self) -> None:
        if self.values.ndim != 3 or self.values.shape[2] != self.space.dim:
            raise BadInput(f"A feature map of shape {self.values.shape} is not (h, w, {self.space.dim}).")


@dataclass(frozen=True)
class Correspondence:
    """Which points one frame sees, and where in its colour image."""

    frame: int  # the frame's position in Scene.frames
    point_index: NDArray[np.int32]  # (K,) ascending rows of the cloud
    uv: NDArray[np.float32]  # (K, 2) column, row in the colour image
    depth: NDArray[np.float32]  # (K,) metres along the camera's z axis

    def __len__(self) -> int:
        return len(self.point_index)


@dataclass(frozen=True)
class PointFeatures:
    """Vectors for the points that were seen, and for no others; distilled ones are for every point."""

    space: EmbeddingSpace
    point_index: NDArray[np.int32]  # (M,) ascending rows of the cloud
    vectors: NDArray[np.float16]  # (M, space.dim), unit length unless the recipe is a compat one
    view_count: NDArray[np.int32]  # (M,) frames that saw the point; 0 only where a student speaks for it

    def __post_init__(self) -> None:
        rows = len(self.point_index)
        if self.vectors.shape != (rows, self.space.dim) or len(self.view_count) != rows:
            raise BadInput(
                f"{rows} point indices, vectors {self.vectors.shape} and {len(self.view_count)} view counts "
                f"do not agree on (M, {self.space.dim})."
            )


@dataclass(frozen=True, eq=False)
class OrientedBox(ByValue):
    """A box that may be turned: centre + axes @ diag(size / 2) spans it."""

    centre: NDArray[np.float64]  # (3,) metres
    axes: NDArray[np.float64]  # (3, 3) unit columns, right-handed
    size: NDArray[np.float64]  # (3,) metres, full edge lengths


@dataclass(frozen=True)
class RegionView:
    """Evidence: one frame that shows a region, and where."""

    frame: int  # the frame's position in Scene.frames
    box_xyxy: tuple[float, float, float, float]  # pixels of the colour image, inclusive
    visible_points: int


@dataclass(frozen=True)
class Region:
    """A connected part of a scene at one level: a superpoint, or an object made of superpoints."""

    level: Level
    ordinal: int  # the region's number within its scene, feature set and level
    point_count: int  # all its points
    seen_count: int  # those with a vector
    centre: NDArray[np.float64]  # (3,) metres, mean of its points
    box_min: NDArray[np.float64]  # (3,) metres
    box_max: NDArray[np.float64]  # (3,) metres
    oriented_box: OrientedBox
    radius: float  # largest distance of a member's unit vector from `vector`; bounds the score of every point
    label: str | None  # what the dataset says most of its points are, for people and evaluation; never used by search
    views: tuple[RegionView, ...]  # best first


@dataclass(frozen=True)
class RegionFeatures:
    """The regions of one scene and feature set at one level, with a vector each. Regions nobody saw have no row."""

    space: EmbeddingSpace
    level: Level
    regions: tuple[Region, ...]
    vectors: NDArray[np.float16]  # (R, space.dim) unit length


@dataclass(frozen=True)
class CropVectors:
    """What an encoder's pooled image tower makes of image crops of a feature set's objects, those that have any."""

    space: EmbeddingSpace
    ordinal: NDArray[np.int32]  # (K,) ascending, of the objects
    crop_count: NDArray[np.int32]  # (K,) crops behind each vector, >= 1
    vectors: NDArray[np.float16]  # (K, space.dim) unit length

    def __post_init__(self) -> None:
        rows = len(self.ordinal)
        if self.vectors.shape != (rows, self.space.dim) or len(self.crop_count) != rows:
            raise BadInput(
                f"{rows} objects, vectors {self.vectors.shape} and {len(self.crop_count)} crop counts do not agree on "
                f"(K, {self.space.dim})."
            )
        if (np.diff(self.ordinal) <= 0).any():
            raise BadInput("The objects of crop vectors must ascend, each once.")


@dataclass(frozen=True)
class SceneVectors:
    """What stands for a whole scene: its mean and a few prototypes (centres of its region vectors)."""

    space: EmbeddingSpace
    mean: NDArray[np.float16]  # (dim,) unit length
    prototypes: NDArray[np.float16]  # (P, dim) unit length
    prototype_weight: NDArray[np.float32]  # (P,) share of the scene's seen points


@dataclass(frozen=True, eq=False)
class Query(ByValue):
    """A question to the store: a vector in a space, and what may answer it."""

    vector: NDArray[np.float32]  # (dim,) unit length
    space: EmbeddingSpace
    top: int = 10
    level: Level = "object"
    datasets: tuple[str, ...] = ()
    scenes: tuple[str, ...] = ()
    where: str | None = None  # an SQL condition on the columns of region_overview
    background: NDArray[np.float32] | None = None  # (B, dim) what the answer is weighed against; see Hit.probability
    rivals: NDArray[np.float32] | None = None  # (R, dim) the same, near as they may be to the query: in other colours
    excluded: NDArray[np.float32] | None = None  # (E, dim) what is closer to one of these than to `vector` is no answer
    feature_set: str | None = None  # the feature sets' name; None: any of the space
    exact: bool = False  # score every region, no index
    ungrouped: bool = False  # stored regions of `level` are the hits; otherwise things are: superpoints that are one
    min_probability: float | None = None  # hits that are less likely what was asked for are left out
    thing_options: ThingOptions = field(default_factory=ThingOptions, repr=False)
    vectors: Vectors = "fused"  # of objects, and of things as the objects that they cover

    def __post_init__(self) -> None:
        check_fields(self)
        if self.top < 1:
            raise BadInput(f"The number of hits must be at least 1, not {self.top}.")
        if self.min_probability is not None and not 0 <= self.min_probability <= 1:
            raise BadInput(f"The least probability is {self.min_probability:g}; a number from 0 to 1 was expected.")
        if self.min_probability is not None and self.background is None:
            raise BadInput(
                "The query has no background to weigh hits against, which only words have: "
                "leave min_probability (--min-prob) out."
            )
        if self.vectors != "fused" and self.level != "object":
            raise BadInput(f"Only objects have vectors from crops: ask for vectors {self.vectors!r} of level 'object'.")
        for name, rows in (("background", self.background), ("rivals", self.rivals), ("excluded", self.excluded)):
            if rows is not None and (rows.shape != (len(rows), self.space.dim) or len(rows) == 0):
                raise BadInput(
                    f"Query.{name} of shape {rows.shape} is not (n, {self.space.dim}) with at least one row."
                )


@dataclass(frozen=True)
class Evidence:
    """An image that shows a hit."""

    frame: str
    image_path: str
    box_xyxy: tuple[float, float, float, float]  # pixels of the colour image, inclusive
    visible_points: int
    ordinal: int | None = None  # the frame's position in its scene
    camera: Camera | None = None  # of the image: its size in pixels, focal lengths, principal point


@runtime_checkable
class HitContents(Protocol):
    """Reads what a hit consists of when somebody asks for it."""

    def mask(self, hit: "Hit") -> NDArray[np.int32]:
        """See Hit.mask."""

    def stored_mask(self, hit: "Hit") -> NDArray[np.int32]:
        """See Hit.stored_mask."""

    def points(self, hit: "Hit") -> NDArray[np.float64]:
        """See Hit.points."""

    def crop(self, view: Evidence) -> NDArray[np.uint8]:
        """The part of the image inside the box."""


@dataclass(frozen=True)
class Landmark:
    """What made a relation of a hit true."""

    relation: str  # as it was asked for: below "dart board"
    hit: "Hit"  # the thing it was found to be
    distance: float  # metres between the closest points of the two

    def __post_init__(self) -> None:
        check_fields(self)


@dataclass(frozen=True)
class Hit:
    """What answers a query: a thing, which is a union of superpoints, or a stored region."""

    dataset: str
    scene: str
    region: int  # the database id of the region, of a thing's best superpoint; another one when features are made anew
    level: HitLevel
    score: float  # cosine of the query and the vector of the region, or of the whole thing; the same in every index
    probability: float | None  # of being the query rather than its background; None: the query has no background
    point_count: int
    centre: tuple[float, float, float]  # metres
    box_min: tuple[float, float, float]
    box_max: tuple[float, float, float]
    oriented_box: OrientedBox
    feature_set: int
    ordinal: int  # within the feature set and level; of a thing, the node of the tree that most of it is
    evidence: tuple[Evidence, ...] = field(default=())
    fit: float | None = None  # what orders the hits of an answer, best first
    superpoints: tuple[int, ...] = ()  # ordinals of all superpoints of a thing, ascending
    parts: tuple["Hit", ...] = ()  # smaller things that answer too and touch this one, best first
    landmarks: tuple[Landmark, ...] = ()  # of the relations that were asked for, in their order
    contents: HitContents | None = field(default=None, repr=False, compare=False)

    @property
    def name(self) -> str:
        """What the region is called within its scene, also after the scene was ingested again: `--like SCENE:NAME`."""
        return f"{self.ordinal}@{self.level}"

    @property
    def full_name(self) -> str:
        """What names the region whatever other datasets hold."""
        return f"{self.dataset}/{self.scene}:{self.name}"

    @property
    def mask(self) -> NDArray[np.int32]:
        """(K,) ascending rows of the scene's points, in the order of the scan; read from files when asked for.

        NotFound when the scene was replaced or forgotten since.
        """
        return self._held().mask(self)

    @property
    def stored_mask(self) -> NDArray[np.int32]:
        """(K,) ascending rows of the same points in stored order, as SQL over files and heat maps have them."""
        return self._held().stored_mask(self)

    def points(self) -> NDArray[np.float64]:
        """(K, 3) metres: the points of `mask`."""
        return self._held().points(self)

    def crop(self, frame: str | None = None) -> NDArray[np.uint8]:
        """(h, w, 3) RGB: the hit's box cut out of the evidence frame of that name; None: of the best one.

        NotFound where the evidence has no such frame, or its image is gone.
        """
        named = [view for view in self.evidence if frame in (None, view.frame)]
        if not named:
            shown = ", ".join(view.frame for view in self.evidence)
            wanted = "is not shown by any frame" if frame is None else f"has no evidence in frame {frame!r}"
            raise NotFound(f"{self.full_name} {wanted}; frames that show it: {shown or 'none'}.")
        return self._held().crop(named[0])

    def _held(self) -> HitContents:
        if self.contents is None:
            raise NotFound(f"{self.full_name} was not made by a search, so that there is nothing to read it from.")
        return self.contents

    def __post_init__(self) -> None:
        check_fields(self)


@dataclass(frozen=True)
class Answer(Sequence[Hit]):
    """The hits, best first, and whether the store believes that it holds what was asked for."""

    hits: tuple[Hit, ...]
    probably_here: bool | None  # None: the query gives nothing to judge by (no background to weigh it against)
    question: str  # what was asked, for people
    space: str  # the embedding space that answered
    query: Query | None = field(default=None, repr=False, compare=False)  # what the store was asked: vector, space ...
    notes: tuple[str, ...] = ()  # sentences on how far the answer can be trusted

    def __post_init__(self) -> None:
        check_fields(self)

    def __len__(self) -> int:
        return len(self.hits)

    def __getitem__(self, position):  # type: ignore[no-untyped-def]
        return self.hits[position]

    def to_dict(self, masks: bool = False) -> dict[str, Any]:
        """Everything but `query`, as values that JSON has: what `ovstore search --json` prints; `masks` are read."""
        return answer_tables.document(self, masks)

    def to_pandas(self) -> Any:
        """A data frame with one row per hit, best first; MissingPackage without pandas."""
        pandas = plugins.optional("pandas", "Answer.to_pandas")
        return pandas.DataFrame(answer_tables.columns(self))

    def _repr_html_(self) -> str:
        """For notebooks: a table of the hits; `ovstore.contact_sheet` draws their evidence."""
        return answer_tables.html(self)
