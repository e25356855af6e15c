"""GET /store and GET /features: what is served, and what can be asked."""

from dataclasses import asdict

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from ... import __version__
from ...core.features import EmbeddingSpace
from ...store.catalog import catalog
from ..answers import FeatureKindAnswer, SpaceAnswer, StoreAnswer, Switches
from ..documents import answer
from ..served import Served, served

routes = APIRouter(tags=["store"])


@routes.get("/store", response_model=StoreAnswer, summary="The store as a whole")
def store(request: Request) -> Response:
    """Its name, what it holds, what can be asked, and what is switched on."""
    return answer(request, store_answer(served(request)))


@routes.get("/features", response_model=list[FeatureKindAnswer], summary="What questions are put to")
def features(request: Request) -> Response:
    """Feature sets by name and space, those that most scenes have first."""
    return answer(request, kinds(served(request)))


def store_answer(here: Served) -> StoreAnswer:
    """What GET /store says."""
    scenes = catalog.scenes(here.store)
    return StoreAnswer(
        name=here.store.path.name,
        version=__version__,
        scenes=len(scenes),
        points=sum(scene.point_count for scene in scenes),
        datasets=sorted({scene.dataset for scene in scenes}),
        features=kinds(here),
        switches=Switches(sql=here.options.sql, uploads=True),
    )


def kinds(here: Served) -> list[FeatureKindAnswer]:
    """What GET /features says."""
    return [
        FeatureKindAnswer(
            name=kind.name,
            space=space(kind.space),
            scene_count=kind.scene_count,
            encoder=str(kind.recipe.get("encoder", {}).get("name", "")),
            words=here.words.state(kind.name),
            recipe={},
        )
        for kind in catalog.feature_kinds(here.store)
    ]


def space(found: EmbeddingSpace) -> SpaceAnswer:
    """A space as clients see it."""
    return SpaceAnswer(**{name: asdict(found)[name] for name in ("name", "dim", "digest")})
