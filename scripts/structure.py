"""Print how the modules of ``src`` are cut: their number, sizes, users and names.

``python scripts/structure.py [FOLDER]`` reads this checkout or another. A user
of a module is another module that imports it; an ``__init__`` that only passes names on
is none, and whoever imports a name from a package uses the module that defines it.
"""

import argparse
import ast
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from statistics import median

# Words of the field, or of English, that end in "ing" and name a thing.
NOUNS = {"embedding", "padding", "pooling", "string", "training", "typing"}


def main() -> int:
    """Print the counts, one a line, and the modules behind those that have a bar."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    here = Path(__file__).resolve().parents[1]
    parser.add_argument("folder", nargs="?", type=Path, default=here)
    parser.add_argument("--names", action="store_true", help="list the modules counted")
    arguments = parser.parse_args()
    root = arguments.folder / "src"
    if not root.is_dir():
        parser.error(f"there is no folder '{root}'")
    modules = {dotted(path, root): path for path in sorted(root.rglob("*.py"))}
    sizes = sorted(
        len(path.read_text("utf-8").splitlines()) for path in modules.values()
    )
    rooms = [name for name, path in modules.items() if not path.stem.startswith("__")]
    users = users_of(modules)
    single = sorted(name for name in rooms if len(users[name]) == 1)
    # A package and a module of one name are two places to look, too.
    names = Counter(name.rpartition(".")[2] for name in modules if "." in name)
    repeated = {name: count for name, count in names.items() if count > 1}
    gerunds = sorted(name for name in rooms if is_gerund(name.rpartition(".")[2]))
    print(f"modules              {len(modules)}")
    print(f"lines                {sum(sizes):,}")
    print(f"median lines         {median(sizes):.0f}")
    print(f"90 % under           {sizes[int(0.9 * len(sizes))]} lines")
    print(
        f"with a single user   {len(single)} of {len(rooms)} ({share(single, rooms)})"
    )
    print(f"repeated base names  {len(repeated)}")
    print(f"named by a gerund    {len(gerunds)}")
    if arguments.names:
        print(
            "\nsingle user:", *(f"{n} <- {min(users[n])}" for n in single), sep="\n  "
        )
        print("\nrepeated:", *sorted(repeated.items()), sep="\n  ")
        print("\ngerunds:", *gerunds, sep="\n  ")
    return 0


def dotted(path: Path, root: Path) -> str:
    """The name that a file is imported by."""
    parts = path.relative_to(root).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def users_of(modules: dict[str, Path]) -> dict[str, set[str]]:
    """The modules that import each module, by the module that is imported."""
    trees = {name: ast.parse(path.read_text("utf-8")) for name, path in modules.items()}
    origins = {name: dict(passed_on(tree)) for name, tree in trees.items()}
    users: dict[str, set[str]] = defaultdict(set)
    for user, tree in trees.items():
        is_surface = modules[user].stem == "__init__"
        for module, name in imported(tree):
            source = origin(module, name, modules, origins)
            if source != user and not is_surface:
                users[source].add(user)
    return users


def imported(tree: ast.AST) -> Iterator[tuple[str, str]]:
    """Each module with each name imported from it, inside functions too."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, "") for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from ((node.module or "", alias.name) for alias in node.names)


def passed_on(tree: ast.AST) -> Iterator[tuple[str, str]]:
    """Each name that a module imports, with the module it comes from."""
    for module, name in imported(tree):
        if name:
            yield name, module


def origin(
    module: str,
    name: str,
    modules: dict[str, Path],
    origins: dict[str, dict[str, str]],
) -> str:
    """The module that a name imported from ``module`` is defined in."""
    inner = f"{module}.{name}"
    if inner in modules:
        return inner
    while module in modules and modules[module].stem == "__init__":
        source = origins[module].get(name)
        if source is None or source == module:
            break
        if f"{source}.{name}" in modules:
            return f"{source}.{name}"
        module = source
    return module


def is_gerund(name: str) -> bool:
    """Whether a module is named by what it does instead of by what it holds."""
    parts = [part for part in name.split("_") if part.endswith("ing")]
    return not set(parts) <= NOUNS


def share(part: list[str], whole: list[str]) -> str:
    """A share in per cent."""
    return f"{100 * len(part) / len(whole):.0f} %"


if __name__ == "__main__":
    sys.exit(main())
