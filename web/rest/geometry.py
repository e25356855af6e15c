"""GET /scenes/{dataset}/{scene}/geometry and below: the points as browsers draw them, and as programs read them."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from ...store.catalog import displays
from ...store.catalog.catalog import SceneInfo
from ...store.catalog.displays import DisplayedPoints, DisplayFile
from ...store.files import display
from .. import files, urls
from ..answers import ChunkAnswer, GeometryAnswer, MeshAnswer, TileAnswer
from ..documents import answer
from ..limits import worked
from ..problems import Problem
from ..served import prefix, served

routes = APIRouter(tags=["geometry"])

POINTS, MESH = "application/vnd.ovstore.points", "application/vnd.ovstore.mesh"
_MOST_FACES = 2_000_000
_BYTES = files.described(POINTS)
_MESH_BYTES = files.described(MESH)


@routes.get(
    "/scenes/{dataset}/{scene}/geometry", response_model=GeometryAnswer, summary="How the bytes of points are read"
)
async def geometry(request: Request, dataset: str, scene: str) -> Response:
    """Tiles, chunks and planes; see docs/web.md. The file is made when it is first asked for."""
    here = served(request)

    def made() -> tuple[SceneInfo, DisplayedPoints, DisplayFile | None, int]:
        found = urls.scene_of(here.store, dataset, scene)
        faces = displays.face_count(here.store, found)
        mesh = displays.mesh(here.store, found) if 0 < faces <= _MOST_FACES else None
        return found, displays.points(here.store, found), mesh, faces

    found, points, mesh, faces = await worked(request, here.gates.builds, made)
    return answer(request, _described(prefix(request), found, points, mesh, faces), f"geometry {found.content_digest}")


@routes.get(
    "/scenes/{dataset}/{scene}/geometry/points", response_class=Response, responses=_BYTES, summary="The points"
)
async def points(request: Request, dataset: str, scene: str, v: str | None = None) -> Response:
    """Chunks, coarsest level first; any of them is one range."""
    here = served(request)
    found = urls.scene_of(here.store, dataset, scene)
    made = await worked(request, here.gates.builds, lambda: displays.points(here.store, found))
    return files.streamed(
        request, f"points {found.content_digest}", POINTS, made.file.path, made.file.offset, made.file.size
    )


@routes.get(
    "/scenes/{dataset}/{scene}/geometry/mesh", response_class=Response, responses=_MESH_BYTES, summary="The mesh"
)
async def mesh(request: Request, dataset: str, scene: str, v: str | None = None) -> Response:
    """Vertices in stored order, and faces between them; 404 where the scene has none."""
    here = served(request)
    found = urls.scene_of(here.store, dataset, scene)
    if not 0 < displays.face_count(here.store, found) <= _MOST_FACES:
        raise Problem(404, "not-found", f"{found.full_name} has no mesh that is drawn in a browser.", near=[])
    made = await worked(request, here.gates.builds, lambda: displays.mesh(here.store, found))
    assert made is not None
    return files.streamed(request, f"mesh {found.content_digest}", MESH, made.path, made.offset, made.size)


def _described(
    prefix: str, scene: SceneInfo, points: DisplayedPoints, mesh: DisplayFile | None, faces: int
) -> GeometryAnswer:
    layout, version = points.layout, urls.version(scene)
    at = urls.scene_api(prefix, scene.dataset, scene.name, "/geometry/points", v=version)
    mesh_at = urls.scene_api(prefix, scene.dataset, scene.name, "/geometry/mesh", v=version)
    return GeometryAnswer(
        version=display.VERSION,
        digest=scene.content_digest,
        points=layout.points,
        up_axis=scene.up_axis,
        strides=list(layout.strides),
        planes=list(display.PLANES),
        tiles=[
            TileAnswer(list(tile.low), list(tile.size), tile.count, list(tile.superpoints)) for tile in layout.tiles
        ],
        chunks=[ChunkAnswer(one.level, one.tile, one.offset, one.count) for one in layout.chunks],
        bytes=points.file.size,
        mesh=None if mesh is None else MeshAnswer(faces, mesh.size, mesh_at),
        colours=layout.colours,
        frames=scene.frame_count,
        url=at,
    )
