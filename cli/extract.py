"""ovstore extract IMAGES OUT: per-pixel features of a folder of pictures."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from ..core import plugins
from ..core.wording import counted
from ._options.encoder_options import EncoderCommand, device_option, encoder_option
from ._options.shared import json_option
from ._output.printing import print_json, say

if TYPE_CHECKING:
    from ..workflows.extract import ExtractedImage


@click.command(cls=EncoderCommand, params=[encoder_option(), device_option()])
@click.argument("images", metavar="IMAGES", type=click.Path(exists=True, path_type=Path))
@click.argument("out", metavar="OUT", type=click.Path(file_okay=False, path_type=Path))
@click.option(
    "--format",
    "file_format",
    type=click.Choice(["npy", "pt", "parquet"]),
    default="npy",
    show_default=True,
    help="npy: float16 (h, w, C) at the network's own resolution. pt: a half-precision tensor (C, H, W) at the "
    "image's size, as OpenScene's LSeg extraction writes it; 512 channels of 640x480 pixels are 300 MB. "
    "parquet: one row per cell with u and v in pixels and the vector.",
)
@click.option(
    "--preview", "with_preview", is_flag=True, help="Also draw each image beside its features, as NAME.preview.jpg."
)
@click.option(
    "--labels",
    metavar="WORDS",
    help="Draw a preview of which of these words, separated by commas, is nearest at every pixel.",
)
@click.option(
    "--again",
    is_flag=True,
    help="Remove the existing features of these images, also those of another recipe, and extract again.",
)
@json_option
def command(
    images: Path, out: Path, file_format: Literal["npy", "pt", "parquet"], with_preview: bool, labels: str | None,
    again: bool, as_json: bool, encoder: str, device: str, **params: Any,
) -> None:  # fmt: skip
    """Write per-pixel features of images, one file per image.

    IMAGES is a folder, whose sub-folders are kept, or one image; OUT gets NAME.npy for NAME.jpg. Images that already
    have a file are skipped; an image that cannot be read is reported and the rest continue. OUT/extract.json records
    the encoder, options and weights that made the files; features with others go into another folder.

    \b
    Examples:
      ovstore extract photos/ features/ --encoder openclip --preview --labels "grass, cat, stone"
      ovstore extract frames/ features/ --encoder lseg --weights demo_e200.ckpt \\
        --mode openscene --no-unit --format pt
    """
    from ..workflows import extract
    from ._options.from_dataclass import named_fields
    from ._output.progress import stages

    request = extract.ExtractRequest(
        images,
        out,
        encoder,
        named_fields(plugins.load("models.encoders", encoder, noun="encoder").Options, params),
        file_format,
        with_preview,
        None if labels is None else tuple(labels.split(",")),
        device,
        again,
    )
    with stages(0, extract.IMAGES) as bars:
        found = extract.run(request, bars.report, (lambda image: None) if as_json else _print_image)
    raise SystemExit(_print_counts(found, as_json))


def _print_image(image: "ExtractedImage") -> None:
    """A line for an image that was extracted or failed, none for one that is skipped."""
    if image.failed is not None:
        say(f"{image.image}  failed: {image.failed}", err=True)
    elif image.shape is not None:
        say(f"{image.image}  {'x'.join(map(str, image.shape))}")


def _print_counts(images: "tuple[ExtractedImage, ...]", as_json: bool) -> int:
    """What there was, or all of it as one JSON document; the exit code."""
    failed = sum(image.failed is not None for image in images)
    written = sum(image.shape is not None for image in images)
    existed = sum(image.features is not None for image in images) - written
    if as_json:
        print_json([_document(image) for image in images])
    else:
        say(f"{written} written, {existed} already existed, {failed} failed.")
    if turned := sum(image.turned for image in images if image.shape is not None):
        say(
            f"{counted(turned, 'image')} would be shown turned (EXIF); pixels and features are as the file stores "
            "them.",
            err=True,
        )
    if any(image.preview is not None for image in images):
        say("Previews: *.preview.jpg beside the features", err=True)
    return 1 if failed else 0


def _document(image: "ExtractedImage") -> dict[str, Any]:
    document: dict[str, Any] = {"picture": _name(image.image)}
    if image.features is not None:
        document |= {"features": _name(image.features), "shape": image.shape}
    if image.failed is not None:
        document["failed"] = image.failed
    if image.preview is not None:
        document["preview"] = _name(image.preview)
    return document


def _name(path: Path) -> str:
    """For JSON, which cannot hold bytes that are no text."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")
