"""Templates: everything in them is escaped, and every page has its JSON twin."""

from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import Response

from ... import __version__
from ...core import tilde
from ...core.wording import counted, shown
from ..served import prefix, served

_TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"), autoescape=True, undefined=StrictUndefined,
    trim_blocks=True, lstrip_blocks=True,
)  # fmt: skip
_TEMPLATES.filters |= {
    "tilde": tilde.encode,
    "shown": shown,
    "counted": counted,
    "thousands": lambda number: f"{number:,}",
    "metres": lambda place: " ".join(f"{value:.2f}" for value in place),
    "percent": lambda share: f"{share:.0%}",
    "score": lambda value: f"{value:.3f}",
    "time": lambda moment: f"{moment:%Y-%m-%d %H:%M:%S}",
}


def page(request: Request, template: str, status: int = 200, *, twin: str | None = None, **values: Any) -> Response:
    """A page; `twin` is the URL of the JSON that it shows, without the prefix."""
    here = served(request)
    own = prefix(request)
    html = _TEMPLATES.get_template(template).render(
        prefix=own, store_name=here.store.path.name, version=__version__, sql_on=here.options.sql,
        twin=None if twin is None else own + twin, **values,
    )  # fmt: skip
    headers = {"Cache-Control": "private, no-cache", "Vary": "Accept"}
    return Response(html.encode("utf-8", "replace"), status, headers, "text/html; charset=utf-8")
