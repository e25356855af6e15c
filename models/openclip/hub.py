"""The Hugging Face hub where it can be reached, what was downloaded before where it cannot."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit
from urllib.request import getproxies

from huggingface_hub import constants


@contextmanager
def hub_or_cache(endpoint: str = constants.ENDPOINT) -> Iterator[None]:
    """Inside, downloads fail at once without a network; huggingface_hub alone would retry each file for a minute."""
    before = constants.HF_HUB_OFFLINE
    constants.HF_HUB_OFFLINE = before or not _reachable(endpoint)
    try:
        yield
    finally:
        constants.HF_HUB_OFFLINE = before


@contextmanager
def offline() -> Iterator[None]:
    """Inside, what was not downloaded before is an error."""
    before = constants.HF_HUB_OFFLINE
    constants.HF_HUB_OFFLINE = True
    try:
        yield
    finally:
        constants.HF_HUB_OFFLINE = before


def _reachable(endpoint: str) -> bool:
    """Whether the hub's name resolves here, or a proxy will resolve it."""
    if getproxies():
        return True
    try:
        socket.getaddrinfo(urlsplit(endpoint).hostname, 443)
    except OSError:
        return False
    return True
