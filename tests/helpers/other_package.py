"""A package of somebody else, whose entry points bring plug-ins."""

from pathlib import Path


def install(folder: Path, group: str, name: str, module: str) -> None:
    """What pip leaves in `folder`, which belongs on sys.path, of a package that brings `module` as plug-in `name`."""
    about = folder / "other_package-1.0.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: other-package\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text(f"[{group}]\n{name} = {module}\n")
