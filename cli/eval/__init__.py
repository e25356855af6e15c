"""ovstore eval: how well features label points, find objects and answer questions, against the scans' own truth."""

import click

from .instances import command as instances
from .points import command as points
from .retrieval import command as retrieval


class _PointsByDefault(click.Group):
    """`ovstore eval --labels SET` is `ovstore eval points --labels SET`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if not args:
            raise click.UsageError(
                "Name the classes to evaluate points with, as in ovstore eval --labels scannet20. `ovstore labels "
                "list` shows them; `ovstore eval --help` shows the other evaluations: instances, retrieval.",
                ctx,
            )
        if args[0].startswith("-") and args[0] not in ctx.help_option_names:
            args = ["points", *args]
        return super().parse_args(ctx, args)


@click.group("eval", cls=_PointsByDefault)
def command() -> None:
    """Evaluate features against the ground truth of scans.

    Options without the name of an evaluation are those of `ovstore eval points`.

    \b
    Examples:
      ovstore eval --labels scannet20 --split val
      ovstore eval points --help
    """


command.add_command(points)
command.add_command(instances)
command.add_command(retrieval)
