"""Words on a picture, cut to the room there is."""

from PIL import ImageFont

from ..core.wording import shown


def fitted(text: str, size: int, room: int) -> tuple[str, ImageFont.FreeTypeFont | ImageFont.ImageFont]:
    """`text` in one line of at most `room` pixels, an ellipsis where it was cut, with its font of `size` pixels."""
    font = ImageFont.load_default(size)
    text = shown(" ".join(text.split()))
    line = text
    while font.getlength(line) > room and text:
        text = text[:-1]
        line = text.rstrip() + "…"
    return line, font
