"""The exception tree: everything a person can cause and mend.

    OvstoreError
    ├── BadInput            a file, array or option is not what it must be
    │   ├── Misused         options that make no sense together
    │   ├── BadScene        a scan that cannot be taken in; the others go on
    │   └── BadWeights      a checkpoint that is missing, damaged or of another model
    ├── WouldDrop           what is asked would drop features that somebody made
    ├── ReadOnlyStore       what is asked would change a store that is open read-only
    ├── NotFound            no scene, region, feature set, encoder ... of that name
    ├── SpaceMismatch       vectors of two embedding spaces were about to be compared
    ├── UnknownWords        a query in words that the encoder was not trained on
    ├── MissingPackage      an extra has to be installed first
    ├── BadPlugin           a plug-in of a third party lacks what its registry asks for
    ├── Interrupted         long work was told to stop, and has kept what it did
    ├── Cancelled           an answer that nobody waits for any more
    └── DatabaseError       the server is missing, too old, or refuses
        └── SchemaVersion   the store was written by another version of ovstore

Each message says what was found, what was expected and what to do. The command line prints it as one line and exits
with 1 (2 for options that make no sense together); anything else that reaches it is a bug and keeps its traceback.
"""

from collections.abc import Iterable
from os import PathLike, fspath

from .wording import shown, without_paths


class OvstoreError(Exception):
    """Something that a person can mend; the message says how."""

    def __init__(self, message: str = "", *, near: Iterable[str] = ()) -> None:
        super().__init__(message)
        self.near = tuple(near)  # names or words that may have been meant, likeliest first

    def __str__(self) -> str:
        return shown(super().__str__())


class BadInput(OvstoreError):
    """A file, array or option is not what it must be."""


class Misused(BadInput):
    """Options that make no sense together."""


class BadScene(BadInput):
    """A scan that cannot be taken in."""


class BadWeights(BadInput):
    """A checkpoint that is missing, damaged, or of another model."""


class WouldDrop(OvstoreError):
    """What is asked would drop features that somebody made; the message names the ways out."""


class ReadOnlyStore(OvstoreError):
    """What is asked would change a store that is open read-only."""


class NotFound(OvstoreError):
    """Nothing of that name."""


class SpaceMismatch(OvstoreError):
    """Vectors of two embedding spaces were about to be compared."""


class UnknownWords(OvstoreError):
    """A query in words that the encoder was not trained on."""


class MissingPackage(OvstoreError):
    """A third-party package has to be installed first."""


class BadPlugin(OvstoreError):
    """A plug-in of a third party lacks what its registry asks for."""


class Interrupted(OvstoreError):
    """Long work was told to stop by a signal; what it did is kept, and it can go on from there."""


class Cancelled(OvstoreError):
    """An answer that nobody waits for any more was not worked out."""


class DatabaseError(OvstoreError):
    """The database server is missing, too old, or refuses."""


class SchemaVersion(DatabaseError):
    """The store was written by another version of ovstore."""


def public_sentence(error: BaseException, *roots: str | PathLike[str]) -> str:
    """What may be said of an error to somebody elsewhere: the sentence, with no absolute path in it.

    `roots` are folders whose names hold spaces or might, such as the store's. An error that is no OvstoreError is a bug
    of ours, of which nothing is said.
    """
    if not isinstance(error, OvstoreError):
        return "Something went wrong inside ovstore."
    return without_paths(str(error), [fspath(root) for root in roots])
