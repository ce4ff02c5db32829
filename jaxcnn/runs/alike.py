"""Whether the processes of a run were told the same, have the same data and the same code."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax

import jaxcnn
from jaxcnn.data import Dataset
from jaxcnn.engine import identity
from jaxcnn.errors import UserError
from jaxcnn.runs import processes
from jaxcnn.runs.config import flag
from jaxcnn.runs.digests import json_sha256, sample_sha256
from jaxcnn.runs.settings import FLAGS_ONLY

_OWN = frozenset({"run_dir", "data_dir", "init_from"}) | FLAGS_ONLY
"""Settings that may differ: where a machine keeps its files, and what only the first one does."""


def check_alike(settings: Mapping[str, Any], data: Dataset, model: str | None) -> None:
    """Refuse processes that would not compute the same training.

    Args:
        settings: what this process was told, as JSON can hold it.
        data: what it learns from.
        model: the digest of a model of the user's own.

    Raises:
        UserError: in every process, naming one that differs from the first, and in what.
    """
    if processes.count() == 1:
        return
    told = {name: value for name, value in settings.items() if name not in _OWN}
    splits = [data.train, *data.scored.values()]
    digests = {
        "list of settings": json_sha256(sorted(told)),
        "data set": json_sha256([[len(split), sample_sha256(split)] for split in splits]),
        "version of the code": json_sha256(
            [jax.__version__, identity()._asdict(), _package_sha256(), model]
        ),
    }
    _compare(digests)
    _compare({f"--{flag(name)}": json_sha256(value) for name, value in sorted(told.items())})


def _compare(digests: Mapping[str, str]) -> None:
    """Compare digests with those of the other processes, which have as many, in the same order."""
    rows = processes.gathered(*(int(digest[:7], 16) for digest in digests.values()))
    for process, row in enumerate(rows):
        for name, mine, its in zip(digests, rows[0], row, strict=True):
            if mine != its:
                raise UserError(
                    f"process {process} of {len(rows)} has another {name} than process 0: it must "
                    f"be the same in all of them"
                )


def _package_sha256() -> str:
    """A digest of this package's source."""
    folder, digest = Path(jaxcnn.__file__).parent, hashlib.sha256()
    for path in sorted(folder.rglob("*.py")):
        digest.update(str(path.relative_to(folder)).encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()
