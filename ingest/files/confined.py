"""Keeps what a scan names inside the scan's own folder.

The folder a person points at, and the scene folders directly below it, may be links: that is how people spread scans
over disks. Inside a scene's folder a link may lead anywhere below that folder; one that leads out of it is refused, as
whoever packed the scan could have named any file of this machine. `follow_links` lifts the rule. Pipes and devices are
refused in any case: reading one can wait for ever.
"""

import os
import stat
from pathlib import Path

from ...core.errors import BadScene
from ...core.regular import refuse_irregular
from ...core.wording import reason


class Confined:
    """Asks of each path whether what it really is lies below one folder."""

    def __init__(self, folder: Path, follow_links: bool = False) -> None:
        self.folder = folder
        self._real = folder.resolve()
        self._follow_links = follow_links
        self._checked: set[Path] = set()  # folders; files in them need a look only when they are links

    def __call__(self, path: Path) -> Path:
        """`path` as an absolute path, or BadScene when it is a link that leaves the folder, a pipe or a device."""
        try:
            if not self._follow_links:
                if path.parent not in self._checked:
                    self._require_below(path.parent)
                    self._checked.add(path.parent)
                if path.is_symlink():
                    self._require_below(path)
            mode = os.stat(path).st_mode
        except (FileNotFoundError, NotADirectoryError):
            refuse_irregular(path)  # a broken link; of what is not there, whoever wants to read it says so
        except (OSError, ValueError, RuntimeError) as error:  # too long, a zero byte, links in a circle
            raise BadScene(f"{str(path)[:300]}: {reason(error)}") from error
        else:
            if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
                raise BadScene(f"{path}: a pipe or device; a file was expected")
        return Path(os.path.abspath(path))

    def _require_below(self, path: Path) -> None:
        real = path.resolve()
        if not real.is_relative_to(self._real):
            raise BadScene(
                f"{path} leads to {real}, outside of the scan's folder {self.folder}: "
                "copy it there, or allow such links with --follow-links"
            )
