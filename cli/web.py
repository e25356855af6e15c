"""ovstore web: the store in the browser, and for programs."""

import click

from ._output.printing import say


@click.command("web")
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to serve on; others need a token.")
@click.option("--port", type=click.IntRange(1, 65535), default=8000, show_default=True, help="The port to serve on.")
@click.option("--open", "open_page", is_flag=True, help="Open the page in a browser.")
@click.option("--sql", is_flag=True, help="Also answer SQL, read-only.")
@click.option("--allow-host", "allow_hosts", multiple=True, metavar="NAME", help="Another name of this server, as "
              "browsers know it; may be repeated.")  # fmt: skip
@click.option("--root-path", default="", metavar="/PATH", help="The path under which a reverse proxy shows the store.")
@click.option("--trust-proxy", "trust_proxy", multiple=True, metavar="ADDRESS", help="A proxy whose X-Forwarded "
              "headers are believed; may be repeated.")  # fmt: skip
@click.pass_context
def command(
    context: click.Context,
    host: str,
    port: int,
    open_page: bool,
    sql: bool,
    allow_hosts: tuple[str, ...],
    root_path: str,
    trust_proxy: tuple[str, ...],
) -> None:
    """Serve the store as web pages and as a REST API.

    Nothing of it changes the store. On another address than this machine's own, a token is needed: it is part of the
    printed URL, and OVSTORE_WEB_TOKEN sets it. Pages, API and proxies: docs/web.md.

    \b
    Examples:
      ovstore web --open
      ovstore web --host 0.0.0.0 --allow-host scans.example.org --port 8080
    """
    from ..core.errors import Misused
    from ..web import serving
    from ..workflows.open_store import open as open_store
    from ._options.named_store import store_folder

    try:
        options = serving.options(host, port, sql, allow_hosts, root_path, trust_proxy)
        serving.require_free(options.host, options.port)
    except Misused as error:
        raise click.UsageError(str(error)) from error
    store = open_store(store_folder(), read_only=True)
    with store:
        say(f"The store is at {serving.address(options)}", "Ctrl-C ends it.", err=True)
        serving.serve(store, options, open_page=open_page, verbose=context.find_root().params.get("verbose", False))
