"""The files around the code: the licence, the notice of what others published, the changelog."""

import hashlib
import json
import re
from pathlib import Path

import ovstore
import pytest

ROOT = Path(ovstore.__file__).parent
SHIPPED = sorted([
    *(ROOT / "evaluation" / "labels").glob("*/*.json"), *(ROOT / "models" / "weights").glob("tiny.*"),
    *(ROOT / "docs" / "pictures").iterdir(),
])  # fmt: skip


def test_the_licence_is_the_unmodified_apache_licence() -> None:
    published = "cfc7749b96f63bd31c3c42b5c471bf756814053e847c10f3eb003417bc523d30"
    assert hashlib.sha256((ROOT / "LICENSE").read_bytes()).hexdigest() == published


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.name)
def test_the_notice_names_every_file_that_is_shipped_with_its_origin_and_terms(path: Path) -> None:
    notice = (ROOT / "NOTICE").read_text()
    assert re.search(rf"(^|, ){re.escape(path.name)}(,|$)", notice, re.MULTILINE)
    if path.parent.parent.name == "labels":
        about = json.loads(path.read_text())
        said = f"{path.name}\n    Source: {about['source']}\n    URL: {about['url']}\n    Licence: {about['licence']}\n"
        assert said in notice


def test_the_newest_version_of_the_changelog_is_the_version_of_the_package() -> None:
    text = (ROOT / "CHANGELOG.md").read_text()
    versions = re.findall(r"^## \[(\d+\.\d+\.\d+)\] - (\d{4}-\d\d-\d\d)$", text, re.MULTILINE)
    assert versions[0][0] == ovstore.__version__
    assert versions == sorted(versions, reverse=True)
    kinds = set(re.findall(r"^### (.+)$", text, re.MULTILINE))
    assert kinds <= {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}
