"""Every environment variable that ovstore reads: what it means and what holds without it. Nothing else reads any.

What can be set in ovstore.toml instead, and what goes before what, is in settings.py; docs/command-line.md shows both.
"""

import os
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Variable:
    """One variable; the words are those of the documentation."""

    name: str
    meaning: str
    default: str  # what holds where it is not set


VARIABLES = (
    Variable("OVSTORE_HOME", "the store's folder", "`store` of ovstore.toml, else `ovstore-data`"),
    Variable(
        "OVSTORE_DATABASE_URL",
        "a PostgreSQL with pgvector, `postgresql://user:password@host/database`",
        "the store's own server",
    ),
    Variable(
        "OVSTORE_ENCODER", "the encoder that `--encoder` stands for", "`encoder` of ovstore.toml, else `openclip`"
    ),
    Variable("OVSTORE_WEIGHTS", "the folder where checkpoints are looked up by name", "`weights` of ovstore.toml"),
    Variable("OVSTORE_TENSORFLOW_PYTHON", "the Python with TensorFlow that runs OpenSeg", "the one that runs ovstore"),
    Variable(
        "OVSTORE_SPCONV_TRITON", "`off`: sparse convolutions in torch alone", "spconv-triton where it is installed"
    ),
    Variable("OVSTORE_WEB_TOKEN", "what clients of `ovstore web` must show", "a new one where `--host` needs one"),
    Variable("XDG_CONFIG_HOME", "the folder of `ovstore/ovstore.toml`", "`~/.config`"),
    Variable("XDG_CACHE_HOME", "the folder of names that a shell completes", "`~/.cache`"),
    Variable("COLUMNS", "how wide the reader's terminal is, where output is piped", "nothing is folded"),
    Variable("RANK", "the number of this process, set by torchrun", "the only process"),
    Variable("LOCAL_RANK", "its number on this machine, set by torchrun: its GPU", "–"),
    Variable("WORLD_SIZE", "how many processes train, set by torchrun", "1"),
    Variable("LOCAL_WORLD_SIZE", "how many of them are on this machine, set by torchrun", "–"),
)
_NAMES = frozenset(variable.name for variable in VARIABLES)


def value(name: str) -> str:
    """What the variable is set to, "" where it is not; KeyError for one that the table lacks."""
    if name not in _NAMES:
        raise KeyError(f"{name} is not in the table of core/environment.py")
    return os.environ.get(name, "")


def inherited(names: Iterable[str] | None = None) -> dict[str, str]:
    """What a process that is started gets of this one's environment: all, or those of `names` that are set."""
    return dict(os.environ) if names is None else {name: os.environ[name] for name in names if name in os.environ}
