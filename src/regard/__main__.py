"""``python -m regard``: the command line, after the package was imported."""

from regard_cli import main

main()
