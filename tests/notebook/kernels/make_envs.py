"""Environments that differ from this one in their ipykernel alone: `python make_envs.py [FOLDER]`.

Each is a virtual environment without pip, whose site-packages hold one version of ipykernel and whose
`.pth` adds everything else from the environment that runs this. A second call finds them made.
"""

import os
import subprocess
import sys
import sysconfig
import tempfile
import venv
from pathlib import Path

VERSIONS = ("6.29.5", "7.1.0", "7.4.0")
FOLDER = "CONVSIM_KERNEL_ENVS"
"""The environment variable that names the folder; by default it is one beside the temporary files."""
_ALSO = {"6.29.5": ("nest-asyncio",), "7.1.0": ("nest-asyncio",), "7.4.0": ("nest-asyncio2",)}
"""What a version imports and the environment around it may not have."""


def folder() -> Path:
    """Where the environments lie: kept between calls, and of one Python and one host environment."""
    ours = f"convsim-kernels-{os.getuid()}-py{sys.version_info[0]}{sys.version_info[1]}"
    return Path(os.environ.get(FOLDER) or Path(tempfile.gettempdir()) / ours)


def python_with(version: str, root: Path | None = None) -> Path:
    """The Python of the environment with an ipykernel of this version; it is made where it is not there."""
    home = (root or folder()) / f"ipykernel-{version}"
    python = home / "bin" / "python"
    host = sysconfig.get_paths()["purelib"]
    made = home / "made-for"
    if not (made.exists() and made.read_text() == host):
        _make(home, version, host)
        made.write_text(host)
    return python


def _make(home: Path, version: str, host: str) -> None:
    venv.create(home, with_pip=False, clear=True)
    site = Path(sysconfig.get_path("purelib", "venv", {"base": str(home)}))
    wanted = [f"ipykernel=={version}", *_ALSO.get(version, ())]
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(site), *wanted]
    subprocess.run(pip, check=True)
    # `addsitedir` and not a plain path: the host's own .pth files count too, an editable install among them.
    (site / "host.pth").write_text(f"import site; site.addsitedir({host!r})\n")


if __name__ == "__main__":
    root = Path(sys.argv[1]) if len(sys.argv) > 1 else None
    for each in VERSIONS:
        sys.stdout.write(f"{each}  {python_with(each, root)}\n")
