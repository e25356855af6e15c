"""Pictures out: a file in the format of its suffix, whole or not at all."""

from pathlib import Path

from PIL import Image

from ..core.errors import BadInput
from ..core.files import replacing


def save(picture: Image.Image, path: Path) -> None:
    """BadInput for a suffix that is no picture's, a missing folder, or a picture larger than its format can be."""
    kind = kind_of(path)
    with replacing(path) as part:
        picture.save(part, kind)


def kind_of(path: Path) -> str:
    """Pillow's name for the format of the suffix; BadInput where that is no picture's."""
    suffix = path.suffix.lower()
    kind = Image.registered_extensions().get(suffix)
    if kind is None or kind not in Image.SAVE:
        raise BadInput(
            f"{path}: an image cannot be saved as {suffix or 'a file without a suffix'}; .png or .jpg was expected."
        )
    return kind
