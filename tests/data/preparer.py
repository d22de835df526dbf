"""One process that prepares: tells each chunk on its output, and waits after it where it is asked to.

    python -m tests.data.preparer ROOT FOLDER PROCESSES GATE

Its first line is "ready". After its first chunk it waits until the file GATE is there. Its last line is the prepared
file.
"""

import multiprocessing
import os
import sys
import time
from pathlib import Path
from typing import Any

from ds_stilts.data.encoder import Encoder
from ds_stilts.data.prepare import SplitKey, prepare
from ds_stilts.formats.base import Limits
from ds_stilts.tasks import get_task
from tests.small import tokenizer

KEY = SplitKey(task=get_task("text"), split="train", language="de", limits=Limits(max_tokens=32), training=True)


class Broken:
    """A tokenizer in all that preparation asks of it; who encodes with it finds that it cannot."""

    is_fast = True

    def __init__(self, whole: Any) -> None:
        self.backend_tokenizer, self.truncation_side, self.unk_token_id = whole.backend_tokenizer, "right", 3

    def __len__(self) -> int:
        return 30


def main(root: str, folder: str, processes: str, gate: str) -> None:
    def progress(examples: int) -> None:
        if not examples:
            return
        workers = [child.pid for child in multiprocessing.active_children()]
        print("chunk", examples, *workers, flush=True)
        while not Path(gate).exists():
            time.sleep(0.01)

    with Encoder(tokenizer(), int(processes)) as encoder:
        print("ready", flush=True)
        print(prepare(KEY, encoder, Path(root), Path(folder), progress), flush=True)


if __name__ == "__main__":
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    main(*sys.argv[1:])
