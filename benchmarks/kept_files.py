"""What kept files were made from: a benchmark uses a file again only where that is the same."""
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

import dv_bench
from dv_bench.core import package_versions
from dv_bench.manifest import file_entry

# modules outside of rooms that decide which images a BAM gives
ground = ("contigs", "genome", "hts", "spans", "thresholds")


def made_from(files: Sequence[Path], *options) -> str:
    """Twelve digits that identify the content of files, wherever they lie, and options that JSON can hold:
    versions, settings. Raises DvBenchError for a file that cannot be read."""
    contents = [file_entry(file)["sha256"] for file in files]
    return hashlib.sha256(json.dumps([contents, options], sort_keys=True).encode()).hexdigest()[:12]


def code_version(*rooms: str) -> str:
    "Twelve digits that identify the code of rooms, of the modules below them, and the packages in use."
    package = Path(dv_bench.__file__).parent
    files = [package/f"{module}.py" for module in ground]
    for room in rooms: files += sorted((package/room).rglob("*.py"))
    return made_from(files, package_versions())
