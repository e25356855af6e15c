"""The tables, as SQLAlchemy sees them today; migrations/ is how a store gets here, and a test finds no difference.

    datasets ─< scenes ─< frames ──────────────────────────┐
                  └────< feature_sets ─< regions ─< region_views, region_pairs
    embedding_spaces ─┘   └ recipes  ├─< scene_vectors
                      └─< text_vectors ├─ crop_sets (recipes); region_crops of regions
                                       └─ thing_trees
    files and fingerprints of scenes and feature_sets
    jobs   indexes   changes   retired_files   retired_regions   store_identity

One `halfvec` column serves all spaces; an approximate index is partial, one a space, on the cast
`embedding::halfvec(dim) WHERE space_id = N` (both as literals: bind parameters defeat partial indexes).
Points, correspondences and per-point vectors are Parquet files that the rows name.
"""

from typing import Any

from pgvector.sqlalchemy import HALFVEC
from sqlalchemy import (
    ARRAY,
    REAL,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    Double,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _key(type_: type[Integer] | type[BigInteger] = Integer) -> Column[Any]:
    return Column("id", type_, Identity(), primary_key=True)


def _belongs_to(table: str, *, index: bool = True, comment: str | None = None) -> Column[Any]:
    """A foreign key `<singular>_id`; deleting the parent deletes the row."""
    singular = {"indexes": "index"}.get(table, table.removesuffix("s"))
    return Column(
        f"{singular}_id", ForeignKey(f"{table}.id", ondelete="CASCADE"), nullable=False, index=index, comment=comment
    )


def _created_at() -> Column[Any]:
    return Column("created_at", DateTime(timezone=True), server_default=func.now(), nullable=False)


datasets = Table(
    "datasets",
    metadata,
    _key(),
    Column("name", Text, nullable=False, unique=True, comment="what --dataset takes"),
    Column("format", Text, nullable=False, comment="the reader: scannet, rgbd, ..."),
    _created_at(),
    comment="Collections of scenes that came in together",
)

scenes = Table(
    "scenes",
    metadata,
    _key(),
    _belongs_to("datasets", index=False),
    Column("name", Text, nullable=False),
    Column("split", Text, comment="train, val, test where the dataset says so"),
    Column("source", Text, nullable=False, comment="the path it was read from"),
    Column("up_axis", Text, nullable=False, server_default="z"),
    Column("point_count", Integer, nullable=False),
    Column("frame_count", Integer, nullable=False),
    Column("seen_point_count", Integer, nullable=False, comment="points that at least one frame sees"),
    Column("box_min", ARRAY(Double), nullable=False, comment="metres, xyz"),
    Column("box_max", ARRAY(Double), nullable=False, comment="metres, xyz"),
    Column(
        "label_names", JSONB, nullable=False, server_default=text("'{}'"), comment="the dataset's label ids to names"
    ),
    Column(
        "findings", ARRAY(Text), nullable=False, server_default=text("'{}'"), comment="what was noticed on the way in"
    ),
    Column("geometry", JSONB, nullable=False, comment="recipe of points, visibility and superpoints"),
    Column("geometry_digest", Text, nullable=False, comment="sha256 of the geometry recipe"),
    Column("content_digest", Text, nullable=False, comment="sha256 of points, frames and correspondences"),
    Column("points_file", Text, nullable=False, comment="Parquet, relative to the store"),
    Column("correspondences_file", Text, nullable=False, comment="Parquet, relative to the store"),
    _created_at(),
    UniqueConstraint("dataset_id", "name"),
    comment="One scan: points, frames, and which frame sees which point",
)

fingerprints = Table(
    "fingerprints",
    metadata,
    _key(),
    Column("scene_id", ForeignKey("scenes.id", ondelete="CASCADE"), unique=True, comment="whose files they are,"),
    Column(
        "feature_set_id",
        ForeignKey("feature_sets.id", ondelete="CASCADE"),
        unique=True,
        comment="or whose maps; one of the two",
    ),
    Column("root", Text, nullable=False, comment="the folder that ingest was given"),
    Column("place", Text, nullable=False, comment="the scene's folder or file"),
    Column(
        "files",
        LargeBinary,
        nullable=False,
        comment="zlib of JSON: path from the place -> size, two times in ns, digest of head and tail",
    ),
    CheckConstraint("num_nonnulls(scene_id, feature_set_id) = 1", name="owner"),
    comment="The files that scenes and feature sets were read from; derived, may be missing",
)

frames = Table(
    "frames",
    metadata,
    _key(BigInteger),
    _belongs_to("scenes", index=False),
    Column("ordinal", Integer, nullable=False, comment="position in the scene, from 0; correspondences name it"),
    Column("name", Text, nullable=False),
    Column("image_path", Text, nullable=False, comment="absolute, or relative to the store for unpacked images"),
    Column("depth_path", Text),
    Column("depth_scale", Double, nullable=False, comment="stored units per metre"),
    Column("camera", ARRAY(Double), nullable=False, comment="colour: width, height, fx, fy, cx, cy in pixels"),
    Column("depth_camera", ARRAY(Double), comment="depth: width, height, fx, fy, cx, cy in pixels"),
    Column("camera_to_world", ARRAY(Double), nullable=False, comment="4x4 row by row, OpenCV axes, metres"),
    Column("depth_to_color", ARRAY(Double), comment="4x4 row by row; null: one centre"),
    Column("timestamp", Double, comment="seconds"),
    Column("seen_point_count", Integer, nullable=False),
    UniqueConstraint("scene_id", "ordinal"),
    UniqueConstraint("scene_id", "name"),
    comment="Posed pictures of a scene",
)

embedding_spaces = Table(
    "embedding_spaces",
    metadata,
    _key(),
    Column("name", Text, nullable=False, comment="encoder/model/weights"),
    Column("dim", Integer, nullable=False),
    Column("digest", Text, nullable=False, comment="sha256 of the weights, '' where there are none"),
    Column("logit_scale", Double, nullable=False, comment="softmax temperature of the text tower"),
    UniqueConstraint("name", "dim", "digest"),
    comment="Where vectors may be compared; unequal spaces never mix",
)

recipes = Table(
    "recipes",
    metadata,
    _key(),
    Column("digest", Text, nullable=False, unique=True, comment="sha256 of the body as canonical JSON"),
    Column("body", JSONB, nullable=False, comment="everything that decides the numbers"),
    comment="How feature sets were made",
)

feature_sets = Table(
    "feature_sets",
    metadata,
    _key(),
    _belongs_to("scenes", index=False),
    _belongs_to("embedding_spaces"),
    _belongs_to("recipes"),
    Column("name", Text, nullable=False, comment="what --features takes"),
    Column("source", Text, nullable=False, comment="fused, distilled or imported"),
    Column("state", Text, nullable=False, comment="ready; anything else is not searched"),
    Column("features_file", Text, nullable=False, comment="Parquet, relative to the store"),
    Column("point_count", Integer, nullable=False, comment="points with a vector"),
    Column("content_digest", Text, nullable=False, comment="sha256 of vectors and regions"),
    _created_at(),
    Column("pairs_within", REAL, comment="metres up to which pairs of its objects are recorded; null: none are"),
    CheckConstraint("source IN ('fused', 'distilled', 'imported')", name="source"),
    CheckConstraint("state IN ('ready', 'retired')", name="state"),
    UniqueConstraint("scene_id", "name"),
    comment="Vectors of one scene by one recipe",
)

files = Table(
    "files",
    metadata,
    Column("name", Text, primary_key=True, comment="relative to the store"),
    Column(
        "scene_id",
        ForeignKey("scenes.id", ondelete="CASCADE"),
        index=True,
        comment="whose geometry it is, if it is that",
    ),
    Column(
        "feature_set_id",
        ForeignKey("feature_sets.id", ondelete="CASCADE"),
        index=True,
        comment="whose vectors it holds, if it does that",
    ),
    Column("digest", Text, nullable=False, comment="sha256 of its bytes, as they were written"),
    Column("damage", Text, comment="what was last found wrong with it; null: nothing"),
    CheckConstraint("(scene_id IS NULL) <> (feature_set_id IS NULL)", name="owner"),
    comment="The bytes of Parquet files: SQL over files refuses those that are known to be damaged",
)

regions = Table(
    "regions",
    metadata,
    _key(BigInteger),
    _belongs_to("feature_sets", index=False),
    _belongs_to("scenes", index=False, comment="that of the feature set, repeated for filters"),
    _belongs_to("embedding_spaces", index=False, comment="that of the feature set, repeated for partial indexes"),
    Column("level", Text, nullable=False, comment="superpoint or object"),
    Column("ordinal", Integer, nullable=False, comment="within the feature set and level"),
    Column("point_count", Integer, nullable=False),
    Column("seen_count", Integer, nullable=False, comment="points with a vector"),
    Column("row_start", Integer, nullable=False, comment="first row of its points in the features file"),
    Column("row_stop", Integer, nullable=False, comment="one past the last row"),
    Column("centre", ARRAY(Double), nullable=False, comment="metres, xyz"),
    Column("box_min", ARRAY(Double), nullable=False, comment="metres, xyz"),
    Column("box_max", ARRAY(Double), nullable=False, comment="metres, xyz"),
    Column("oriented_centre", ARRAY(Double), nullable=False, comment="metres, xyz"),
    Column("oriented_axes", ARRAY(Double), nullable=False, comment="3x3 row by row, unit columns"),
    Column("oriented_size", ARRAY(Double), nullable=False, comment="metres, full edge lengths"),
    Column("radius", REAL, nullable=False, comment="largest distance of a member's vector from the embedding"),
    Column("label", Text, comment="what the dataset says most of its points are; never used by search"),
    Column("embedding", HALFVEC(), nullable=False, comment="unit length; cosine is inner product"),
    CheckConstraint("level IN ('superpoint', 'object')", name="level"),
    UniqueConstraint("feature_set_id", "level", "ordinal"),
    Index("ix_regions_scene_id_embedding_space_id_level", "scene_id", "embedding_space_id", "level"),
    Index("ix_regions_embedding_space_id_level", "embedding_space_id", "level"),
    comment="Superpoints and objects with their vectors: the unit of search",
)

retired_regions = Table(
    "retired_regions",
    metadata,
    _key(),
    Column("dataset", Text, nullable=False),
    Column("scene", Text, nullable=False),
    Column("features", Text, nullable=False, comment="the feature set's name"),
    Column("level", Text, nullable=False),
    Column("first_id", BigInteger, nullable=False, comment="ids of its regions, which old answers name"),
    Column("last_id", BigInteger, nullable=False),
    Column("ordinals", ARRAY(Integer), comment="of the regions by id; null where ids have gaps"),
    Column("forgotten", Boolean, nullable=False, comment="false: replaced"),
    Column("retired_at", DateTime(timezone=True), server_default=func.now(), nullable=False),
    Index("ix_retired_regions_first_id_last_id", "first_id", "last_id"),
    comment="What regions were called whose feature sets are gone",
)

region_views = Table(
    "region_views",
    metadata,
    Column("region_id", ForeignKey("regions.id", ondelete="CASCADE"), primary_key=True),
    Column("rank", SmallInteger, primary_key=True, comment="0 is the best picture"),
    Column("frame_id", ForeignKey("frames.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("box_xyxy", ARRAY(REAL), nullable=False, comment="pixels of the colour image, inclusive"),
    Column("visible_points", Integer, nullable=False),
    comment="Which frames show a region best, and where in the picture",
)

crop_sets = Table(
    "crop_sets",
    metadata,
    Column(
        "feature_set_id",
        ForeignKey("feature_sets.id", ondelete="CASCADE"),
        primary_key=True,
        comment="whose objects have vectors from crops",
    ),
    Column("recipe_id", ForeignKey("recipes.id"), nullable=False, index=True, comment="which crops, by what network"),
    Column("content_digest", Text, nullable=False, comment="sha256 of the vectors from crops"),
    _created_at(),
    comment="How the objects of a feature set were described from crops of images",
)

region_crops = Table(
    "region_crops",
    metadata,
    Column("region_id", ForeignKey("regions.id", ondelete="CASCADE"), primary_key=True, comment="an object"),
    Column("crop_count", Integer, nullable=False, comment="crops whose unit vectors were averaged"),
    Column("embedding", HALFVEC(), nullable=False, comment="unit length, in the space of the region's own"),
    comment="Objects as the pooled image tower sees them, beside the fused vectors in regions",
)

region_pairs = Table(
    "region_pairs",
    metadata,
    Column("first_id", ForeignKey("regions.id", ondelete="CASCADE"), primary_key=True, comment="the lower id"),
    Column(
        "second_id",
        ForeignKey("regions.id", ondelete="CASCADE"),
        primary_key=True,
        index=True,
        comment="of the same feature set",
    ),
    Column("distance", REAL, nullable=False, comment="metres between the closest points"),
    Column("supported", BigInteger, comment="which of the two stands on the other; null: neither"),
    CheckConstraint("first_id < second_id", name="order"),
    comment="Objects of one scene that are close to one another; read by ov_distance, ov_near, ov_on",
)

thing_trees = Table(
    "thing_trees",
    metadata,
    Column("feature_set_id", ForeignKey("feature_sets.id", ondelete="CASCADE"), primary_key=True),
    Column("body", LargeBinary, nullable=False, comment="arrays of core/things.py as .npz"),
    comment="How the superpoints of a feature set merge into things; derived from its vectors and points",
)

scene_vectors = Table(
    "scene_vectors",
    metadata,
    _key(BigInteger),
    _belongs_to("feature_sets"),
    _belongs_to("embedding_spaces"),
    Column("kind", Text, nullable=False, comment="mean or prototype"),
    Column("ordinal", Integer, nullable=False),
    Column("weight", REAL, nullable=False, comment="share of the scene's seen points"),
    Column("embedding", HALFVEC(), nullable=False, comment="unit length"),
    CheckConstraint("kind IN ('mean', 'prototype')", name="kind"),
    comment="What stands for a whole scene",
)

text_vectors = Table(
    "text_vectors",
    metadata,
    _belongs_to("embedding_spaces", index=False),
    Column(
        "encoder", Text, nullable=False, comment="digest of the encoder's name and options: its prompts are in them"
    ),
    Column("text", Text, nullable=False, comment="what was asked; empty for all of the encoder's background texts"),
    Column(
        "vectors", LargeBinary, nullable=False, comment="unit rows of little-endian float32, one but for the background"
    ),
    PrimaryKeyConstraint("embedding_space_id", "encoder", "text"),
    comment="Texts as vectors; derived, can be emptied at any time",
)

jobs = Table(
    "jobs",
    metadata,
    _key(BigInteger),
    Column("dataset", Text, nullable=False),
    Column("scene", Text, nullable=False),
    Column("recipe", JSONB, nullable=False),
    Column("state", Text, nullable=False, comment="running, done, failed; a running row whose worker is gone is stale"),
    Column("worker", Text, nullable=False, comment="host:pid"),
    Column("message", Text, comment="what was done, or why it failed"),
    Column("started_at", DateTime(timezone=True), server_default=func.now(), nullable=False),
    Column("finished_at", DateTime(timezone=True)),
    Column("stage", Text, comment="what it was last said to be doing"),
    Column("done", Integer, comment="steps of the stage"),
    Column("total", Integer, comment="steps of the stage in all"),
    Column("updated_at", DateTime(timezone=True), comment="when it said so, at most once a second"),
    CheckConstraint("state IN ('running', 'done', 'failed')", name="state"),
    Index("ix_jobs_dataset_scene", "dataset", "scene"),
    comment="One row a scene and attempt",
)

indexes = Table(
    "indexes",
    metadata,
    _key(),
    Column("name", Text, nullable=False, comment="the plug-in: pgvector_hnsw, faiss"),
    _belongs_to("embedding_spaces"),
    Column("level", Text, nullable=False),
    Column("row_count", Integer, nullable=False, comment="regions it was built over"),
    Column("last_region_id", BigInteger, nullable=False, comment="regions after it are not in it yet"),
    Column("file", Text, comment="relative to the store, where the index is a file"),
    Column("options", JSONB, nullable=False, server_default=text("'{}'")),
    Column("recall", JSONB, comment="last measured against exact: mean, worst, queries"),
    Column("built_at", DateTime(timezone=True), server_default=func.now(), nullable=False),
    UniqueConstraint("name", "embedding_space_id", "level"),
    comment="Derived from regions; can be dropped and rebuilt",
)

changes = Table(
    "changes",
    metadata,
    Column("topic", Text, primary_key=True, comment="contents (scenes and feature sets), or jobs"),
    Column("number", BigInteger, nullable=False, comment="grows with each transaction that changes them"),
    comment="What has changed since somebody looked: numbers to compare",
)

retired_files = Table(
    "retired_files",
    metadata,
    Column("file", Text, primary_key=True, comment="Parquet or a folder of it, relative to the store"),
    Column("retired_at", DateTime(timezone=True), server_default=func.now(), nullable=False),
    Column("scene_id", Integer, comment="that of the scene whose folder it is; the row is gone"),
    comment="No row names them any more; they stay while somebody reads for long",
)

store_identity = Table(
    "store_identity",
    metadata,
    Column("id", Uuid, primary_key=True, comment="that of store.json in the store's folder, whose files the rows name"),
    _created_at(),
    comment="One row: which store this database belongs to",
)
