"""What the environment says about the network, and what this machine calls itself."""

import os
import re
import socket
from collections.abc import Mapping
from ipaddress import ip_address

from ds_stilts.doctor.finding import Finding, ok, warn

_YES = ("1", "ON", "YES", "TRUE")
"""As huggingface_hub reads a variable (huggingface_hub/constants.py)."""


def check_hub(environment: Mapping[str, str] | None = None) -> Finding:
    """Where models and data come from when a recipe names them by hub id; contacts nobody.

    Read as huggingface_hub and datasets do: TRANSFORMERS_OFFLINE is another name for HF_HUB_OFFLINE, and
    HF_DATASETS_OFFLINE goes before both for data (datasets/config.py).
    """
    env = os.environ if environment is None else environment

    def said(name: str) -> bool:
        return env.get(name, "").upper() in _YES

    hub = said("HF_HUB_OFFLINE" if env.get("HF_HUB_OFFLINE") else "TRANSFORMERS_OFFLINE")
    data = said("HF_DATASETS_OFFLINE") if "HF_DATASETS_OFFLINE" in env else hub
    if hub != data:
        found = f"models are looked for {_place(hub)}, data sets {_place(data)} (HF_DATASETS_OFFLINE)"
        return warn("hub", found, "unset HF_DATASETS_OFFLINE, and set HF_HUB_OFFLINE=1 if this machine is offline")
    kept = f", kept in {env['HF_HOME']}" if env.get("HF_HOME") else ""
    if hub:
        return ok("hub", f"offline: models and data come from folders and the hub's cache only{kept}")
    address = env.get("HF_ENDPOINT") or "https://huggingface.co"
    return ok("hub", f"{address}, asked only for what a recipe names by hub id{kept}")


def _place(offline: bool) -> str:
    return "offline" if offline else "on the hub"


def check_proxies(environment: Mapping[str, str] | None = None) -> Finding:
    """Whether a proxy is set for what the hub speaks; passwords are not shown."""
    env = os.environ if environment is None else environment
    values = {key: env.get(key) or env.get(key.upper(), "") for key in ("http_proxy", "https_proxy", "all_proxy")}
    given = {key: re.sub(r"//[^@/]*@", "//…@", value) for key, value in values.items() if value}
    told = ", ".join(f"{key}={value}" for key, value in given.items())
    if not given:
        return ok("proxy", "none")
    if "https_proxy" not in given and "all_proxy" not in given:
        return warn("proxy", f"{told} only, and the hub speaks https", "set https_proxy as well, or unset http_proxy")
    bad = [key for key, value in given.items() if "://" not in value]
    if bad:
        return warn("proxy", told, f"write {bad[0]} with its scheme, e.g. http://{given[bad[0]]}")
    return ok("proxy", told)


def own_addresses(name: str | None = None) -> list[str]:
    """Addresses that this machine's own name stands for, in the resolver's order; empty where it stands for none.

    Args:
        name: None: the machine's own.
    """
    try:
        found = socket.getaddrinfo(name or socket.gethostname(), None, type=socket.SOCK_STREAM)
    except OSError:
        return []
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def is_loopback(address: str) -> bool:
    """Whether an address is reached from its own machine only."""
    return ip_address(address.partition("%")[0]).is_loopback


def check_own_name() -> Finding:
    """What this machine's name stands for; loopback is fine until there are several machines."""
    name, addresses = socket.gethostname(), own_addresses()
    if not addresses:
        return warn("own name", f"{name} stands for no address", f"put `127.0.1.1 {name}` into /etc/hosts")
    alone = "; fine as long as one machine is used" if is_loopback(addresses[0]) else ""
    return ok("own name", f"{name} is {addresses[0]}{alone}")
