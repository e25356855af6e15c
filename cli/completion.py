"""ovstore completion bash|zsh|fish: let a shell complete commands, options and names."""

from contextlib import suppress

import click

from ._output.printing import say


@click.command("completion")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def command(shell: str) -> None:
    """Print the shell completion script.

    It completes commands, options, formats, encoders, and the names of datasets, scenes and feature sets. Names are
    those that the last command on the store recorded: completion starts no database.

    \b
    Examples:
      ovstore completion bash >> ~/.bashrc
      ovstore completion zsh >> ~/.zshrc
      ovstore completion fish > ~/.config/fish/completions/ovstore.fish
    """
    from click.shell_completion import get_completion_class

    from . import main
    from ._options.completion import notes_folder

    if (folder := notes_folder()) is not None:
        with suppress(OSError):  # names are not completed then; all else is
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    kind = get_completion_class(shell)
    assert kind is not None
    say(*kind(main, {}, "ovstore", "_OVSTORE_COMPLETE").source().splitlines())
