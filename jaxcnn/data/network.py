"""Checks within seconds whether a URL can be downloaded."""

import queue
import threading

SECONDS = 5.0


def why_unreachable(url: str, seconds: float = SECONDS) -> str | None:
    """The reason why ``url`` cannot be downloaded, or ``None`` if its first byte arrived.

    It uses the library that TFDS downloads with, and so the same proxies and certificates; the ten
    retries of TFDS itself would take minutes. A name lookup can take longer than any timeout of
    `requests`, so a thread makes the request, and is abandoned when the time is over.

    Args:
        url: an address of ``http`` or ``https``.
        seconds: how long the whole answer may take.

    Returns:
        A fragment of a sentence, or ``None``.
    """
    answers: queue.SimpleQueue[str | None] = queue.SimpleQueue()
    threading.Thread(target=lambda: answers.put(_ask(url, seconds)), daemon=True).start()
    try:
        return answers.get(timeout=seconds)
    except queue.Empty:
        return _no_answer(seconds)


def _ask(url: str, seconds: float) -> str | None:
    import requests

    try:
        with requests.get(url, stream=True, timeout=seconds) as response:
            if response.status_code != requests.codes.ok:
                return f"the server answered with status {response.status_code}"
            return None
    except requests.Timeout:
        return _no_answer(seconds)
    except Exception:  # not of `requests` alone: an address may fail to be parsed or encoded
        return "no connection"


def _no_answer(seconds: float) -> str:
    return f"no answer within {seconds:g} seconds"
