"""What is made of page/ and packaged beside this file; no other folder is served."""

from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from .documents import ASK_AGAIN

FOLDER = Path(__file__).parent / "static"


class _Static(StaticFiles):
    """With an ETag for each file, asked for again at each visit; no links are followed."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        if "\0" in path or path.startswith("."):
            raise HTTPException(404)
        response = await super().get_response(path, scope)
        response.headers["Cache-Control"] = ASK_AGAIN
        return response


def app() -> StaticFiles:
    """The packaged files."""
    return _Static(directory=FOLDER, follow_symlink=False, check_dir=False)
