"""Words on a picture, cut to the room there is."""

from PIL import ImageFont


def fitted(text: str, size: int, room: int) -> tuple[str, ImageFont.FreeTypeFont | ImageFont.ImageFont]:
    """`text` in one line of at most `room` pixels, an ellipsis where it was cut, with its font of `size` pixels."""
    font = ImageFont.load_default(size)
    text = " ".join(text.split())
    shown = text
    while font.getlength(shown) > room and text:
        text = text[:-1]
        shown = text.rstrip() + "…"
    return shown, font
