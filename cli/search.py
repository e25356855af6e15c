"""ovstore search "snoopy": find regions by words, by a picture, or by another region."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ._options.completion import complete
from ._options.out_files import PictureFile, PlyFile
from ._options.relations import relation_options
from ._options.shared import json_option, opened_store, vectors_option
from ._output.printing import print_json, say

if TYPE_CHECKING:
    from ..core.features import Vectors
    from ..query.relations.expressions import Relation


class _Box(click.ParamType):  # type: ignore[type-arg]  # generic from click 8.2 on
    """x0,y0,x1,y1 in pixels."""

    name = "x0,y0,x1,y1"

    def convert(
        self, value: str, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[float, float, float, float]:
        try:
            x0, y0, x1, y1 = map(float, value.split(","))
        except ValueError:
            self.fail(f"{value!r} is not four numbers x0,y0,x1,y1", param, ctx)
        return x0, y0, x1, y1


@click.command("search")
@click.argument("text", required=False)
@click.option("--image", type=click.Path(dir_okay=False), help="Query with an image instead of words.")
@click.option("--box", type=_Box(), help="Only this part of the image, in pixels.")
@click.option("--like", metavar="SCENE:REGION", help="Find regions that are like a region of an earlier answer.")
@click.option(
    "--not", "exclude", multiple=True, help="Leave out regions that are closer to these words; may be repeated."
)
@click.option(
    "--dataset",
    "datasets",
    shell_complete=complete("datasets"),
    multiple=True,
    help="Only in this dataset; may be repeated.",
)
@click.option(
    "--scene",
    "scenes",
    shell_complete=complete("scenes"),
    multiple=True,
    help="Only in this scene; may be repeated.",
)
@click.option(
    "--where",
    metavar="SQL",
    help="Only regions for which this condition holds, e.g. \"size_z > 0.5 AND split = 'val'\".",
)
@relation_options
@click.option("--top", type=click.IntRange(1), default=10, show_default=True, help="Maximum number of hits.")
@click.option(
    "--features",
    shell_complete=complete("features"),
    help="The feature sets to search  [default: the feature set most scenes have]",
)
@click.option(
    "--level",
    type=click.Choice(["object", "superpoint"]),
    default="object",
    show_default=True,
    help="The kind of region that a hit is.",
)
@vectors_option(None, " Default: fused, and both for encoders that were taught crops.")
@click.option("--exact", is_flag=True, help="Score every region, without an index.")
@click.option("--save-ply", type=PlyFile(), help="Write the scene of the best hit as a heat-coloured point cloud.")
@click.option(
    "--save-picture", type=PictureFile(), help="Write an image of the frames that show the hits, with boxes drawn."
)
@json_option
def command(
    text: str | None,
    image: str | None,
    box: tuple[float, float, float, float] | None,
    like: str | None,
    exclude: tuple[str, ...],
    datasets: tuple[str, ...],
    scenes: tuple[str, ...],
    where: str | None,
    top: int,
    features: str | None,
    level: str,
    exact: bool,
    vectors: "Vectors | None",
    save_ply: Path | None,
    save_picture: Path | None,
    as_json: bool,
    relations: "tuple[Relation, ...]",
) -> None:
    """Find objects by words, by an image, or by a similar region.

    A hit's score is the cosine of query and region. Its probability says how much better the region fits the words
    than everyday things do; it is comparable between queries.

    \b
    Examples:
      ovstore search "snoopy" --save-picture snoopy.png
      ovstore search "a red chair" --not table --where "point_count > 500" --top 3
      ovstore search --image crop.jpg --box 120,80,260,240
      ovstore search --like scene0003_00:17@object
      ovstore search lamp --below "dart board" --near sofa --not-on table
      ovstore search --ask 'largest chair near sofa within 1 and not beside table'
    """
    from typing import Literal, cast

    from ..core.errors import BadInput
    from ..query.question import Question
    from ..query.search import search
    from ..store.catalog import catalog, region_names

    if like is not None and not region_names.is_name(like):
        raise click.UsageError(f"--like takes SCENE:REGION as printed by a search, not {like!r}.")
    try:
        question = Question(text, None if image is None else Path(image), box, like)
    except BadInput as error:
        raise click.UsageError(str(error)) from error
    with opened_store() as store:
        answer = search(
            store,
            text,
            image=image,
            box_xyxy=box,
            like=like,
            exclude=exclude,
            datasets=datasets,
            scenes=scenes,
            where=where,
            top=top,
            features=features,
            level=cast("Literal['object', 'superpoint']", level),
            exact=exact,
            relations=relations,
            vectors=vectors,
        )
        if as_json:
            print_json(answer.to_dict())
        else:
            from ._output.hits import print_answer
            from ._output.landmarks import print_landmarks

            ambiguous = catalog.ambiguous(store, [hit.scene for hit in answer])
            print_answer(answer, ambiguous)
            print_landmarks(answer, ambiguous)
        if answer and save_picture:
            from ..drawing.contact_sheet import save_contact_sheet

            save_contact_sheet(answer, save_picture)
            say(f"Evidence: {save_picture}", err=True)
        if answer and save_ply:
            from ..drawing.clouds import heat_drawing
            from ..query.heat import heat_map

            best = f"{answer[0].dataset}/{answer[0].scene}"
            heat_drawing(heat_map(store, best, question, features)).save_ply(save_ply)
            say(f"Cloud of {answer[0].scene}: {save_ply}", err=True)
