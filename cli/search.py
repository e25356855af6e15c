"""ovstore search "snoopy": find things by words, by a picture, or by another hit."""

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
@click.option("--like", metavar="SCENE:REGION", help="Find what is like a hit of an earlier answer.")
@click.option("--not", "exclude", multiple=True, help="Leave out hits that are closer to these words; may be repeated.")
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
    help="Only hits for which this condition holds, e.g. \"size_z > 0.5 AND split = 'val'\".",
)
@click.option(
    "--min-prob", type=click.FloatRange(0, 1), metavar="P", help="Only hits with at least this probability, 0 to 1."
)
@relation_options
@click.option("--top", type=click.IntRange(1), default=10, show_default=True, help="Maximum number of hits.")
@click.option(
    "--features",
    shell_complete=complete("features"),
    help="The feature sets to search  [default: the feature set most scenes have]",
)
@click.option("--ungrouped", is_flag=True, help="Find stored regions, each by itself, in place of whole things.")
@click.option(
    "--level",
    type=click.Choice(["object", "superpoint"]),
    help="The kind of region that is found; implies --ungrouped  [default: object]",
)
@vectors_option(None, " Default: fused, and both for encoders that were taught crops.")
@click.option("--exact", is_flag=True, help="Score every region, without an index.")
@click.option(
    "--save-ply",
    type=PlyFile(),
    help='Write the scene of the best hit as a heat-coloured point cloud, with the hits as column "thing".',
)
@click.option(
    "--save-picture", type=PictureFile(), help="Write an image of the frames that show the hits, with boxes drawn."
)
@json_option
@click.option(
    "--mask", is_flag=True, help="With --json: also the rows of the scene's points that each hit consists of."
)
def command(
    text: str | None,
    image: str | None,
    box: tuple[float, float, float, float] | None,
    like: str | None,
    exclude: tuple[str, ...],
    datasets: tuple[str, ...],
    scenes: tuple[str, ...],
    where: str | None,
    min_prob: float | None,
    top: int,
    features: str | None,
    ungrouped: bool,
    level: str | None,
    exact: bool,
    vectors: "Vectors | None",
    save_ply: Path | None,
    save_picture: Path | None,
    as_json: bool,
    mask: bool,
    relations: "tuple[Relation, ...]",
) -> None:
    """Find things by words, by an image, or by a similar hit.

    A hit is a whole thing; smaller things that touch it are listed below it as its parts. Its score is the cosine of
    query and thing. Its probability says how much better the thing fits the words than everyday things do; it is
    comparable between queries.

    \b
    Examples:
      ovstore search "snoopy" --save-picture snoopy.png
      ovstore search "a red chair" --not table --where "point_count > 500" --top 3
      ovstore search --image crop.jpg --box 120,80,260,240
      ovstore search --like scene0003_00:517@thing
      ovstore search book --on table --not-near window
      ovstore search --ask 'largest chair near sofa within 1 and not beside table'
      ovstore search "a window" --ungrouped --level superpoint
    """
    from typing import Literal, cast

    from ..core.errors import BadInput
    from ..query.question import Question
    from ..query.search import search
    from ..store.catalog import catalog, region_names

    if mask and not as_json:
        raise click.UsageError("--mask adds rows to what --json prints: give both, or write a cloud with --save-ply.")
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
            min_probability=min_prob,
            top=top,
            features=features,
            ungrouped=ungrouped,
            level=cast("Literal['object', 'superpoint'] | None", level),
            exact=exact,
            relations=relations,
            vectors=vectors,
        )
        if as_json:
            print_json(answer.to_dict(masks=mask))
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
            from ..query.heat import heat_map, things_of_points

            best = f"{answer[0].dataset}/{answer[0].scene}"
            heat = heat_map(store, best, question, features)
            heat_drawing(heat).save_ply(save_ply, {"thing": things_of_points(answer, best, len(heat.points))})
            say(f"Cloud of {answer[0].scene}: {save_ply}", err=True)
