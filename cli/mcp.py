"""ovstore mcp: the store for agents, over standard input and output."""

import sys

import click

from ._options.named_store import store_folder
from ._output.printing import say


@click.command("mcp")
@click.option("--sql", is_flag=True, help="Also offer a tool that runs read-only SQL.")
def command(sql: bool) -> None:
    """Answer an agent (Claude, an editor, a program) that speaks MCP.

    The agent starts this command and talks to it over standard input and output; no port is opened. The store is opened
    read-only: nothing that an agent asks changes it. How to connect one: docs/agents.md.

    \b
    Examples:
      claude mcp add rooms -- ovstore --store demo/store mcp
      ovstore --store demo/store mcp --sql
    """
    from ..web.mcp import mcp_server
    from ..workflows.open_store import open as open_store

    with open_store(store_folder(), read_only=True) as store:
        if sys.stdin.isatty():
            say("Waiting for an agent's messages on standard input (Ctrl-C ends). See docs/agents.md.", err=True)
        mcp_server(store, sql=sql).run("stdio")
