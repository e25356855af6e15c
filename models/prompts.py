"""Sentences around the words that people type: what CLIP models were trained on is captions, not nouns."""

import re

from ..core.errors import BadInput

OPENSCENE = "a {} in a scene"  # word for word, "a armchair" too: its published numbers rest on it
NAMED = {
    "plain": ("{}",),
    "photo": ("a photo of a {}.",),
    "openscene": (OPENSCENE,),
    "ensemble": (
        "{}",
        "a photo of a {}.",
        "a photo of the {}.",
        "a {} in a room.",
        "a close-up photo of a {}.",
        "there is a {} in the scene.",
        "a blurry photo of a {}.",
    ),
}


def templates_of(option: str) -> tuple[str, ...]:
    """A named set, or templates of one's own with {} for the words, separated by |."""
    if option in NAMED:
        return NAMED[option]
    own = tuple(part.strip() for part in option.split("|"))
    if any(part.count("{}") != 1 for part in own):
        raise BadInput(
            f"templates is {option!r}; {', '.join(NAMED)}, or sentences with one {{}} each, separated by "
            "|, were expected."
        )
    return own


def fill(template: str, words: str) -> str:
    """The template around the words; 'a photo of a {}' takes 'the red chair' without its article."""
    words = words.strip()
    if template != OPENSCENE and re.search(r"\b(a|an|the) \{\}", template):
        words = re.sub(r"^(a|an|the)\s+", "", words, flags=re.IGNORECASE)
        if words[:1].lower() in set("aeiou"):
            template = template.replace("a {}", "an {}") if re.search(r"\ba \{\}", template) else template
    return template.replace("{}", words)
