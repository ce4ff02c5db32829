"""The ``jaxcnn`` command, also as ``python -m jaxcnn``."""

from jaxcnn.starting import end_quietly_when_interrupted


def main() -> None:
    """Run the command with the words of the command line."""
    end_quietly_when_interrupted()
    # This takes a second or two, in which Ctrl-C may come.
    from jaxcnn.cli import main as command

    command()


if __name__ == "__main__":
    main()
