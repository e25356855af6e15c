"""What belongs in which room: the lists that a room is furnished from."""

from dataclasses import dataclass


def _words(text: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.split(","))


@dataclass(frozen=True)
class Programme:
    """One type of room, by ScanNet's name for it."""

    scene_type: str
    first: tuple[str, ...]  # always tried, in this order; "/" separates alternatives
    more: tuple[str, ...]  # a random half of these is tried after
    floor: tuple[str, ...]  # small things on the floor, a random few
    hung: tuple[str, ...]  # on the walls, a random few
    floor_textures: tuple[str, ...]
    wall_textures: tuple[str, ...]


PROGRAMMES = (
    Programme(
        "Bedroom / Hotel",
        _words("bed, nightstand, wardrobe/dresser, nightstand"),
        _words("desk, armchair, bookshelf, chair, dresser, tv stand"),
        _words("rug, basket, backpack, shoe, ball, suitcase, guitar, ottoman, floor lamp, box, bag"),
        _words("picture, mirror, clock, picture, radiator, shelf"),
        ("planks", "plush"),
        ("wallpaper", "plain"),
    ),
    Programme(
        "Living room / Lounge",
        _words("sofa, tv stand, coffee table, bookshelf"),
        _words("armchair, cabinet, bookshelf, floor lamp, plant, bench"),
        _words("rug, plant, floor lamp, guitar, ottoman, ball, basket, bag, umbrella, football, stool"),
        _words("picture, picture, clock, mirror, radiator, shelf"),
        ("planks", "checker"),
        ("bricks", "wallpaper", "plain"),
    ),
    Programme(
        "Kitchen",
        _words("counter, refrigerator, stove, table/round table, chairs"),
        _words("cabinet, counter, stool, shelf, washing machine"),
        _words("trash can, bucket, stool, bag, basket, plant, box"),
        _words("clock, shelf, picture, towel, radiator"),
        ("tiles", "checker"),
        ("tiles", "plain", "wallpaper"),
    ),
    Programme(
        "Bathroom",
        _words("bathtub, toilet, sink, washing machine/cabinet"),
        _words("cabinet, stool, bench, basket, shelf"),
        _words("basket, bucket, trash can, shoe, rug, bag"),
        _words("mirror, towel, shower curtain, towel, shelf, radiator, clock"),
        ("tiles", "checker"),
        ("tiles",),
    ),
    Programme(
        "Office",
        _words("desk, office chair, bookshelf, desk"),
        _words("cabinet, office chair, bookshelf, armchair, cabinet"),
        _words("trash can, backpack, bag, plant, box, umbrella, floor lamp, suitcase"),
        _words("whiteboard, clock, picture, radiator, shelf"),
        ("planks", "plush", "checker"),
        ("plain", "bricks"),
    ),
    Programme(
        "Misc.",
        _words("table, chairs, cabinet, bookshelf"),
        _words("sofa, dresser, bench, wardrobe, desk, nightstand"),
        _words("rug, ball, football, box, suitcase, shoe, guitar, umbrella, backpack, plant, bucket, basket"),
        _words("picture, whiteboard, clock, mirror, shelf, radiator"),
        ("planks", "tiles", "plush"),
        ("wallpaper", "plain", "bricks"),
    ),
)

# What stands on what. A bearer that is not named takes `OTHERWISE`.
ON_TOP = {
    "desk": _words(
        "monitor, keyboard, mouse, laptop, lamp, book, mug, telephone, printer, headphones, speaker, books, candle"
    ),
    "table": _words("plate, bowl, mug, bottle, apple, banana, vase, book, laptop, candle, toy car"),
    "round table": _words("plate, bowl, mug, bottle, apple, banana, vase, candle"),
    "coffee table": _words("book, mug, vase, bowl, candle, toy car, plate, bottle, headphones"),
    "counter": _words("microwave, toaster, kettle, pot, plate, bowl, mug, bottle, apple, banana"),
    "nightstand": _words("lamp, alarm clock, book, telephone, mug, headphones, candle"),
    "tv stand": _words("books, speaker, toy car, book, vase"),
    "bed": _words("pillow, teddy bear, book, pillow"),
    "sofa": _words("pillow, teddy bear, pillow"),
    "armchair": _words("pillow, teddy bear"),
    "bookshelf": _words("books, books, books, vase, book, toy car, bowl, candle, potted plant, teddy bear, speaker"),
    "washing machine": _words("toilet paper, bottle, bowl, fan"),
    "bench": _words("pillow, book, teddy bear, toy car"),
}
OTHERWISE = _words(
    "potted plant, vase, lamp, candle, book, bowl, bottle, speaker, fan, alarm clock, toy car, telephone, toilet paper"
)
PLANTED_ON = _words(
    "table, round table, coffee table, desk, dresser, cabinet, nightstand, bed, sofa, counter, bench, washing machine"
)
ALIGNED = frozenset(_words("monitor, keyboard, mouse, laptop, tv, microwave, printer, books, speaker, toaster"))
