"""Label sets by name, out of `label_sets/`, or out of a file of the same form."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

from ...core.budget import Budget
from ...core.errors import BadInput, NotFound
from ...core.regular import require_file
from ...core.wording import did_you_mean, near_names
from .label_set import IGNORED, LabelClass, LabelSet
from .name_tables import MAX_BYTES, raw_indices, read_table, shipped_table
from .palette import RGB, distinct_colours


def names() -> list[str]:
    """The label sets there are, sorted."""
    return sorted(file.name.removesuffix(".json") for file in _folder().iterdir() if file.name.endswith(".json"))


def load(name: str, table: Path | None = None) -> LabelSet:
    """The set of that name, or of the file where `name` ends with .json; NotFound suggests the nearest.

    `table` is the dataset's own table of label names (ScanNet's scannetv2-labels.combined.tsv, Matterport3D's
    category_mapping.tsv), to be used in place of the shipped one.
    """
    if name.endswith(".json"):
        path = Path(name)
        return _label_set(path.stem, name, _read(path), table)
    if name not in names():
        said = f"No label set named {name!r}.{did_you_mean(name, names())} Known: {', '.join(names())}."
        raise NotFound(said, near=near_names(name, names()))
    return _label_set(name, name, json.loads((_folder() / f"{name}.json").read_text(encoding="utf-8")), table)


def as_json(label_set: LabelSet) -> dict[str, Any]:
    """The object that a file of the set holds, with the labels of its table written out."""
    about = ("title", "source", "url", "licence", "notes", "colours", "ignore_id")
    raw: list[list[str]] = [[] for _ in label_set.classes]
    for label, i in label_set.raw.items():
        if i != IGNORED:
            raw[i].append(label)
    return {
        **{key: getattr(label_set, key) for key in about},
        "stuff": list(label_set.stuff),
        "classes": [asdict(each) | {"raw": labels} for each, labels in zip(label_set.classes, raw, strict=True)],
        "ignored": [label for label, i in label_set.raw.items() if i == IGNORED],
    }


def _folder() -> Traversable:
    return files(__package__) / "label_sets"


def _read(path: Path) -> Any:
    try:
        if (size := require_file(path)) > MAX_BYTES:
            raise BadInput(f"{path}: {size:,} bytes; a label set has at most {MAX_BYTES:,}.")
        content = path.read_bytes()
        Budget(path).take_json(content)
        return json.loads(content)
    except OSError as error:
        raise BadInput(f"{path}: {error.strerror or error}.") from error
    except (ValueError, RecursionError) as error:
        raise BadInput(f"{path} is not JSON: {error}.") from error


def _label_set(name: str, origin: str, body: Any, table: Path | None) -> LabelSet:
    match body:
        case {"classes": [_, *_] as entries}:
            made = distinct_colours(len(entries))
            classes = tuple(_class(origin, entry, colour) for entry, colour in zip(entries, made, strict=True))
        case _:
            raise BadInput(f"{origin} has no list 'classes'; `ovstore labels show scannet20 --json` prints one.")
    raw = dict.fromkeys(_texts(origin, body, "ignored"), IGNORED)
    for i, entry in enumerate(entries):
        for label in _texts(origin, entry, "raw"):
            if raw.setdefault(label, i) != i:
                raise BadInput(f"{origin}: the label {label!r} occurs twice in 'raw' and 'ignored'.")
    return LabelSet(
        name=name,
        title=_text(origin, body, "title", name),
        source=_text(origin, body, "source"),
        url=_text(origin, body, "url"),
        licence=_text(origin, body, "licence"),
        colours=_text(origin, body, "colours"),
        ignore_id=body.get("ignore_id") if isinstance(body.get("ignore_id"), int) else None,
        classes=classes,
        raw=raw | _of_table(origin, body.get("table"), classes, table),
        notes=_text(origin, body, "notes"),
        stuff=_texts(origin, body, "stuff") if "stuff" in body else _usual_stuff(classes),
    )


def _usual_stuff(classes: Sequence[LabelClass]) -> tuple[str, ...]:
    """Those of group "stuff" where there is one, else those that surround a room."""
    grouped = tuple(each.name for each in classes if each.group == "stuff")
    return grouped or tuple(each.name for each in classes if each.name in ("wall", "floor", "ceiling"))


def _class(origin: str, entry: Any, made: RGB) -> LabelClass:
    match entry:
        case {"id": int(number), "name": str(name)} if name:
            pass
        case _:
            raise BadInput(
                f"{origin}: {str(entry)[:80]} is not a class: an object with a number 'id' and a 'name' was expected."
            )
    match entry.get("rgb", made):
        case (int(red), int(green), int(blue)) if all(0 <= part <= 255 for part in (red, green, blue)):
            rgb = (red, green, blue)
        case other:
            raise BadInput(
                f"{origin}: 'rgb' of {name!r} is {str(other)[:40]}; three numbers from 0 to 255 were expected."
            )
    return LabelClass(
        name=name,
        id=number,
        rgb=rgb,
        group=_text(origin, entry, "group"),
        words=_texts(origin, entry, "words"),
        synonyms=_texts(origin, entry, "synonyms"),
    )


def _of_table(origin: str, rule: Any, classes: Sequence[LabelClass], table: Path | None) -> dict[str, int]:
    match rule:
        case {"file": str(file), "names": [_, *_] as columns, "value": str(value)}:
            wanted = (*_texts(origin, rule, "names"), value)
            rows = shipped_table(file, wanted) if table is None else read_table(table, wanted)
            return raw_indices(rows, columns, value, classes)
        case None if table is None:
            return {}
        case None:
            raise BadInput(f"Label set {origin} takes no table: its labels are in its own file.")
    raise BadInput(f"{origin}: 'table' is {str(rule)[:80]}; an object with 'file', 'names' and 'value' was expected.")


def _text(origin: str, body: dict[str, Any], key: str, default: str = "") -> str:
    value = body.get(key, default)
    if not isinstance(value, str):
        raise BadInput(f"{origin}: {key!r} is {str(value)[:40]}, not a string.")
    return value


def _texts(origin: str, body: Any, key: str) -> tuple[str, ...]:
    value = body.get(key, [])
    if not (isinstance(value, list) and all(isinstance(text, str) and text for text in value)):
        raise BadInput(f"{origin}: {key!r} is {str(value)[:40]}, not a list of strings.")
    return tuple(value)
