"""What counts as a checkpoint, what damage is named, what is refused. With real engines: tests/faults."""

import json
import logging
import os
import re
import stat
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from ds_stilts.engine import checkpoint
from ds_stilts.engine.checkpoint import Cursor
from ds_stilts.engine.failpoints import VARIABLE
from ds_stilts.engine.world import World
from ds_stilts.errors import CheckpointError
from tests.ci import skip_unless_ci

HERE = Cursor(step=0, fingerprint="f", phase="arms/qa", world_size=1, zero_stage=2, recipe={"seed": 1})


class Alone(World):
    """A world of one rank without a process group."""

    def __init__(self, size: int = 1) -> None:
        self.rank, self.size, self.device = 0, size, torch.device("cpu")

    def barrier(self) -> None: ...

    def gather(self, value: Any) -> list[Any]:
        return [value] * self.size


class Shards:
    """How DeepSpeed's engine writes and reads files: through its `checkpoint_engine`."""

    def __init__(self) -> None:
        self.checkpoint_engine: Any = self

    def save(self, state_dict: Any, path: str) -> None:
        Path(path).parent.mkdir(exist_ok=True)
        Path(path).write_bytes(state_dict)

    def save_checkpoint(self, folder: str, *, tag: str, save_latest: bool) -> None:
        assert not save_latest
        self.checkpoint_engine.save(bytes(range(256)) * 40, f"{folder}/{tag}/shard.pt")

    def zero_nvme_offload_optimizer(self) -> bool:
        return False

    def load_checkpoint(self, folder: str, *, tag: str) -> tuple[str, dict[str, Any]]:
        return str(Path(folder) / tag), {}


def save(folder: Path, *steps: int, keep: int = 2, best: bool = False, **fields: Any) -> Path:
    for step in steps:
        made = checkpoint.save(
            Shards(), replace(HERE, step=step, **fields), folder, Alone(), keep=keep, best=best
        )  # fmt: skip
    return made


def newest(folder: Path, **fields: Any) -> Path | None:
    return checkpoint.newest_good(folder, replace(HERE, **fields), Alone())


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[100] ^= 1
    path.write_bytes(content)


def flip_step(path: Path) -> None:
    path.write_text(path.read_text().replace('"step": 10', '"step": 11'))


DAMAGE: list[tuple[str, Callable[[Path], None], str]] = [
    ("engine/shard.pt", truncate, r"engine/shard\.pt has 10239 bytes, the manifest says 10240"),
    ("engine/shard.pt", flip, r"engine/shard\.pt does not have the content that was saved"),
    ("engine/shard.pt", Path.unlink, r"engine/shard\.pt is missing"),
    ("rng-0.pt", flip, r"rng-0\.pt does not have the content that was saved"),
    ("MANIFEST.json", flip_step, r"MANIFEST\.json does not have the content that was saved"),
    ("MANIFEST.json", Path.unlink, r"MANIFEST\.json cannot be read \(FileNotFoundError\)"),
    ("MANIFEST.json", truncate, r"MANIFEST\.json cannot be read \(JSONDecodeError\)"),
    ("MANIFEST.json", lambda path: path.write_text(""), r"MANIFEST\.json cannot be read \(JSONDecodeError\)"),
    ("MANIFEST.json", lambda path: path.write_text("[]"), r"MANIFEST\.json cannot be read \(TypeError\)"),
    ("MANIFEST.json", lambda path: path.write_text("{}"), r"MANIFEST\.json cannot be read \(KeyError\)"),
    ("MANIFEST.json", lambda path: path.write_bytes(b"\xff\xfe"), r"MANIFEST\.json cannot be read \(UnicodeDecodeE"),
]


@pytest.mark.parametrize(("name", "damage", "sentence"), DAMAGE)
def test_damage_is_named_and_the_checkpoint_before_it_is_taken(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, name: str, damage: Callable[[Path], None], sentence: str
) -> None:
    last = save(tmp_path, 5, 10)
    assert checkpoint.verify(last) is None
    damage(last / name)
    with caplog.at_level(logging.WARNING):
        assert newest(tmp_path) == tmp_path / "step-5"
    (message,) = [record.getMessage() for record in caplog.records]
    assert "this checkpoint is damaged; taking the one before it" in message
    assert re.search(sentence, message), message


def a_file(folder: Path) -> None:
    (folder / "engine" / "mp_rank_99_model_states.pt").write_bytes(b"cos\nsystem\n.")


def a_link_for_a_shard(folder: Path) -> None:
    elsewhere = folder.parent / "evil.pt"
    (folder / "engine" / "shard.pt").rename(elsewhere)  # the same bytes: the hash would be right
    (folder / "engine" / "shard.pt").symlink_to(elsewhere)


def a_linked_folder(folder: Path) -> None:
    elsewhere = folder.parent / "evil"
    (folder / "engine").rename(elsewhere)
    (folder / "engine").symlink_to(elsewhere)


def the_whole_a_link(folder: Path) -> None:
    folder.rename(folder.parent / "evil")
    folder.symlink_to(folder.parent / "evil")


def a_pipe(folder: Path) -> None:
    os.mkfifo(folder / "engine" / "pipe")


@pytest.mark.parametrize(
    ("add", "sentence"),
    [
        (
            a_file,
            r"mp_rank_99_model_states\.pt was not saved with this checkpoint.*nothing in it was opened.*remove it",
        ),
        (a_pipe, r"pipe was not saved with this checkpoint"),
        (a_link_for_a_shard, r"shard\.pt is a symbolic link.*nothing in it was opened"),
        (a_linked_folder, r"engine is a symbolic link"),
        (the_whole_a_link, r"step-10 is a symbolic link"),
    ],
)
def test_something_foreign_is_refused_and_not_passed_over(
    tmp_path: Path, add: Callable[[Path], None], sentence: str
) -> None:
    add(save(tmp_path, 5, 10))
    with pytest.raises(CheckpointError, match=sentence):
        newest(tmp_path)


@pytest.mark.parametrize("name", ["", "engine/shard.pt", "MANIFEST.json"])
def test_a_checkpoint_of_another_user_is_refused(tmp_path: Path, name: str) -> None:
    if os.getuid() != 0:
        skip_unless_ci("only root can give a file away")
    os.chown(save(tmp_path, 5) / name, 12345, -1)
    with pytest.raises(CheckpointError, match=r"belongs to user id 12345 and this is 0;.*copy the run folder"):
        newest(tmp_path)


def test_a_manifest_of_another_version_is_refused_and_not_passed_over(tmp_path: Path) -> None:
    path = save(tmp_path, 5, 10) / "MANIFEST.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "format": 1}))
    with pytest.raises(
        CheckpointError, match=r"has format 1 and this version of ds_stilts reads 2; go on with the ver"
    ):
        newest(tmp_path)


def test_the_manifest_lists_every_other_file_and_says_what_made_them(tmp_path: Path) -> None:
    last = save(tmp_path, 5)
    content = json.loads((last / "MANIFEST.json").read_text())["content"]
    present = {str(path.relative_to(last)) for path in last.rglob("*") if path.is_file()}
    assert set(content["files"]) == present - {"MANIFEST.json"} == {"engine/shard.pt", "rng-0.pt"}
    assert content["facts"]["versions"].keys() == {"ds_stilts", "torch", "deepspeed"}
    cursor = content["facts"]["cursor"]
    assert (cursor["world_size"], cursor["zero_stage"], cursor["fingerprint"], cursor["step"]) == (1, 2, "f", 5)


def test_files_that_deepspeed_copies_by_itself_are_listed_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = Shards.save_checkpoint

    def with_offload(self: Shards, folder: str, **options: Any) -> None:
        whole(self, folder, **options)
        (Path(folder) / "engine" / "offloaded_tensors" / "rank00").mkdir(parents=True)
        (Path(folder) / "engine" / "offloaded_tensors" / "rank00" / "0.swp").write_bytes(b"1" * 200)

    monkeypatch.setattr(Shards, "save_checkpoint", with_offload)
    last = save(tmp_path, 5, 10)
    assert newest(tmp_path) == last
    flip(last / "engine" / "offloaded_tensors" / "rank00" / "0.swp")
    assert newest(tmp_path) == tmp_path / "step-5"


def test_nothing_good_is_no_checkpoint(tmp_path: Path) -> None:
    assert newest(tmp_path) is None
    assert newest(tmp_path / "never made") is None
    truncate(save(tmp_path, 5) / "engine/shard.pt")
    assert newest(tmp_path) is None


def test_what_was_not_committed_is_invisible(tmp_path: Path) -> None:
    save(tmp_path, 5)
    for name in ("step-9.tmp", "step-x", "step-", "others"):
        (tmp_path / name).mkdir()
    assert checkpoint.committed(tmp_path) == [tmp_path / "step-5"]


def test_the_newest_is_the_largest_number_and_not_the_last_word(tmp_path: Path) -> None:
    save(tmp_path, 9, 10)
    assert [path.name for path in checkpoint.committed(tmp_path)] == ["step-10", "step-9"]


def test_unfinished_saves_are_swept_away(tmp_path: Path) -> None:
    for name in ("step-15.tmp", "step-3.tmp"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "half").write_text("of it")
    save(tmp_path, 5, 10, 15)
    assert names(tmp_path) == ["step-10", "step-15"]
    assert not (tmp_path / "step-15" / "half").exists()


@pytest.mark.parametrize(("keep", "kept"), [(1, [25]), (2, [20, 25]), (3, [15, 20, 25])])
def test_the_newest_few_are_kept(tmp_path: Path, keep: int, kept: list[int]) -> None:
    save(tmp_path, 5, 10, 15, 20, 25, keep=keep)
    assert names(tmp_path) == [f"step-{step}" for step in kept]


def test_the_best_is_kept_until_there_is_a_better_one(tmp_path: Path) -> None:
    save(tmp_path, 5, keep=1, best=True)
    save(tmp_path, 10, 15, keep=1)
    assert names(tmp_path) == ["step-15", "step-5"]
    save(tmp_path, 20, keep=1, best=True)
    save(tmp_path, 25, keep=1)
    assert names(tmp_path) == ["step-20", "step-25"]


def test_a_damaged_one_does_not_count_as_kept(tmp_path: Path) -> None:
    truncate(save(tmp_path, 5, 10, 15, keep=3) / "engine/shard.pt")
    save(tmp_path, 20, keep=2)
    assert names(tmp_path) == ["step-10", "step-20"]


def test_a_later_step_that_was_found_damaged_goes_when_training_went_on_behind_it(tmp_path: Path) -> None:
    flip(save(tmp_path, 5, 10) / "engine/shard.pt")
    assert newest(tmp_path) == tmp_path / "step-5"
    save(tmp_path, 7, keep=1)
    assert names(tmp_path) == ["step-7"]


def test_saving_a_step_again_that_was_found_damaged_replaces_it(tmp_path: Path) -> None:
    flip(save(tmp_path, 5, 10) / "engine/shard.pt")
    assert save(tmp_path, 10) == newest(tmp_path)


@pytest.mark.parametrize("point", ["save.shard", "save.shard.after", "save.own", "save.manifest", "save.rename"])
def test_a_full_disk_is_a_sentence_and_leaves_only_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, point: str
) -> None:
    save(tmp_path, 5)
    monkeypatch.setenv(VARIABLE, f"{point}=enospc")
    with pytest.raises(
        CheckpointError, match=r"step-10 could not be saved: rank 0: .*No space left on device \([0-9.]+ GB"
    ):
        save(tmp_path, 10)
    assert names(tmp_path) == ["step-5"] and newest(tmp_path) == tmp_path / "step-5"


def test_a_checkpoint_of_another_recipe_is_refused_with_what_differs(tmp_path: Path) -> None:
    save(tmp_path, 5, fingerprint="other", recipe={"seed": 2, "arms": {"qa": {"lr": 1e-5}}})
    words = r"fingerprint other, this one is f; seed: 2 there, 1 here; arms: given there, absent here"
    with pytest.raises(CheckpointError, match=words):
        newest(tmp_path)


def test_a_checkpoint_of_another_number_of_ranks_names_the_two_ways_on(tmp_path: Path) -> None:
    save(tmp_path, 5, world_size=4)
    words = rf"saved by 4 ranks and this run has 1; start it with --processes 4, or run `ds-stilts reshape {tmp_path}`"
    with pytest.raises(CheckpointError, match=words):
        newest(tmp_path)


def test_a_checkpoint_of_another_zero_stage_is_refused(tmp_path: Path) -> None:
    save(tmp_path, 5, zero_stage=3)
    with pytest.raises(CheckpointError, match=r"saved under ZeRO stage 3 and engine\.config now says stage 2"):
        newest(tmp_path)


def test_loading_gives_back_the_cursor_and_the_random_state(tmp_path: Path) -> None:
    torch.manual_seed(3)
    last = save(tmp_path, 5)
    wanted = torch.rand(4)
    torch.manual_seed(99)
    assert checkpoint.load(Shards(), last, Alone()) == replace(HERE, step=5)
    assert torch.equal(torch.rand(4), wanted)


def test_a_checkpoint_names_the_corpus_that_it_was_trained_on(tmp_path: Path) -> None:
    last = save(tmp_path, 5, corpus="xxh3:0123")
    assert checkpoint.load(Shards(), last, Alone()).corpus == "xxh3:0123"


def test_a_discarded_checkpoint_is_gone(tmp_path: Path) -> None:
    checkpoint.discard(save(tmp_path, 5))
    assert list(tmp_path.iterdir()) == []


def test_a_checkpoint_that_cannot_be_deleted_is_told_and_training_goes_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(tmp_path, 5)
    monkeypatch.setenv(VARIABLE, "retain.trash:step5=enospc")
    with caplog.at_level(logging.WARNING):
        assert save(tmp_path, 10, keep=1) == newest(tmp_path)
    assert "step-5 is not needed any more and cannot be deleted" in caplog.text
    assert stat.S_ISDIR((tmp_path / "step-5").stat().st_mode)
