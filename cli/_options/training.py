"""Options that the commands which train have in common, and the command that resumes them."""

import shlex
from collections.abc import Mapping
from typing import Any

import click

from ...core import environment, plugins
from .completion import complete
from .encoder_options import device_option, value_of

DEFAULT_STUDENT, DEFAULT_CONFIG = "minkunet18a", "scannet"


class TrainingCommand(click.Command):
    """Its own options, then those of training with the defaults of --config, then those of --student."""

    config = DEFAULT_CONFIG

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        *params, help_option = super().get_params(ctx)
        return [*params, *(param for _, theirs in self._sections(ctx) for param in theirs), help_option]

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        ctx.meta["ovstore.sections"] = self.sections(args)
        left = super().parse_args(ctx, args)
        if ctx.params["resume"] and ctx.params["again"]:
            raise click.UsageError("--resume continues, --again starts over: give one of them.")
        return left

    def sections(self, args: list[str]) -> list[tuple[str, list[click.Option]]]:
        """Titles and options that depend on what was typed."""
        from dataclasses import asdict

        from ...models.training.configs import named
        from ...models.training.options import TrainingOptions
        from .from_dataclass import options_of

        config = value_of("--config", args) or self.config
        name = value_of("--student", args) or DEFAULT_STUDENT
        student = plugins.load("models.students", name, noun="student")
        return [
            (f"Training (defaults of --config {config})", options_of(TrainingOptions, asdict(named(config)))),
            (f"Options of --student {name}", options_of(student.Options)),
        ]

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        sections = self._sections(ctx)
        theirs = {id(option) for _, options in sections for option in options}
        own = [param for param in self.get_params(ctx) if isinstance(param, click.Option) and id(param) not in theirs]
        for title, options in (("Options", own), *sections):
            if records := [record for option in options if (record := option.get_help_record(ctx)) is not None]:
                with formatter.section(title):
                    formatter.write_dl(records)

    def _sections(self, ctx: click.Context) -> list[tuple[str, list[click.Option]]]:
        sections: list[tuple[str, list[click.Option]]] = ctx.meta.get("ovstore.sections", [])
        return sections


def training_options(config: str = DEFAULT_CONFIG) -> list[click.Parameter]:
    """Which scenes, which network, and how the run goes."""
    return [
        click.Option(["--split"], metavar="NAME",
                     help="Train on the scenes of this split  [default: train; all "
                     "scenes, if none has a split]"),
        click.Option(["--val-split"], metavar="NAME", default="val", show_default=True,
                     help="Validate on the scenes of this split."),
        click.Option(["--hold-out"], type=click.IntRange(0), default=0, metavar="N",
                     help="Keep the last N scenes out of training and validate on them."),
        click.Option(["--dataset", "datasets"], shell_complete=complete("datasets"), multiple=True,
                     help="Only this dataset; may be repeated."),
        click.Option(["--scene", "scenes"], shell_complete=complete("scenes"), multiple=True,
                     help="Only this scene; may be repeated."),
        click.Option(["--student"], default=DEFAULT_STUDENT, show_default=True,
                     help="The network: " + ", ".join(plugins.names("models.students"))
                     + ". --student NAME --help lists its own options."),
        click.Option(["--config"], default=config, show_default=True, metavar="NAME|FILE.toml",
                     help="A named configuration of training options, or your own file; explicit options override it."),
        click.Option(["--resume"], is_flag=True, help="Continue the training run in the folder."),
        click.Option(["--again"], is_flag=True, help="Discard the existing run and start over."),
        click.Option(["--validate-every"], type=click.IntRange(1), default=5, show_default=True, metavar="EPOCHS",
                     help="Epochs between validations."),
        device_option(),
        click.Option(["--workers"], type=click.IntRange(0), default=2, show_default=True,
                     help="Threads that prepare samples while others are processed."),
    ]  # fmt: skip


def choices_of(params: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of TrainingChoices that are not options of the same name; explicit options by their names."""
    from ...models.training.options import TrainingOptions
    from .from_dataclass import named_fields

    student = plugins.load("models.students", params["student"], noun="student")
    return {
        "config": params["config"] if "config" in typed_flags() else None,
        "options": named_fields(TrainingOptions, params),
        "student_options": named_fields(student.Options, params),
    }


def typed_flags() -> dict[str, str]:
    """The flag of each option of the command that was typed, by its name."""
    return {option.name or "": option.opts[0] for option in _typed_options(click.get_current_context())}


def is_first() -> bool:
    """Whether this is the only process, or the one of torchrun's that speaks to people."""
    return environment.value("RANK") in ("", "0")


def command_to_resume(ctx: click.Context) -> str:
    """The command that was typed, with --resume; by torchrun with as many processes where it runs by that."""
    root = ctx.find_root()
    program = ["ovstore"]
    if environment.value("RANK"):
        program = ["torchrun", f"--nproc_per_node={environment.value('LOCAL_WORLD_SIZE')}", "-m", "ovstore.cli"]
    names = [each.info_name or "" for each in (ctx.parent, ctx) if each is not None and each is not root]
    typed_words = [word for word in _typed_words(ctx) if word not in ("--again", "--resume")]
    return shlex.join([*program, *_typed_words(root), *names, *typed_words, "--resume"])


def _typed_options(ctx: click.Context) -> list[click.Option]:
    params = [param for param in ctx.command.get_params(ctx) if isinstance(param, click.Option)]
    typed_here = click.core.ParameterSource.COMMANDLINE
    return [param for param in params if ctx.get_parameter_source(param.name or "") is typed_here]


def _typed_words(ctx: click.Context) -> list[str]:
    words: list[str] = []
    for option in _typed_options(ctx):
        value = ctx.params[option.name or ""]
        if isinstance(value, bool):
            words += [(option.opts if value else option.secondary_opts)[0]] if value or option.secondary_opts else []
            continue
        for each in value if option.multiple else [value]:
            shown = ",".join(map(str, each)) if isinstance(each, tuple) else str(each)
            words += [option.opts[0], shown]
    return words
