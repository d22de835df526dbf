"""Energy that a machine has used, where its counters can be read: Intel's and AMD's RAPL, and NVIDIA's.

RAPL: /sys/class/powercap/intel-rapl:N/energy_uj, one counter a processor package in microjoules that wraps at
max_energy_range_uj (Linux, Documentation/power/powercap/powercap.rst); on most systems only root may read it. NVIDIA:
nvmlDeviceGetTotalEnergyConsumption, millijoules since the driver was loaded, from Volta on.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

POWERCAP = Path("/sys/class/powercap")


@dataclass(frozen=True, kw_only=True)
class Reading:
    """Counters at one moment, in joules, by name."""

    joules: Mapping[str, float]
    wraps_at: Mapping[str, float]
    """Where a counter begins again at 0; those that do not are missing."""

    @property
    def source(self) -> str | None:
        """ "RAPL", "NVML", "NVML and RAPL"; None: nothing can be read here."""
        kinds = sorted({name.partition(" ")[0] for name in self.joules})
        return " and ".join(kinds) or None


def read_counters(powercap: Path = POWERCAP) -> Reading:
    """All counters that this process may read."""
    joules, wraps_at = {}, {}
    for folder in sorted(powercap.glob("intel-rapl:*")):
        if folder.name.count(":") > 1:
            continue  # a part of a package, which counts it already
        try:
            joules[f"RAPL {folder.name}"] = int((folder / "energy_uj").read_text()) / 1e6
            wraps_at[f"RAPL {folder.name}"] = int((folder / "max_energy_range_uj").read_text()) / 1e6
        except (OSError, ValueError):
            joules.pop(f"RAPL {folder.name}", None)
    return Reading(joules={**joules, **_nvidia()}, wraps_at=wraps_at)


def used(before: Reading, after: Reading) -> float | None:
    """Joules between two readings; None where no counter is in both."""
    common = before.joules.keys() & after.joules.keys()
    if not common:
        return None
    total = 0.0
    for name in common:
        spent = after.joules[name] - before.joules[name]
        total += spent + after.wraps_at.get(name, 0.0) if spent < 0 else spent
    return total


def _nvidia() -> dict[str, float]:
    """GPUs by their number; {} without the driver, or without its Python binding (`nvidia-ml-py`)."""
    try:
        import pynvml
    except ImportError:
        return {}
    try:
        pynvml.nvmlInit()
        count = pynvml.nvmlDeviceGetCount()
        handles = {number: pynvml.nvmlDeviceGetHandleByIndex(number) for number in range(count)}
        return {f"NVML {n}": pynvml.nvmlDeviceGetTotalEnergyConsumption(h) / 1e3 for n, h in handles.items()}
    except pynvml.NVMLError:
        return {}
