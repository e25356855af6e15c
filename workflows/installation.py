"""Which of ovstore's packages are installed, as its own metadata names them."""

import platform
import re
import sys
from dataclasses import dataclass
from importlib import metadata

FAISS = ("faiss-cpu", "faiss-gpu", "faiss-gpu-cuvs")  # one folder, so at most one of them


@dataclass(frozen=True)
class Extra:
    """One extra ("" is what ovstore always needs) and the version of each of its packages, None where it is missing."""

    name: str
    versions: dict[str, str | None]

    @property
    def complete(self) -> bool:
        return None not in self.versions.values()


@dataclass(frozen=True)
class Installation:
    """This Python, and what it has of ovstore's packages."""

    ovstore: str
    python: str
    system: str
    extras: tuple[Extra, ...]


def installation() -> Installation:
    """Looks names up; imports none of them."""
    by_extra: dict[str, dict[str, str | None]] = {}
    for line in metadata.requires("ovstore") or ():
        found = re.match(r"(?P<name>[\w.-]+)[^;]*(;.*extra == ['\"](?P<extra>[\w-]+)['\"])?", line)
        if found and found["name"] != "ovstore":
            by_extra.setdefault(found["extra"] or "", {})[found["name"]] = _version(found["name"])
    by_extra.pop("dev", None)
    return Installation(
        metadata.version("ovstore"),
        sys.version.partition(" ")[0],
        platform.platform(terse=True),
        tuple(Extra(name, versions) for name, versions in by_extra.items()),
    )


def faiss_packages() -> list[str]:
    """The installed ones; two of them overwrite each other's files and leave neither whole."""
    return [name for name in FAISS if _version(name) is not None]


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None
