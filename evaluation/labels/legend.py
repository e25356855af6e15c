"""A label set drawn: a swatch and a name for each class."""

from PIL import Image, ImageDraw, ImageFont

from .label_set import LabelSet

_ROWS = 40  # a column
_LINE, _SWATCH, _GAP, _MARGIN = 24, 18, 10, 20  # pixels


def legend(label_set: LabelSet) -> Image.Image:
    """Columns of classes in their order, as wide as their names."""
    font, title_font = ImageFont.load_default(15), ImageFont.load_default(20)
    ids, names = [str(each.id) for each in label_set.classes], [each.name for each in label_set.classes]
    id_width = round(max(map(font.getlength, ids)))
    title = f"{label_set.name}: {label_set.title}"
    columns = [range(start, min(start + _ROWS, len(names))) for start in range(0, len(names), _ROWS)]
    to_name = _SWATCH + id_width + 2 * _GAP
    widths = [to_name + round(max(font.getlength(names[i]) for i in column)) + 2 * _GAP for column in columns]
    top = 2 * _MARGIN + _LINE
    size = (
        2 * _MARGIN + max(sum(widths), round(title_font.getlength(title))),
        top + _LINE * len(columns[0]) + _MARGIN,
    )
    picture = Image.new("RGB", size, "white")
    draw = ImageDraw.Draw(picture)
    draw.text((_MARGIN, _MARGIN), title, "black", title_font)
    left = _MARGIN
    for column, width in zip(columns, widths, strict=True):
        for row, i in enumerate(column):
            y = top + row * _LINE
            middle = y + _SWATCH / 2
            draw.rectangle((left, y, left + _SWATCH, y + _SWATCH), label_set.classes[i].rgb, (90, 90, 90))
            draw.text((left + to_name - _GAP, middle), ids[i], (120, 120, 120), font, anchor="rm")
            draw.text((left + to_name, middle), names[i], "black", font, anchor="lm")
        left += width
    return picture
