"""A small file system of a test's own, mounted where nobody else sees it."""

import json
import os
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path
from typing import Any

from tests.ci import skip_unless_ci

ROOT = Path(__file__).resolve().parents[2]


def on_tmpfs(options: str, code: str) -> Any:
    """Run Python on a fresh tmpfs in a mount namespace; skips where that is refused.

    Args:
        options: of `mount -t tmpfs -o`.
        code: finds the tmpfs as `place`, and leaves what it has to say in `answer`, as JSON can.
    """
    with tempfile.TemporaryDirectory() as folder:
        asked = subprocess.run(
            ["unshare", "--mount", "mount", "-n", "-t", "tmpfs", "none", folder], capture_output=True
        )
        if asked.returncode:
            skip_unless_ci("needs root (CAP_SYS_ADMIN) to mount a tmpfs in a namespace of its own")
        program = f"import json, os, sys\nfrom pathlib import Path\nplace = Path({folder!r})\n"
        program += textwrap.dedent(code) + "\nprint('answer', json.dumps(answer))\n"
        mount = f'mount -n -t tmpfs -o {options} none "{folder}" && exec "$0" "$@"'
        done = subprocess.run(
            ["unshare", "--mount", "sh", "-c", mount, sys.executable, "-c", program],
            capture_output=True,
            text=True,
            timeout=60,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout.rpartition("answer ")[2])
