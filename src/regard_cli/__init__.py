"""The command line of ``regard``.

It stands beside the package, not inside it: importing ``regard`` loads Keras, which
takes more than a second, so that a saved model finds our layers. ``regard --help``
must not wait for that. Commands import ``regard`` when they run.
"""

from regard_cli.interrupts import ending_at_once

# From the first line on: whoever ends a command while it loads reads no traceback.
with ending_at_once():
    from regard_cli.app import main

__all__ = ["main"]
