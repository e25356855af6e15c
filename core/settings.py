"""Settings that are not typed each time: ovstore.toml in the user's configuration folder, and in a store's.

The user's file may name the store, the encoder and the folder of weights. A store may come from a stranger, so its
file names its encoder and nothing else: no path, and no weights.
"""

import os
import stat
import tomllib
from dataclasses import dataclass
from pathlib import Path

from . import environment, plugins
from .errors import BadInput, NotFound
from .wording import did_you_mean

FILE = "ovstore.toml"
DEFAULT_STORE = "ovstore-data"
DEFAULT_ENCODER = "openclip"
_PATHS = ("store", "weights")  # folders: absolute, or from the user's home
_USERS = ("store", "encoder", "weights")
_STORES = ("encoder",)
_MOST_BYTES = 64 << 10


@dataclass(frozen=True)
class Setting:
    """A value, and what set it, for people."""

    value: str
    origin: str


def store_folder() -> str:
    """OVSTORE_HOME, else the user's file, else ovstore-data here."""
    return environment.value("OVSTORE_HOME") or _of_user().get("store") or DEFAULT_STORE


def encoder(store: Path) -> Setting:
    """OVSTORE_ENCODER, else the store's file, else the user's, else openclip."""
    if named := environment.value("OVSTORE_ENCODER"):
        return Setting(named, "OVSTORE_ENCODER")
    for path, allowed in ((store / FILE, _STORES), (user_file(), _USERS)):
        found = {} if path is None else _read(path, allowed)
        if "encoder" in found:
            return Setting(found["encoder"], str(path))
    return Setting(DEFAULT_ENCODER, "the default")


def database_url() -> str | None:
    """OVSTORE_DATABASE_URL; None where the store has a server of its own."""
    return environment.value("OVSTORE_DATABASE_URL") or None


def weights_folder() -> Path | None:
    """OVSTORE_WEIGHTS, else the user's file."""
    named = environment.value("OVSTORE_WEIGHTS") or _of_user().get("weights")
    return Path(named).expanduser() if named else None


def user_file() -> Path | None:
    """Where the user's file lies, or would; None where the user has no folder."""
    folder = environment.value("XDG_CONFIG_HOME")
    try:
        base = Path(folder) if os.path.isabs(folder) else Path.home() / ".config"
    except RuntimeError:  # no HOME, and no entry of this user
        return None
    return base / "ovstore" / FILE


def _of_user() -> dict[str, str]:
    path = user_file()
    return {} if path is None else _read(path, _USERS)


def _read(path: Path, allowed: tuple[str, ...]) -> dict[str, str]:
    """What the file sets; nothing where there is none. BadInput for what is not allowed in it."""
    try:
        status = path.lstat() if allowed is _STORES else path.stat()
        if not stat.S_ISREG(status.st_mode) or status.st_size > _MOST_BYTES:
            raise BadInput(
                f"{path} is not a settings file: a regular file of at most {_MOST_BYTES >> 10} kB was expected."
            )
        found = tomllib.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror or error}.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadInput(f"{path} is not TOML: {error}.") from error
    for key, value in found.items():
        _require(path, key, value, allowed)
    return found


def _require(path: Path, key: str, value: object, allowed: tuple[str, ...]) -> None:
    """BadInput for a key that does not belong there, or a value that is none of its kind."""
    if key not in allowed:
        if key in _USERS:
            raise BadInput(
                f"{path}: {key!r} may not be set in a store's own file, because the store may come from a stranger: "
                f"set it in {user_file() or 'your own'}, in the environment, or on the command line."
            )
        raise BadInput(f"{path}: there is no setting {key!r}.{did_you_mean(key, allowed)} Known: {', '.join(allowed)}.")
    if not isinstance(value, str) or not value or "\0" in value:
        raise BadInput(f"{path}: {key} is {value!r}; a quoted string was expected.")
    if key in _PATHS and not (os.path.isabs(value) or value.startswith("~")):
        raise BadInput(
            f"{path}: {key} is {value!r}; a path that begins with / or ~ was expected, so that it is the "
            "same from every folder."
        )
    if key == "encoder" and value not in plugins.names("models.encoders"):
        try:
            plugins.load("models.encoders", value, noun="encoder")
        except NotFound as error:
            raise BadInput(f"{path}: {error}") from error
