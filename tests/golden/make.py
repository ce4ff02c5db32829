"""Write torch's answers to every case: ``python -m tests.golden.make``; needs torch."""

import numpy as np

from tests.golden.files import FOLDER, digest, fingerprint
from tests.ops.suite import FAMILIES, has_torch, torch_results


def main() -> None:
    """Write one file per family that torch knows anything of."""
    total = 0
    for family, cases in FAMILIES.items():
        known = [case for case in cases if has_torch(case)]
        if not known:
            continue
        kept = []
        for case in known:
            reals, whole, gradients = torch_results(case, np.float64)
            kept.append(np.append(fingerprint(case), digest([*reals, *whole, *gradients])))
        path = FOLDER / f"{family}.npz"
        np.savez_compressed(
            path,
            names=np.array([str(case) for case in known]),
            numbers=np.concatenate(kept),
            ends=np.cumsum([numbers.size for numbers in kept]),
        )
        total += path.stat().st_size
        print(f"{path.name}: {len(known)} cases, {path.stat().st_size:,} bytes")
    print(f"{total:,} bytes")


if __name__ == "__main__":
    main()
