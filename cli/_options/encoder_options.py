"""Commands that take the options of whichever encoder --encoder names."""

from pathlib import Path

import click

from ...core import plugins, settings
from .completion import complete_encoder
from .named_store import store_folder


class EncoderCommand(click.Command):
    """Its own options, and after them those of the encoder."""

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        *params, help_option = super().get_params(ctx)
        return [*params, *ctx.meta.get("ovstore.encoder", []), help_option]

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        from .from_dataclass import options_of

        name = value_of("--encoder", args) or _usual_encoder()
        if ctx.resilient_parsing:  # a shell completes: a network's packages take seconds to load
            return super().parse_args(ctx, args)
        encoder = plugins.load("models.encoders", name, noun="encoder")
        ctx.meta["ovstore.encoder"] = options_of(encoder.Options)
        ctx.meta["ovstore.encoder.title"] = f"Options of --encoder {name}"
        return super().parse_args(ctx, args)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        theirs = ctx.meta.get("ovstore.encoder", [])
        own = [param for param in self.get_params(ctx) if param not in theirs]
        for title, params in (("Options", own), (ctx.meta.get("ovstore.encoder.title", ""), theirs)):
            options = [param for param in params if isinstance(param, click.Option)]  # arguments are in the usage line
            if records := [record for option in options if (record := option.get_help_record(ctx)) is not None]:
                with formatter.section(title):
                    formatter.write_dl(records)


def encoder_option() -> click.Option:
    """--encoder itself."""
    return click.Option(
        ["--encoder"],
        shell_complete=complete_encoder,
        default=_usual_encoder,
        show_default="openclip, or as set in ovstore.toml",
        help="The encoder, which turns pixels and words into vectors: " + ", ".join(plugins.names("models.encoders"))
        + ". `ovstore encoders` describes each; --encoder NAME --help lists its own options.",
    )  # fmt: skip


def device_option() -> click.Option:
    """--device, where the encoder's network runs."""
    return click.Option(
        ["--device"],
        type=click.Choice(["auto", "cpu", "cuda"]),
        default="auto",
        show_default=True,
        help="Where the network runs.",
    )


def _usual_encoder() -> str:
    """What the environment and the files of settings name."""
    return settings.encoder(Path(store_folder())).value


def value_of(flag: str, args: list[str]) -> str | None:
    """What `flag` was given, before click has parsed anything."""
    for position, arg in enumerate(args):
        if arg == flag and position + 1 < len(args):
            return args[position + 1]
        if arg.startswith(flag + "="):
            return arg.partition("=")[2]
    return None
