"""Variables for hub and proxies as people set them, and what a machine's own name stands for."""

import socket

import pytest

from ds_stilts.doctor.surroundings import check_hub, check_own_name, check_proxies, is_loopback, own_addresses


@pytest.mark.parametrize(
    ("variables", "verdict", "words"),
    [
        ({}, "ok", "https://huggingface.co, asked only for"),
        ({"HF_ENDPOINT": "https://mirror", "HF_HOME": "/hf"}, "ok", "https://mirror"),
        ({"HF_HUB_OFFLINE": "1", "HF_HOME": "/hf"}, "ok", "offline: models and data come from"),
        ({"TRANSFORMERS_OFFLINE": "true"}, "ok", "offline"),
        ({"HF_HUB_OFFLINE": "0"}, "ok", "asked only for"),
        ({"HF_DATASETS_OFFLINE": "1"}, "warn", "models are looked for on the hub, data sets offline"),
        ({"HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "0"}, "warn", "models are looked for offline, data sets on"),
    ],
)
def test_offline_is_read_as_the_hubs_libraries_read_it(variables: dict[str, str], verdict: str, words: str) -> None:
    found = check_hub(variables)
    assert found.verdict == verdict and words in found.found


@pytest.mark.parametrize(
    ("variables", "verdict"),
    [
        ({}, "ok"),
        ({"https_proxy": "http://proxy:3128"}, "ok"),
        ({"HTTP_PROXY": "http://proxy:3128", "HTTPS_PROXY": "http://proxy:3128"}, "ok"),
        ({"http_proxy": "http://proxy:3128"}, "warn"),
        ({"https_proxy": "proxy:3128"}, "warn"),
    ],
)
def test_a_proxy_must_be_one_for_https_and_say_how_it_is_spoken_to(variables: dict[str, str], verdict: str) -> None:
    assert check_proxies(variables).verdict == verdict


def test_the_password_of_a_proxy_is_not_shown() -> None:
    found = check_proxies({"https_proxy": "http://me:secret@proxy:3128"}).found
    assert found == "https_proxy=http://…@proxy:3128"


def test_loopback_is_known_in_both_families() -> None:
    assert [is_loopback(each) for each in ("127.0.1.1", "::1", "10.0.0.1", "fe80::1%eth0")] == [
        True,
        True,
        False,
        False,
    ]


def test_the_own_name_is_resolved_as_gloo_does() -> None:
    assert own_addresses("localhost")[0] in ("127.0.0.1", "::1")
    assert own_addresses("no-such-name.invalid") == []
    assert socket.gethostname() in check_own_name().found
