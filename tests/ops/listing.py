"""Write docs/functions.md from the functions themselves: ``python -m tests.ops.listing``."""

import inspect
import pathlib

import jaxcnn as jc

PAGE = pathlib.Path(__file__).parents[2] / "docs" / "functions.md"

INTRODUCTION = """# The functions

Written by `python -m tests.ops.listing` from the signatures and docstrings; not edited by hand.
All of them are in `jaxcnn` itself (`import jaxcnn as jc; jc.conv2d(…)`); `help(jc.conv2d)` says
what each argument means. What was tested of each is in [ops.md](ops.md).
"""


def signature(name: str) -> str:
    """The call of a function as a reader needs it: names and defaults, no annotations."""
    parameters = inspect.signature(getattr(jc, name)).parameters.values()
    bare = [p.replace(annotation=inspect.Parameter.empty) for p in parameters]
    return f"{name}{inspect.Signature(bare)}"


def page() -> str:
    """The whole of docs/functions.md, by the module that holds each function."""
    modules: dict[str, list[str]] = {}
    for name in jc.ops.__all__:
        modules.setdefault(getattr(jc, name).__module__, []).append(name)
    lines = [INTRODUCTION]
    for module, names in sorted(modules.items()):
        title = module.rpartition(".")[2].replace("_", " ").capitalize()
        lines += [f"## {title} (`{module}`)", ""]
        for name in sorted(names):
            summary = (inspect.getdoc(getattr(jc, name)) or "").partition("\n")[0]
            lines += [f"- `{signature(name)}`: {summary}"]
        lines.append("")
    return "\n".join(lines)


if __name__ == "__main__":
    PAGE.write_text(page())
