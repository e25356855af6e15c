"""A command with one subcommand for each file of a registry."""

from collections.abc import Callable
from types import ModuleType
from typing import Any

import click

from ..store import plugins


class PluginGroup(click.Group):
    """`make` builds the subcommand of a plug-in; listing them imports none, so help needs no package of theirs."""

    def __init__(self, *, registry: str, make: Callable[[str, ModuleType], click.Command], **settings: Any) -> None:
        super().__init__(**settings)
        self._registry, self._make = registry, make

    def list_commands(self, ctx: click.Context) -> list[str]:
        return plugins.names(self._registry)

    def get_command(self, ctx: click.Context, name: str) -> click.Command:
        return self._make(name, plugins.load(self._registry, name, noun="format"))

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, self.summary(name)) for name in self.list_commands(ctx)])

    def summary(self, name: str) -> str:
        """What a subcommand does, in a line."""
        return plugins.summary(self._registry, name)
