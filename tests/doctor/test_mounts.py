"""What a folder lies on, by the kernel's table."""

from pathlib import Path

from ds_stilts.doctor.mounts import mount_of
from tests.doctor.places import on_tmpfs

TABLE = """\
22 1 0:20 / / rw,relatime shared:1 - ext4 /dev/vda rw
30 22 0:40 / /home rw shared:2 - nfs4 server:/home rw,vers=4.2
31 30 0:41 / /home/a\\040b rw - lustre 10.0.0.1@o2ib:/work rw
32 22 0:42 / /homes rw - tmpfs none rw
"""


def test_the_innermost_mount_counts_and_names_may_hold_blanks(tmp_path: Path) -> None:
    table = tmp_path / "mountinfo"
    table.write_text(TABLE)
    assert mount_of(Path("/home/me"), table) == "nfs4 server:/home"
    assert mount_of(Path("/home/a b/c"), table) == "lustre 10.0.0.1@o2ib:/work"
    assert mount_of(Path("/homework"), table) == "ext4 /dev/vda"
    assert mount_of(Path("/"), tmp_path / "none") == ""


def test_a_real_mount_is_found() -> None:
    code = "from ds_stilts.doctor.mounts import mount_of\nanswer = mount_of(place)"
    assert on_tmpfs("size=1M", code) == "tmpfs none"
