"""ovstore.toml: what is set where, what goes before what, and what a stranger's store may not set."""

import os
from pathlib import Path

import pytest
from click.testing import CliRunner
from ovstore.cli import main
from ovstore.core import settings
from ovstore.core.errors import BadInput
from ovstore.models.weights_files import named_weights


@pytest.fixture
def user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's file, not yet there."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    for name in ("OVSTORE_HOME", "OVSTORE_ENCODER", "OVSTORE_WEIGHTS", "OVSTORE_DATABASE_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config/ovstore").mkdir(parents=True)
    (tmp_path / "scans").mkdir()
    return tmp_path / "config/ovstore/ovstore.toml"


def test_without_files_the_defaults_hold(user: Path) -> None:
    assert settings.store_folder() == "ovstore-data"
    assert settings.encoder(user.parent).value == "openclip"
    assert settings.weights_folder() is None


def test_the_environment_goes_before_the_stores_file_and_that_before_the_users(
    user: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = tmp_path / "scans"
    user.write_text(f'encoder = "lseg"\nstore = "{store}"\nweights = "/weights"\n')
    assert settings.encoder(store) == settings.Setting("lseg", str(user))
    (store / "ovstore.toml").write_text('encoder = "tiny"')
    assert settings.encoder(store) == settings.Setting("tiny", str(store / "ovstore.toml"))
    monkeypatch.setenv("OVSTORE_ENCODER", "dino")
    assert settings.encoder(store) == settings.Setting("dino", "OVSTORE_ENCODER")
    assert (settings.store_folder(), settings.weights_folder()) == (str(store), Path("/weights"))
    monkeypatch.setenv("OVSTORE_HOME", "elsewhere")
    monkeypatch.setenv("OVSTORE_WEIGHTS", "files")
    assert (settings.store_folder(), settings.weights_folder()) == ("elsewhere", Path("files"))


def test_an_option_goes_before_all(user: Path, tmp_path: Path) -> None:
    user.write_text(f'store = "{tmp_path / "named"}"')
    for arguments, folder in (([], "named"), (["--store", str(tmp_path / "typed")], "typed")):
        said = CliRunner().invoke(main, [*arguments, "scenes"])
        assert f"There is no store in {tmp_path / folder}" in said.stderr


def test_the_encoder_of_the_file_is_the_one_whose_options_are_taken(user: Path, tmp_path: Path) -> None:
    user.write_text('encoder = "color_words"')
    shown = CliRunner().invoke(main, ["extract", "--help"]).output
    assert "Options of --encoder color_words" in shown


def test_weights_lie_in_the_folder_of_the_users_file(user: Path, tmp_path: Path) -> None:
    (tmp_path / "w").mkdir()
    (tmp_path / "w/lseg.ckpt").touch()
    user.write_text(f'weights = "{tmp_path / "w"}"')
    assert named_weights("lseg.ckpt") == tmp_path / "w/lseg.ckpt"


@pytest.mark.parametrize("line", ['weights = "/tmp"', 'store = "/tmp"'])
def test_a_stores_file_names_no_paths(user: Path, tmp_path: Path, line: str) -> None:
    (tmp_path / "scans/ovstore.toml").write_text(line)
    with pytest.raises(BadInput, match="may not be set in a store's own file"):
        settings.encoder(tmp_path / "scans")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('encodr = "tiny"', "no setting 'encodr'. Did you mean 'encoder'? Known: store, encoder, weights."),
        ('encoder = "tny"', "No encoder named 'tny'. Did you mean 'tiny'?"),
        ("encoder = 3", "encoder is 3; a quoted string was expected."),
        ('store = ""', "store is ''; a quoted string was expected."),
        (
            'store = "here"',
            "store is 'here'; a path that begins with / or ~ was expected, so that it is the same from every folder.",
        ),
        ('store = "/a\\u0000b"', "a quoted string was expected."),
        ("encoder =", "is not TOML"),
        ("x = [" * 5000, "is not TOML"),
        ("#" * 70_000, "a regular file of at most 64 kB"),
    ],
)
def test_what_is_wrong_with_a_file_is_said_with_its_name(user: Path, text: str, said: str) -> None:
    user.write_text(text)
    result = CliRunner().invoke(main, ["encoders", "--json"])
    assert result.exit_code == 1
    assert result.stderr.startswith(f"Error: {user}")
    assert said in result.stderr
    assert result.stderr.count("\n") == 1


def test_a_stores_file_is_no_link_and_no_pipe(user: Path, tmp_path: Path) -> None:
    place = tmp_path / "scans/ovstore.toml"
    for make in (lambda: place.symlink_to("/etc/hostname"), lambda: os.mkfifo(place)):
        make()
        with pytest.raises(BadInput, match="a regular file"):
            settings.encoder(place.parent)
        place.unlink()


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to become a user whom the system does not know")
def test_a_user_without_a_folder_has_no_file(user: Path) -> None:
    child = os.fork()
    if child == 0:
        for name in ("XDG_CONFIG_HOME", "HOME"):
            os.environ.pop(name, None)
        os.setuid(54_321)
        os._exit(0 if (settings.user_file(), settings.store_folder()) == (None, "ovstore-data") else 1)
    assert os.waitpid(child, 0)[1] == 0
