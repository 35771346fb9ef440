"Console commands, a module each"
import multiprocessing
import os
import signal
import sys
from pathlib import Path

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(__name__, submod_attrs={
    "entry": ["command"],
})


def stop_imports(number, frame):
    "End a command at Ctrl-C while its modules are imported, when nothing has begun."
    os.write(2, f"{Path(sys.argv[0]).stem}: interrupted\n".encode())
    os._exit(128+signal.SIGINT)


def _is_started_by_user()->bool:
    "Is this process a console command, and not one of its workers?"
    return Path(sys.argv[0]).stem.startswith("dvb_") and multiprocessing.parent_process() is None


if _is_started_by_user() and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
    signal.signal(signal.SIGINT, stop_imports)
