"""The schema of the REST API as it is published.

python tests/helpers/openapi.py      writes tests/web/openapi.json anew, where a change is meant
"""

import json
from pathlib import Path
from typing import Any

import ovstore
from ovstore.web.app import bare_app
from ovstore.web.options import WebOptions

FILE = Path(ovstore.__file__).parent / "tests" / "web" / "openapi.json"


def schema() -> dict[str, Any]:
    """What GET /api/openapi.json says; no store is needed for it."""
    return bare_app(None, WebOptions()).openapi()  # type: ignore[arg-type]


def printed() -> str:
    """As the file has it."""
    return json.dumps(schema(), indent=1, sort_keys=True) + "\n"


if __name__ == "__main__":
    FILE.write_text(printed())
