"""What a wheel carries beside the package: the course as a learner gets it, without solutions."""

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

FOLDERS = ("notebooks", "exercises", "evidence")


class CourseBuildHook(BuildHookInterface[Any]):
    """Puts the course into ``coursekit/_course``; an editable install reads the checkout."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Add the files, hidden folders such as checkpoints left out."""
        if version == "editable":
            return
        root = Path(self.root)
        for folder in FOLDERS:
            for path in sorted((root / folder).rglob("*")):
                name = path.relative_to(root)
                if path.is_file() and not any(part.startswith(".") for part in name.parts):
                    build_data["force_include"][str(path)] = f"coursekit/_course/{name.as_posix()}"
