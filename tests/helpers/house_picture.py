"""The house as its imports have it: rooms, shelves, arrows, chains.

Source text alone is read, so any checkout will do. Imports inside functions count as well, those for type checkers as
arrows but not in chains; a plug-in that is loaded by its name (plugins.load) is no import, so chains end where one is.
"""

import ast
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

ROOMS = (
    "cli", "web", "workflows", "drawing", "evaluation", "query", "ingest", "models", "store", "core", "migrations",
)  # fmt: skip


class House:
    """The files of a checkout below its rooms, by dotted name, and what they import of each other."""

    def __init__(self, root: Path) -> None:
        paths = sorted(path for room in ROOMS for path in (root / room).rglob("*.py"))
        self.paths = {_dotted(root, path): path for path in paths}
        self.lines = {name: len(path.read_text(encoding="utf-8").splitlines()) for name, path in self.paths.items()}
        self.arrows, self.run = [
            sorted({(name, other) for name in self.paths for other in self._imports(root, name, types)})
            for types in (True, False)
        ]  # all, and those that are followed when the code runs

    def _imports(self, root: Path, name: str, types: bool) -> Iterator[str]:
        path = self.paths[name]
        package = path.relative_to(root).parent.parts
        for node in _nodes(ast.parse(path.read_text(encoding="utf-8")), types):
            for target in _targets(node, package):
                if (found := self._file(target)) is not None and found != name:
                    yield found

    def _file(self, target: str) -> str | None:
        """The file that a dotted name is of: its own, or the one that defines the name in it."""
        if target in self.paths:
            return target
        head = target.rpartition(".")[0]
        return head if head in self.paths else None

    def rooms(self) -> list[str]:
        return [room for room in ROOMS if any(room_of(name) == room for name in self.paths)]

    def shelves(self, room: str) -> list[str]:
        """The folders of a room, "" for the files beside them."""
        return sorted({shelf_of(name, self.paths[name]) for name in self.paths if room_of(name) == room})

    def of_shelf(self, room: str, shelf: str | None = None) -> list[str]:
        return [
            name for name in self.paths
            if room_of(name) == room and shelf in (None, shelf_of(name, self.paths[name]))
        ]  # fmt: skip

    def between_rooms(self) -> Counter[tuple[str, str]]:
        """(importing, imported) room -> how many pairs of files."""
        return Counter((room_of(a), room_of(b)) for a, b in self.arrows if room_of(a) != room_of(b))

    def between_shelves(self, room: str) -> Counter[tuple[str, str]]:
        """The same between the shelves of one room."""
        within = [(a, b) for a, b in self.arrows if room_of(a) == room_of(b) == room]
        named = [(shelf_of(a, self.paths[a]), shelf_of(b, self.paths[b])) for a, b in within]
        return Counter((a, b) for a, b in named if a != b)

    def circles(self) -> list[list[str]]:
        """Files that import each other when they run, at their top or inside a function."""
        return sorted(sorted(group) for group in _components(self._graph(self.run)) if len(group) > 1)

    def deepest(self) -> list[str]:
        """The longest chain of files of which each imports the next, imports inside functions included."""
        return max((self._longest(name, None) for name in self._condensed()[1]), key=len)

    def longest(self, start: str, end: str) -> list[str]:
        """The longest such chain between two files; files in a circle count as one."""
        return self._longest(start, end)

    def _graph(self, arrows: list[tuple[str, str]]) -> dict[str, set[str]]:
        graph: dict[str, set[str]] = {name: set() for name in self.paths}
        for importer, imported in arrows:
            graph[importer].add(imported)
        return graph

    @cache  # noqa: B019 (one house lives as long as the program)
    def _condensed(self) -> tuple[dict[str, str], dict[str, set[str]]]:
        """The first file of each file's circle, and the arrows between those."""
        graph = self._graph(self.run)
        first = {name: min(group) for group in _components(graph) for name in group}
        between: dict[str, set[str]] = {first[name]: set() for name in graph}
        for name, targets in graph.items():
            between[first[name]] |= {first[target] for target in targets} - {first[name]}
        return first, between

    def _longest(self, start: str, end: str | None) -> list[str]:
        first, between = self._condensed()
        goal = None if end is None else first[end]

        @cache
        def onward(name: str) -> tuple[str, ...]:
            if name == goal:
                return (name,)
            chains = [chain for following in sorted(between[name]) if (chain := onward(following))]
            if not chains:
                return (name,) if goal is None else ()
            return (name, *max(chains, key=len))

        return list(onward(first[start]))


# What travels, between the file where a person asks for it and the one where it is kept or read; the earlier names of
# both files after today's, so that earlier checkouts can be measured too.
TRAVELS = {
    "a scene, from the command to its Parquet files": (
        ("cli.ingest",), ("store.files.parquet", "store.parquet"),
    ),
    "a question, from the command to the vectors it is compared with": (
        ("cli.search",), ("store.search.region_vectors", "store.region_vectors"),
    ),
    "a feature map, from the command to the fusion of maps": (
        ("cli.ingest",), ("ingest.fusion.fuse",),
    ),
}  # fmt: skip


def picture(house: House) -> list[str]:
    """The house in lines of text."""
    lines = [f"{'room':24}{'files':>6}{'lines':>8}   imports (files)"]
    between = house.between_rooms()
    for room in house.rooms():
        arrows = [f"{other} {count}" for (a, other), count in sorted(between.items()) if a == room]
        lines.append(_row(house, room, house.of_shelf(room), ", ".join(arrows)))
        shelves = house.between_shelves(room)
        for shelf in house.shelves(room):
            arrows = [f"{other or '.'} {count}" for (a, other), count in sorted(shelves.items()) if a == shelf]
            if shelf:
                lines.append(_row(house, f"  {shelf}/", house.of_shelf(room, shelf), ", ".join(arrows)))
    lines.append(_row(house, "all", list(house.paths), ""))
    circles = [" <-> ".join(circle) for circle in house.circles()]
    lines += ["", f"circles of imports: {'; '.join(circles) or 'none'}"]
    deepest = house.deepest()
    lines += [f"deepest chain of imports: {len(deepest)} files", f"  {_chain(deepest)}"]
    for what, (starts, ends) in TRAVELS.items():
        start = next(name for name in starts if name in house.paths)
        end = next(name for name in ends if name in house.paths)
        chain = house.longest(start, end)
        lines += ["", f"{what}: {len(chain)} files, {len({room_of(name) for name in chain})} rooms"]
        lines += [f"  {_chain(chain)}"]
    return lines


def _row(house: House, title: str, names: list[str], arrows: str) -> str:
    lines = sum(house.lines[name] for name in names)
    return f"{title:24}{len(names):6}{lines:8,}   {arrows}".rstrip()


def _chain(names: list[str]) -> str:
    return " -> ".join(names)


def room_of(name: str) -> str:
    return name.split(".")[0]


def shelf_of(name: str, path: Path) -> str:
    """The folder of the room that a file is in, "" for one of the room itself."""
    parts = name.split(".")
    return parts[1] if len(parts) > 2 or (len(parts) == 2 and path.name == "__init__.py") else ""


def _dotted(root: Path, path: Path) -> str:
    parts = path.relative_to(root).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _nodes(tree: ast.AST, types: bool) -> Iterator[ast.AST]:
    """Every node, without `types` none of those under `if TYPE_CHECKING`."""
    for node in ast.iter_child_nodes(tree):
        if types or not (isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)):
            yield node
            yield from _nodes(node, types)


def _is_relative(name: ast.expr) -> bool:
    """Whether it is such as ".tensors", a file beside the one that says it."""
    return isinstance(name, ast.Constant) and str(name.value).startswith(".")


def _targets(node: ast.AST, package: tuple[str, ...]) -> list[str]:
    """Dotted names below ovstore that a statement imports: "core.scene.Scene" for `from ..core.scene import Scene`."""
    if isinstance(node, ast.Call) and ast.unparse(node.func) == "import_module" and _is_relative(node.args[0]):
        return [".".join((*package, ast.literal_eval(node.args[0])[1:]))]
    if isinstance(node, ast.Import):
        return [alias.name.partition(".")[2] for alias in node.names if alias.name.split(".")[0] == "ovstore"]
    if not isinstance(node, ast.ImportFrom):
        return []
    if node.level:
        base = ".".join((*package[: len(package) - node.level + 1], *filter(None, [node.module])))
    elif (node.module or "").split(".")[0] == "ovstore":
        base = (node.module or "").partition(".")[2]
    else:
        return []
    return [f"{base}.{alias.name}".strip(".") for alias in node.names]


def _components(graph: Mapping[str, set[str]]) -> list[set[str]]:
    """Groups of files that reach each other (Kosaraju, without recursion)."""
    order: list[str] = []
    seen: set[str] = set()
    for root in graph:
        stack = [(root, iter(sorted(graph[root])))] if root not in seen else []
        seen.add(root)
        while stack:
            name, rest = stack[-1]
            following = next((each for each in rest if each not in seen), None)
            if following is None:
                order.append(name)
                stack.pop()
            else:
                seen.add(following)
                stack.append((following, iter(sorted(graph[following]))))
    backwards: dict[str, set[str]] = {name: set() for name in graph}
    for name, targets in graph.items():
        for target in targets:
            backwards[target].add(name)
    groups, placed = [], set[str]()
    for name in reversed(order):
        if name not in placed:
            group, waiting = set[str](), [name]
            while waiting:
                here = waiting.pop()
                if here not in placed:
                    placed.add(here)
                    group.add(here)
                    waiting += backwards[here] - placed
            groups.append(group)
    return groups
