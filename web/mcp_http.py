"""/mcp: the tools for agents in the web server, where the extra 'mcp' is installed."""

from contextlib import AbstractAsyncContextManager, nullcontext
from importlib.util import find_spec

from fastapi import FastAPI

from ..store.postgres.database import Database


def install(app: FastAPI, store: Database, sql: bool) -> AbstractAsyncContextManager[None]:
    """Add the route; what is returned has to be open while requests are answered.

    Hosts and origins are the guard's business, as they are for every other path.
    """
    if find_spec("mcp") is None:
        return nullcontext()
    from mcp.server.transport_security import TransportSecuritySettings

    from .mcp import mcp_server

    server = mcp_server(store, sql=sql)
    unchecked = TransportSecuritySettings(enable_dns_rebinding_protection=False)
    made = server.streamable_http_app(stateless_http=True, json_response=True, transport_security=unchecked)
    app.router.routes.extend(made.routes)
    return server.session_manager.run()
