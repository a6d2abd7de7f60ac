"""The peers, each in an environment of its own, of fixed versions, kept in ~/.cache/aiwatch/drift-peers."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

FOLDER = Path("~/.cache/aiwatch/drift-peers").expanduser()
PEERS = {
    "evidently": (
        "evidently==0.7.23",
        "pandas<3",
        "pyarrow",
    ),
    "nannyml": ("nannyml==0.13.1", "statsmodels", "pyarrow"),
    "alibi-detect": ("alibi-detect==0.13.0", "pyarrow<20"),
}


def python(peer: str) -> Path:
    """Return the interpreter of a peer's environment, which is made on first use (some minutes, a gigabyte)."""
    folder = FOLDER / peer
    marker = folder / "installed"
    if not marker.exists() or marker.read_text() != "\n".join(PEERS[peer]):
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, *PEERS[peer]], check=True)
        marker.write_text("\n".join(PEERS[peer]))
    return folder / "bin" / "python"
