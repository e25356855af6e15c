"""A whole image with one box in it, as evidence of a hit."""

from PIL import Image, ImageDraw

from ..core.features import Evidence


def with_box(image: Image.Image, view: Evidence, width: int) -> Image.Image:
    """The image, no wider than `width`, and a red line in a white one around the box."""
    scale = min(1.0, width / image.width)
    size = max(1, round(image.width * scale)), max(1, round(image.height * scale))
    picture = image.convert("RGB").resize(size, Image.Resampling.LANCZOS) if scale < 1 else image.convert("RGB")
    x0, y0, x1, y1 = view.box_xyxy
    box = (
        max(x0 * scale - 3, 0),
        max(y0 * scale - 3, 0),
        min((x1 + 1) * scale + 2, picture.width - 1),
        min((y1 + 1) * scale + 2, picture.height - 1),
    )
    draw = ImageDraw.Draw(picture)
    draw.rectangle(box, outline="white", width=4)
    draw.rectangle(box, outline=(230, 40, 40), width=2)
    return picture
