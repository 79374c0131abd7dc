"""``python -m regard_cli``: the same as the command ``regard``."""

from regard_cli.app import main

main()
