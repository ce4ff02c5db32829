"""A program that downloads a data set with TFDS: ``preparation.py NAME DIRECTORY``.

Preparing needs TensorFlow, reading does not. A separate process keeps TensorFlow, its threads and
its output away from the training process; therefore this file imports nothing of jaxcnn. The exit
status is 0, `NETWORK_FAILED` or `FAILED`, and a line on standard error that begins with `REASON`
says why; TensorFlow prints other lines before and after it.
"""

import sys

NETWORK_FAILED = 3
FAILED = 4
REASON = "reason: "


def main(name: str, directory: str) -> int:
    """Prepare ``name`` in ``directory`` as array_record, which is readable without TensorFlow."""
    import tensorflow_datasets as tfds

    try:
        builder = tfds.builder(name, data_dir=directory)
        config = tfds.download.DownloadConfig(try_download_gcs=False)
        builder.download_and_prepare(download_config=config, file_format="array_record")
    except Exception as error:  # of any kind: dataset code, TensorFlow, the disk, the network
        lines = str(error).strip().splitlines() or [""]
        print(f"{REASON}{type(error).__name__}: {lines[0]}", file=sys.stderr)
        return NETWORK_FAILED if _is_of_network(error) else FAILED
    return 0


def _is_of_network(error: BaseException | None) -> bool:
    import urllib.error

    import requests
    import tensorflow_datasets as tfds
    import urllib3

    kinds = (
        ConnectionError,
        TimeoutError,
        urllib.error.URLError,
        requests.RequestException,
        urllib3.exceptions.HTTPError,
        tfds.download.DownloadError,
    )
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        if isinstance(error, kinds):
            return True
        seen.add(id(error))
        error = error.__cause__ or error.__context__
    return False


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
