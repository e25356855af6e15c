"""Other words for what generated rooms hold, and what those things are good for."""

from collections.abc import Iterable

from .phrases import Language

_NAMES = {
    "toilet": "wc, loo", "sink": "washbasin, basin", "bathtub": "bath, tub", "towel": "hand towel",
    "toilet paper": "toilet roll", "washing machine": "washer, laundry machine", "bucket": "pail",
    "bed": "double bed", "pillow": "cushion", "teddy bear": "teddy, stuffed bear, plush bear", "lamp": "table lamp",
    "floor lamp": "standing lamp", "rug": "carpet, mat", "books": "stack of books, pile of books",
    "ball": "rubber ball", "football": "soccer ball", "bag": "handbag, shopping bag", "backpack": "rucksack",
    "shoe": "sneaker", "guitar": "acoustic guitar", "umbrella": "parasol", "toy car": "model car",
    "vase": "flower vase",
    "alarm clock": "bedside clock", "clock": "wall clock", "picture": "painting, framed picture, poster",
    "mirror": "looking glass", "curtain": "drape", "radiator": "heater", "plant": "house plant, tree",
    "potted plant": "flower pot, small plant", "counter": "kitchen counter, worktop", "refrigerator": "fridge",
    "stove": "oven, cooker", "microwave": "microwave oven", "kettle": "tea kettle", "pot": "cooking pot, saucepan",
    "mug": "cup, coffee cup, coffee mug", "bottle": "water bottle", "bowl": "dish", "plate": "dinner plate",
    "monitor": "computer screen, display", "tv": "television, television set", "laptop": "notebook computer",
    "keyboard": "computer keyboard", "mouse": "computer mouse", "telephone": "phone", "speaker": "loudspeaker",
    "headphones": "headset", "fan": "ventilator", "snoopy": "snoopy dog, cartoon dog, plush snoopy, toy dog",
    "rubber duck": "bath duck, toy duck, duck", "globe": "world globe, earth", "fire hydrant": "hydrant",
    "traffic cone": "road cone, cone", "piggy bank": "money pig, pig", "trophy": "golden cup, prize",
    "toy rocket": "rocket, spaceship", "toy robot": "robot", "chair": "dining chair",
    "office chair": "desk chair, swivel chair", "sofa": "couch, settee", "armchair": "easy chair", "ottoman": "pouf",
    "bookshelf": "bookcase", "shelf": "wall shelf", "cabinet": "cupboard", "dresser": "chest of drawers",
    "wardrobe": "closet", "box": "cardboard box, carton", "suitcase": "trolley case", "basket": "wicker basket",
    "trash can": "bin, garbage can, waste bin", "table": "dining table", "coffee table": "low table",
    "desk": "writing desk", "nightstand": "bedside table", "tv stand": "television stand, media console",
    "floor": "ground, flooring", "wall": "room wall", "ceiling": "roof, room ceiling", "door": "room door, entrance",
    "stool": "bar stool", "whiteboard": "white board, marker board", "printer": "laser printer", "candle": "wax candle",
    "toaster": "bread toaster", "book": "novel", "telescope": "spyglass", "cactus": "succulent",
    "pumpkin": "squash, gourd", "round table": "circular table", "bench": "long seat",
}  # fmt: skip
_COLOURS = {"gray": "grey", "purple": "violet", "turquoise": "teal, cyan", "beige": "cream, tan"}
_MATERIALS = {
    "wooden": "wood, made of wood", "metal": "metallic, steel", "fabric": "cloth, textile", "leafy": "green leaves",
    "plush": "fluffy, furry", "wicker": "woven", "cardboard": "made of cardboard", "rubber": "made of rubber",
    "glass": "made of glass", "paper": "made of paper", "leather": "made of leather",
}  # fmt: skip
_SEATS = "chair, office chair, sofa, armchair, stool, bench, ottoman"
_TABLES = "table, round table, coffee table, desk, nightstand"
_STORAGE = "bookshelf, shelf, cabinet, dresser, wardrobe, box, suitcase, basket"
_SOFT = "sofa, armchair, bed, pillow, teddy bear, ottoman, rug, snoopy, towel"
_TOYS = "snoopy, teddy bear, rubber duck, toy car, toy rocket, toy robot, ball, football"
_COMPUTER = "monitor, laptop, keyboard, mouse, printer"
_USES = {
    "something to sit on": _SEATS, "somewhere to sit": _SEATS, "a seat": _SEATS,
    "somewhere soft": _SOFT, "something soft": _SOFT,
    "somewhere to sleep": "bed", "something to sleep on": "bed", "somewhere to lie down": "bed, sofa",
    "somewhere to put things": f"{_TABLES}, {_STORAGE}, counter, tv stand", "a place for books": "bookshelf, shelf",
    "something to eat": "apple, banana, pumpkin", "food": "apple, banana, pumpkin", "fruit": "apple, banana",
    "something to drink from": "mug, bottle", "something to eat from": "plate, bowl",
    "something to read": "book, books", "something to write on": "whiteboard, desk",
    "something to play with": _TOYS, "a toy": _TOYS,
    "something to make music with": "guitar, speaker", "a musical instrument": "guitar",
    "something that gives light": "lamp, floor lamp, candle", "a light": "lamp, floor lamp, candle",
    "something to tell the time": "clock, alarm clock", "something to watch": "tv, monitor",
    "somewhere to wash hands": "sink", "something to wash with": "sink, bathtub, washing machine, towel",
    "something to cook with": "stove, microwave, pot, kettle, toaster",
    "a machine for the kitchen": "refrigerator, stove, microwave, toaster, kettle",
    "an animal": "snoopy, teddy bear, rubber duck, piggy bank", "a dog": "snoopy",
    "a living thing": "plant, potted plant, cactus", "something that grows": "plant, potted plant, cactus",
    "something to carry things in": "bag, backpack, suitcase, basket, box, bucket",
    "something to wear": "shoe, headphones", "somewhere to throw trash": "trash can",
    "something to look out of": "window", "a way out": "door",
    "furniture": f"{_SEATS}, {_TABLES}, bookshelf, cabinet, dresser, wardrobe, bed, tv stand",
    "a computer": _COMPUTER, "electronics": f"{_COMPUTER}, tv, telephone, speaker, headphones",
    "decoration": "picture, vase, candle, mirror, potted plant, trophy, globe",
    "part of the room": "wall, floor, ceiling, door, window",
    "something to store clothes in": "wardrobe, dresser", "something to keep food cold": "refrigerator",
}  # fmt: skip


def language_of(names: Iterable[str], colours: Iterable[str], materials: Iterable[str]) -> Language:
    """The language for rooms of these classes; words without an entry here stand alone."""
    known = tuple(names)
    uses = {text: frozenset(_list(classes)) & set(known) for text, classes in _USES.items()}
    return Language(
        {word: _list(_NAMES.get(word, "")) for word in known},
        {word: _list(_COLOURS.get(word, "")) for word in colours},
        {word: _list(_MATERIALS.get(word, "")) for word in materials},
        {text: classes for text, classes in uses.items() if classes},
    )


def _list(words: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in words.split(",") if word.strip())
