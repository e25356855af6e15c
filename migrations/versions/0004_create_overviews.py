"""Views for people: scene_overview, region_overview"""

from alembic import op

revision = "0004"
down_revision = "0003"

SCENE_OVERVIEW = """
CREATE VIEW scene_overview AS
SELECT
    scenes.id AS scene_id,
    datasets.name AS dataset,
    scenes.name AS scene,
    scenes.split,
    scenes.point_count AS points,
    scenes.seen_point_count::real / nullif(scenes.point_count, 0) AS seen_share,
    scenes.frame_count AS frames,
    scenes.box_max[1] - scenes.box_min[1] AS size_x,
    scenes.box_max[2] - scenes.box_min[2] AS size_y,
    scenes.box_max[3] - scenes.box_min[3] AS size_z,
    ready.feature_sets,
    ready.objects,
    ready.superpoints,
    scenes.findings,
    scenes.source,
    scenes.created_at AS ingested_at
FROM scenes
JOIN datasets ON datasets.id = scenes.dataset_id
CROSS JOIN LATERAL (
    SELECT
        array_agg(feature_sets.name ORDER BY feature_sets.id) AS feature_sets,
        sum(counted.objects)::integer AS objects,
        sum(counted.superpoints)::integer AS superpoints
    FROM feature_sets
    CROSS JOIN LATERAL (
        SELECT
            count(*) FILTER (WHERE regions.level = 'object') AS objects,
            count(*) FILTER (WHERE regions.level = 'superpoint') AS superpoints
        FROM regions
        WHERE regions.feature_set_id = feature_sets.id
    ) AS counted
    WHERE feature_sets.scene_id = scenes.id AND feature_sets.state = 'ready'
) AS ready
"""

REGION_OVERVIEW = """
CREATE VIEW region_overview AS
SELECT
    regions.id AS region,
    datasets.name AS dataset,
    scenes.name AS scene,
    scenes.split,
    regions.level,
    regions.ordinal,
    regions.label,
    regions.point_count,
    regions.seen_count,
    regions.centre[1] AS centre_x,
    regions.centre[2] AS centre_y,
    regions.centre[3] AS centre_z,
    regions.box_min[1] AS min_x,
    regions.box_min[2] AS min_y,
    regions.box_min[3] AS min_z,
    regions.box_max[1] AS max_x,
    regions.box_max[2] AS max_y,
    regions.box_max[3] AS max_z,
    regions.box_max[1] - regions.box_min[1] AS size_x,
    regions.box_max[2] - regions.box_min[2] AS size_y,
    regions.box_max[3] - regions.box_min[3] AS size_z,
    regions.oriented_size[1] * regions.oriented_size[2] * regions.oriented_size[3] AS volume,
    regions.radius,
    feature_sets.name AS feature_set,
    feature_sets.source AS feature_source,
    embedding_spaces.name AS space,
    recipes.body #>> '{encoder,name}' AS encoder,
    regions.scene_id,
    regions.feature_set_id,
    regions.embedding_space_id,
    regions.embedding
FROM regions
JOIN feature_sets ON feature_sets.id = regions.feature_set_id AND feature_sets.state = 'ready'
JOIN scenes ON scenes.id = regions.scene_id
JOIN datasets ON datasets.id = scenes.dataset_id
JOIN embedding_spaces ON embedding_spaces.id = regions.embedding_space_id
JOIN recipes ON recipes.id = feature_sets.recipe_id
"""

COMMENTS = {
    "VIEW scene_overview": "One row a scene: what it holds and how it was seen. Counts are of ready feature sets",
    "COLUMN scene_overview.seen_share": "share of the points that at least one frame sees, 0 to 1",
    "COLUMN scene_overview.size_x": "metres; so are size_y and size_z",
    "COLUMN scene_overview.feature_sets": "names of the ready ones, oldest first",
    "COLUMN scene_overview.objects": "regions of level object, in all ready feature sets",
    "VIEW region_overview": "One row a region of a ready feature set: what search --where takes. Metres",
    "COLUMN region_overview.region": "its id: what ovstore search prints and ovstore show takes",
    "COLUMN region_overview.label": "what the dataset says most of its points are; never used by search",
    "COLUMN region_overview.volume": "cubic metres of the oriented box",
    "COLUMN region_overview.radius": "largest distance of a point's vector from the region's",
    "COLUMN region_overview.embedding": "unit length; 1 - (embedding <=> vector) is the score",
}


def upgrade() -> None:
    op.execute(SCENE_OVERVIEW)
    op.execute(REGION_OVERVIEW)
    for what, comment in COMMENTS.items():
        quoted = comment.replace("'", "''")
        op.execute(f"COMMENT ON {what} IS '{quoted}'")


def downgrade() -> None:
    op.execute("DROP VIEW region_overview")
    op.execute("DROP VIEW scene_overview")
