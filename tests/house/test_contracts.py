"""Every file of a registry keeps to the registry's Protocols, and so does what third parties bring by entry points."""

import ast
import inspect
import json
import sys
import typing
from importlib import import_module
from pathlib import Path
from types import ModuleType, UnionType
from typing import Any

import ovstore
import pytest
from click.testing import CliRunner
from ovstore.cli import main
from ovstore.core import contracts, plugins
from ovstore.core.errors import BadPlugin, MissingPackage

ROOT = Path(ovstore.__file__).parent
ROOMS = ("cli", "core", "drawing", "evaluation", "ingest", "models", "query", "store", "workflows")
REGISTRIES = [
    "cli", "ingest.datasets", "ingest.engines", "ingest.generated.formats", "models.encoders", "models.students",
    "store.search.indexes",
]  # fmt: skip
FILES = [(registry, name) for registry in REGISTRIES for name in plugins.names(registry)]


def package(registry: str) -> ModuleType:
    return import_module(f"ovstore.{registry}")


def protocols(registry: str) -> list[type]:
    contract = package(registry).CONTRACT
    return [contract.required, *contract.optional]


def loaded(registry: str, name: str) -> ModuleType:
    try:
        return plugins.load(registry, name)
    except MissingPackage as error:
        pytest.skip(str(error))


def names_for_type_checkers(module: ModuleType) -> dict[str, Any]:
    """What a module imports under `if TYPE_CHECKING`."""
    tree = ast.parse(Path(module.__file__ or "").read_text(encoding="utf-8"))
    blocks = [node for node in tree.body if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)]
    found: dict[str, Any] = {"__package__": module.__package__, "__name__": module.__name__}
    for block in blocks:
        exec(compile(ast.Module(block.body, []), "names", "exec"), found)
    return found


def hints(function: Any) -> dict[str, Any]:
    module = sys.modules[function.__module__]
    return typing.get_type_hints(function, {**names_for_type_checkers(module), **vars(module)})


def narrows(found: Any, promised: Any) -> bool:
    """Whether a function that returns `found` keeps the promise to return `promised`."""
    if found in (promised, typing.NoReturn):
        return True
    return typing.get_origin(promised) in (typing.Union, UnionType) and found in typing.get_args(promised)


def test_every_folder_that_is_loaded_from_has_a_contract() -> None:
    used = set()
    for path in (path for room in ROOMS for path in (ROOT / room).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in ("plugins.load", "plugins.names"):
                used |= {node.args[0].value} if isinstance(node.args[0], ast.Constant) else set()
    assert used == set(REGISTRIES)


@pytest.mark.parametrize(("registry", "name"), FILES)
def test_a_file_defines_what_its_registry_asks_for(registry: str, name: str) -> None:
    plugin = loaded(registry, name)
    contracts.require(plugin, name, package(registry).CONTRACT, registry)


@pytest.mark.parametrize(("registry", "name"), FILES)
def test_a_files_functions_have_the_names_and_annotations_of_the_protocol(registry: str, name: str) -> None:
    plugin = loaded(registry, name)
    for protocol in protocols(registry):
        for member in contracts.members(protocol):
            promised, found = getattr(protocol, member, None), getattr(plugin, member, None)
            if not inspect.isfunction(promised) or found is None:
                continue
            expected = [each for each in inspect.signature(promised).parameters.values() if each.name != "self"]
            given = list(inspect.signature(found).parameters.values())
            assert [each.name for each in given] == [each.name for each in expected], member
            here, there = hints(found), hints(promised)
            for parameter, wanted in zip(given, expected, strict=True):
                assert parameter.default is not parameter.empty or wanted.default is wanted.empty, member
                assert there[parameter.name] in (Any, here[parameter.name]), f"{member}({parameter.name})"
            assert narrows(here["return"], there["return"]), f"{member} -> {here['return']}"


@pytest.mark.parametrize("registry", REGISTRIES)
def test_no_file_asks_a_plugin_by_name_whether_it_can_do_something(registry: str) -> None:
    """Abilities are Protocols: `offers(plugin, HasWeights)`, never hasattr(plugin, "weights_file")."""
    names = {name for protocol in protocols(registry) for name in contracts.members(protocol)}
    for path in (path for room in ROOMS for path in (ROOT / room).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in ("hasattr", "getattr"):
                asked = node.args[1]
                assert not (isinstance(asked, ast.Constant) and asked.value in names), f"{path}: {ast.unparse(node)}"


WHOLE = """
Options = dict
def space(options): ...
def load_image_encoder(options, device="auto"): ...
def load_text_encoder(options, device="auto"): ...
def background_texts(options): ...
"""


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):  # type: ignore[no-untyped-def]
    """A distribution of somebody else with one entry point, on the path of this interpreter."""
    monkeypatch.syspath_prepend(str(tmp_path))
    modules = []

    def install(group: str, name: str, source: str) -> None:
        module = f"somebodys_{name}"
        (tmp_path / f"{module}.py").write_text(source)
        about = tmp_path / f"{module}-1.0.dist-info"
        about.mkdir()
        (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {module}\nVersion: 1.0\n")
        (about / "entry_points.txt").write_text(f"[{group}]\n{name} = {module}\n")
        modules.append(module)

    yield install
    for module in modules:
        sys.modules.pop(module, None)


def test_a_whole_plugin_of_a_third_party_is_loaded(installed) -> None:  # type: ignore[no-untyped-def]
    installed("ovstore.models.encoders", "whole", WHOLE)
    assert "whole" in plugins.names("models.encoders")
    encoder = plugins.load("models.encoders", "whole")
    assert encoder.__name__ == "somebodys_whole"
    assert contracts.offers(encoder, package("models.encoders").HasWeights) is None


@pytest.mark.parametrize(
    ("source", "says"),
    [
        (WHOLE.replace("def background_texts(options): ...", ""), "it has no background_texts(options)."),
        (WHOLE.replace("Options = dict", ""), "it has no Options."),
        (WHOLE.replace("def space(options)", "def space()"), "space(options) was expected: too many positional"),
        (WHOLE + "weights_file = 'here.pt'", "weights_file(options) was expected: it is of type str."),
    ],
)
def test_what_a_third_partys_plugin_lacks_is_one_sentence(installed, source: str, says: str) -> None:  # type: ignore[no-untyped-def]
    installed("ovstore.models.encoders", "half", source)
    with pytest.raises(BadPlugin) as raised:
        plugins.load("models.encoders", "half")
    sentence = str(raised.value)
    assert says in sentence and "\n" not in sentence
    assert sentence.startswith("The encoder 'half' (somebodys_half) cannot be used: ")
    assert sentence.endswith("The docstring of ovstore.models.encoders says what it must define.")


def test_half_of_an_ability_is_named(installed) -> None:  # type: ignore[no-untyped-def]
    source = """
Options = dict
def scene_names(root, options): ...
def load_scene(root, name, options, unpacked): ...
def feature_paths(root, name, options): ...
"""
    installed("ovstore.ingest.datasets", "half_fused", source)
    with pytest.raises(BadPlugin, match=r"it has no load_features\(paths\)"):
        plugins.load("ingest.datasets", "half_fused")


INDEX = """
def build(store, space_id, level): ...
def search(store, space_id, level, vector, count, region_ids=None): ...
def drop(store, space_id, level): ...
"""


@pytest.mark.parametrize("group", ["ovstore.store.search.indexes", "ovstore.store.indexes"])
def test_an_index_is_found_under_todays_group_and_under_the_earlier_one(installed, group: str) -> None:  # type: ignore[no-untyped-def]
    installed(group, "quick", INDEX)
    assert "quick" in plugins.names("store.search.indexes")
    assert plugins.load("store.search.indexes", "quick").__name__ == "somebodys_quick"


@pytest.mark.parametrize(
    ("source", "target", "says"),
    [
        ("raise ValueError('no\\nluck')", "", "importing it raises ValueError: no."),
        ("import sys; sys.exit(7)", "", "importing it raises SystemExit: 7."),
        ("def (", "", "importing it raises SyntaxError"),
        (WHOLE, ":space", "its entry point names an object"),
    ],
)
def test_a_plugin_that_cannot_be_imported_is_one_sentence_and_hides_no_other(
    source: str, target: str, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "somebodys_broken.py").write_text(source)
    folder = tmp_path / "broken-1.0.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: broken\nVersion: 1.0\n")
    (folder / "entry_points.txt").write_text(f"[ovstore.models.encoders]\nbroken = somebodys_broken{target}\n")
    monkeypatch.syspath_prepend(tmp_path)
    try:
        with pytest.raises(BadPlugin) as raised:
            plugins.load("models.encoders", "broken")
        sentence = str(raised.value)
        assert says in sentence and "\n" not in sentence
        assert sentence.startswith(f"The encoder 'broken' (somebodys_broken{target}) cannot be used: ")
        listed = CliRunner().invoke(main, ["encoders", "--json"])
        assert listed.exit_code == 0, listed.output
        missing = {found["name"]: found["missing_package"] for found in json.loads(listed.stdout)}
        assert missing["broken"] == sentence and missing["tiny"] is None
        assert CliRunner().invoke(main, ["encoders", "broken"]).exit_code == 1
    finally:
        sys.modules.pop("somebodys_broken", None)
