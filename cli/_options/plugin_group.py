"""A command with one subcommand for each file of a registry."""

from collections.abc import Callable
from typing import Any

import click

from ...core import plugins


class PluginGroup(click.Group):
    """`make` builds the subcommand of a plug-in; listing them imports none, so help needs no package of theirs.

    Commands that are added to the group stand after them.
    """

    def __init__(self, *, registry: str, make: Callable[[str, Any], click.Command], **settings: Any) -> None:
        super().__init__(**settings)
        self._registry, self._make = registry, make

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*plugins.names(self._registry), *self.commands]

    def get_command(self, ctx: click.Context, name: str) -> click.Command:
        if name in self.commands:
            return self.commands[name]
        return self._make(name, plugins.load(self._registry, name, noun="format", others=self.commands))

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, self._summary(name)) for name in self.list_commands(ctx)])

    def _summary(self, name: str) -> str:
        """What a subcommand does, in a line."""
        if name in self.commands:
            return self.commands[name].get_short_help_str(limit=200)
        return plugins.summary(self._registry, name)
