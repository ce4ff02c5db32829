"""The ``jaxcnn`` command, also as ``python -m jaxcnn``."""

import sys

from jaxcnn.extras import missing
from jaxcnn.starting import end_quietly_when_interrupted


def main() -> None:
    """Run the command with the words of the command line."""
    end_quietly_when_interrupted()
    sentence = missing("the jaxcnn command", "train")
    if sentence is not None:
        print(f"jaxcnn: {sentence}", file=sys.stderr)
        sys.exit(2)
    # This takes a second or two, in which Ctrl-C may come.
    from jaxcnn.cli import main as command

    command()


if __name__ == "__main__":
    main()
