"""The tools for agents: what they take, and what they ask the store; none takes or returns a path, and none writes."""

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Generic, Literal, TypeVar

from PIL import Image
from pydantic import Field

from .. import __version__
from ..core.errors import BadInput, Misused, NotFound, OvstoreError, public_sentence
from ..drawing.clouds import heat_drawing, scene_drawing
from ..drawing.evidence import with_box
from ..models.pictures import read_image
from ..query import sql
from ..query.heat import heat_map
from ..query.question import Question
from ..query.relations.expressions import Relation
from ..query.relations.grammar import parse
from ..query.search import search
from ..store.catalog import catalog, region_names
from ..store.postgres.database import Database
from ..workflows.measure import Measured, measure
from ..workflows.show import evidence_of
from . import mcp_answers as answers

About = TypeVar("About")

_MOST_HITS, _MOST_SCENES, _MOST_PICTURES, _WIDEST, _MOST_ROWS, _SECONDS = 50, 100, 3, 1024, 200, 30
_JPEG_QUALITY = 85

SceneName = Annotated[str, Field(description="A scene as list_scenes names it.", max_length=500)]
RegionName = Annotated[str, Field(description="A region as search names it: dataset/scene:17@thing.", max_length=500)]
FeaturesName = Annotated[
    str | None, Field(description="Which features are asked; by default those most scenes have.", max_length=200)
]
Names = Annotated[list[str], Field(description="Only in these; all without.", max_length=50)]
Words = Annotated[str, Field(description="What to look for, in a few words.", max_length=1_000)]
Top = Annotated[int, Field(description="How many hits at most.", ge=1, le=_MOST_HITS)]
Width = Annotated[int, Field(description="Pixels of a picture's width at most.", ge=64, le=_WIDEST)]
BoxXyxy = tuple[float, float, float, float]
Point = tuple[float, float, float]


@dataclass(frozen=True)
class Drawn(Generic[About]):
    """What a tool says, and pictures beside it as JPEG."""

    about: About
    pictures: tuple[bytes, ...]


@dataclass(frozen=True)
class Tools:
    """Over one store that is open read-only; each method is a tool, its docstring what a model reads of it."""

    store: Database
    sql_allowed: bool

    def store_overview(self) -> answers.Overview:
        """How many scenes the store holds, which features can be asked, and the limits of the tools. Start here."""
        scenes = catalog.scenes(self.store)
        return answers.Overview(
            store=self.store.path.name,
            version=__version__,
            scenes=len(scenes),
            points=sum(scene.point_count for scene in scenes),
            datasets=sorted({scene.dataset for scene in scenes}),
            features=[answers.features_of(kind) for kind in catalog.feature_kinds(self.store)],
            limits=answers.Limits(
                hits=_MOST_HITS,
                scenes_per_page=_MOST_SCENES,
                pictures=_MOST_PICTURES,
                picture_width=_WIDEST,
                sql_rows=_MOST_ROWS if self.sql_allowed else None,
                bytes_of_text=answers.MOST_TEXT,
            ),
        )

    def list_scenes(
        self,
        dataset: Annotated[str | None, Field(max_length=200)] = None,
        name_contains: Annotated[str | None, Field(description="Part of a name, in any case.", max_length=200)] = None,
        limit: Annotated[int, Field(ge=1, le=_MOST_SCENES)] = 50,
        after: Annotated[str | None, Field(description="`next` of the page before.", max_length=500)] = None,
    ) -> answers.Scenes:
        """Names and sizes of the scenes, in pages."""
        part = (name_contains or "").casefold()
        found = [scene for scene in catalog.scenes(self.store, dataset) if part in scene.full_name.casefold()]
        found.sort(key=lambda scene: scene.full_name)
        left = [scene for scene in found if after is None or scene.full_name > after]
        page = left[:limit]
        following = page[-1].full_name if len(left) > len(page) else None
        return answers.Scenes([answers.scene_line(scene) for scene in page], len(found), following)

    def describe_scene(
        self,
        scene: SceneName,
        features: FeaturesName = None,
        top: Annotated[int, Field(description="How many objects to list.", ge=1, le=_MOST_HITS)] = 15,
    ) -> answers.SceneAnswer:
        """Extent, up axis and findings of one scene, and its largest objects with their places."""
        held = catalog.find_scene(self.store, scene)
        if features is None and len(held.features) < 2:
            return answers.scene_answer(held, catalog.regions(self.store, held.id, "object", top))
        usual = catalog.feature_kind(self.store).name
        chosen = catalog.find_feature_set(self.store, held, features or (usual if usual in held.features else None))
        objects = [one for one in catalog.regions(self.store, held.id, "object") if one.feature_set_id == chosen.id]
        return answers.scene_answer(held, objects[:top])

    def search(
        self,
        question: Words,
        not_words: Annotated[list[str], Field(description="Leave out what is closer to these.", max_length=20)] = [],  # noqa: B006
        relations: Annotated[
            str | None,
            Field(
                description='Where the things stand: below "dart board" and near sofa within 1. '
                "Also on, under, above, inside, beside, between, not, or, nearest to.",
                max_length=1_000,
            ),
        ] = None,
        scenes: Names = [],  # noqa: B006
        datasets: Names = [],  # noqa: B006
        features: FeaturesName = None,
        level: Annotated[
            Literal["object", "superpoint"] | None,
            Field(description="Stored regions of this level in place of whole things."),
        ] = None,
        where: Annotated[
            str | None,
            Field(description="A condition in SQL: size_z > 0.5 AND label = 'chair'.", max_length=2_000),
        ] = None,
        top: Top = 10,
    ) -> answers.SearchAnswer:
        """Find things by words: where they are, how large, how likely, and which frames show them.

        A hit is a whole thing. Compare hits of different questions by probability; probably_here says whether the store
        thinks that it holds what was asked for.
        """
        found = search(
            self.store,
            question,
            exclude=not_words,
            relations=_relations(relations),
            scenes=scenes,
            datasets=datasets,
            features=features,
            level=level,
            where=where,
            top=top,
        )
        return answers.search_answer(found)

    def search_by_example(
        self,
        region: RegionName | None = None,
        frame: Annotated[
            str | None, Field(description="An image of the store, as SCENE:FRAME.", max_length=1_000)
        ] = None,
        box_xyxy: Annotated[BoxXyxy | None, Field(description="With frame: the part of it, in pixels.")] = None,
        scenes: Names = [],  # noqa: B006
        features: FeaturesName = None,
        top: Top = 10,
    ) -> answers.SearchAnswer:
        """Find what is like a region, or like what a box of a frame shows. Such hits have no probability."""
        if (region is None) == (frame is None):
            raise Misused("Give either region, or frame with a box_xyxy.")
        if region is not None:
            if box_xyxy is not None:
                raise Misused("A box needs a frame: leave box_xyxy out.")
            found = search(self.store, like=region, scenes=scenes, features=features, top=top)
            return answers.search_answer(found)
        assert frame is not None
        scene, _, name = frame.rpartition(":")
        if not scene:
            raise BadInput(f"{frame!r} is not the name of a frame: SCENE:FRAME was expected.")
        found = search(self.store, frame=(scene, name), box_xyxy=box_xyxy, scenes=scenes, features=features, top=top)
        return answers.search_answer(found)

    def show_evidence(
        self,
        region: RegionName,
        frames: Annotated[int, Field(description="How many pictures at most.", ge=1, le=_MOST_PICTURES)] = 1,
        width: Width = 640,
        features: FeaturesName = None,
    ) -> Drawn[answers.Captions]:
        """The images that show a region best, with its box drawn."""
        found = region_names.find(self.store, region, features)
        views, pictures = [], []
        for view in evidence_of(self.store, found)[:frames]:
            image = Image.fromarray(read_image(Path(view.image_path)))
            views.append(answers.frame_box(view))
            pictures.append(_jpeg(with_box(image, view, width)))
        if not pictures:
            raise NotFound(f"No image shows {found.full_name}.")
        return Drawn(answers.Captions(found.full_name, views), tuple(pictures))

    def show_scene(
        self,
        scene: SceneName,
        question: Annotated[
            str | None, Field(description="Draw how well each point answers these words.", max_length=1_000)
        ] = None,
        width: Width = 640,
        features: FeaturesName = None,
    ) -> Drawn[answers.Caption]:
        """A look into a scene from above one corner: in its own colours, or as a heat map of a question."""
        name = catalog.find_scene(self.store, scene).full_name
        if question is None:
            drawing, caption = scene_drawing(self.store, name), answers.Caption(name, None, None, None)
        else:
            heat = heat_map(self.store, name, Question(question), features)
            drawing, caption = heat_drawing(heat), answers.Caption(name, question, heat.low, heat.high)
        picture = drawing.picture()
        picture.thumbnail((width, picture.height))
        return Drawn(caption, (_jpeg(picture),))

    def measure(
        self,
        first: RegionName,
        second: Annotated[
            str | Point, Field(description="Another region of the scene, or a point [x, y, z] in metres.")
        ],
        features: FeaturesName = None,
    ) -> Measured:
        """Metres between two regions of a scene, or a region and a point, and whether the first is above, below, beside
        or inside the second; by their boxes.
        """
        return measure(self.store, first, second, features)

    def sql(
        self,
        statement: Annotated[str, Field(description="One SELECT.", max_length=10_000)],
        limit: Annotated[int, Field(description="How many rows at most.", ge=1, le=_MOST_ROWS)] = 50,
    ) -> answers.Table:
        """One read-only SELECT over the views scene_overview and region_overview, and over the tables. {text:a red
        chair} stands for the vector of these words: 1 - (embedding <=> {text:a red chair}) is a score.
        """
        with sql.opened(self.store, statement, limits=sql.Limits(seconds=_SECONDS), images=False) as found:
            rows = []
            for block in found.blocks:
                rows += [[answers.cell(value) for value in row] for row in block]
                if len(rows) > limit:
                    break
        more = f"The first {limit:,} rows. Add LIMIT and OFFSET for others." if len(rows) > limit else None
        return answers.Table(list(found.columns), rows[:limit], more)

    def sentence(self, error: OvstoreError) -> str:
        """What the command line would print, without paths."""
        return public_sentence(error, self.store.path)


def _relations(said: str | None) -> tuple[Relation, ...]:
    if said is None:
        return ()
    try:
        found = parse(f"thing {said}")
    except Misused as error:
        raise Misused(f"relations: {error} It was read after the word 'thing': thing {said}") from error
    if found.words != "thing":
        raise Misused(f"relations: {said!r} does not begin with a relation, such as near, on, below or nearest to.")
    return found.relations


def _jpeg(picture: Image.Image) -> bytes:
    file = io.BytesIO()
    picture.convert("RGB").save(file, "JPEG", quality=_JPEG_QUALITY)
    return file.getvalue()
