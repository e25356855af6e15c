"""The trees of things in the database: one row per feature set, its arrays as the bytes of an .npz file."""

import io
import zipfile
from collections.abc import Sequence
from dataclasses import fields

import numpy as np
from sqlalchemy import Connection, select
from sqlalchemy.dialects.postgresql import insert

from ...core.errors import BadInput, OvstoreError
from ...core.sightings import Sightings
from ...core.things import ThingTree
from ...core.wording import reason
from .schema import thing_trees

_SIGHTINGS = "sightings."


def keep(connection: Connection, feature_set_id: int, tree: ThingTree) -> None:
    """The tree of a feature set, in place of the one it had."""
    body = to_bytes(tree)
    statement = insert(thing_trees).values(feature_set_id=feature_set_id, body=body)
    connection.execute(statement.on_conflict_do_update(index_elements=["feature_set_id"], set_={"body": body}))


def held(connection: Connection, feature_sets: Sequence[int]) -> frozenset[int]:
    """Those of the feature sets that have a tree."""
    query = select(thing_trees.c.feature_set_id).where(thing_trees.c.feature_set_id.in_(feature_sets))
    return frozenset(connection.execute(query).scalars())


def load(connection: Connection, feature_set_id: int) -> ThingTree | None:
    """The tree of a feature set; None where there is none (any more)."""
    body = body_of(connection, feature_set_id)
    if body is None:
        return None
    try:
        return from_bytes(body)
    except BadInput as error:
        raise OvstoreError(
            f"The tree of things of feature set {feature_set_id} is damaged ({reason(error)}): ovstore doctor --repair "
            "makes it again."
        ) from error


def body_of(connection: Connection, feature_set_id: int) -> bytes | None:
    """The tree of a feature set as it is stored; None where there is none."""
    query = select(thing_trees.c.body).where(thing_trees.c.feature_set_id == feature_set_id)
    body: bytes | None = connection.execute(query).scalar_one_or_none()
    return body


def to_bytes(tree: ThingTree) -> bytes:
    """Equal trees have equal bytes."""
    arrays = {each.name: np.asarray(getattr(tree, each.name)) for each in fields(tree) if each.name != "sightings"}
    arrays |= {_SIGHTINGS + each.name: getattr(tree.sightings, each.name) for each in fields(Sightings)}
    file = io.BytesIO()
    np.savez(file, allow_pickle=False, **arrays)
    return file.getvalue()


def from_bytes(body: bytes) -> ThingTree:
    """What `to_bytes` wrote; BadInput for anything else. Nothing in it is executed."""
    try:
        with np.load(io.BytesIO(body), allow_pickle=False) as saved:
            arrays = {name: saved[name] for name in saved.files}
        seen = {each.name: arrays.pop(_SIGHTINGS + each.name) for each in fields(Sightings)}
        plain = {name: arrays[name].item() for name in ("same", "range", "up_axis")}
        return ThingTree(**(arrays | plain | {"sightings": Sightings(**seen)}))
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as error:
        raise BadInput(f"not a tree of things: {reason(error)}") from error
