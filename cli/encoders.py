"""ovstore encoders: what turns pixels and words into vectors, and what is missing for it here."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ._options.completion import complete_encoder
from ._options.named_store import store_folder
from ._options.shared import json_option
from ._output.printing import print_json, print_table, say

if TYPE_CHECKING:
    from ..workflows.encoders import FoundEncoder


@click.command("encoders")
@click.argument("name", required=False, shell_complete=complete_encoder)
@json_option
def command(name: str | None, as_json: bool) -> None:
    """List the encoders, what they accept, and what is missing.

    Weights and packages are looked up on this machine; nothing is downloaded. With NAME, every word that the encoder
    knows is listed too, if its vocabulary is finite.

    \b
    Examples:
      ovstore encoders
      ovstore encoders tiny
    """
    from ..core import settings
    from ..workflows.encoders import find_encoder, find_encoders

    chosen = settings.encoder(Path(store_folder()))
    if name is not None:
        found = find_encoder(name)
        if as_json:
            print_json(found.to_dict())
        else:
            _print(found)
        return
    all_found = find_encoders()
    if as_json:
        print_json([found.to_dict() | {"default": found.name == chosen.value} for found in all_found])
        return
    print_table(
        ("encoder", "queries", "weights", "packages"),
        [
            (found.name, found.asked, found.weights, "missing" if found.missing_package else "installed")
            for found in all_found
        ],
    )
    say(
        f"Without --encoder: {chosen.value} ({chosen.origin}). For the details, requirements and vocabulary of one "
        "encoder: ovstore encoders tiny",
        err=True,
    )


def _print(found: "FoundEncoder") -> None:
    say(f"{found.name}: {found.summary}")
    if found.missing_package is not None:
        say(f"  missing: {found.missing_package}")
    if found.asked:
        say(f"  queries: {found.asked}", f"  weights: {found.about_weights}")
    if found.vocabulary is not None:
        import textwrap

        say("", *textwrap.wrap(", ".join(found.vocabulary), 100, initial_indent="  ", subsequent_indent="  "))
    say(f"Its options: ovstore ingest scannet --encoder {found.name} --help", err=True)
