"""Run nbs/explore.ipynb on data/demo and keep its outputs in the notebook, with figures as PNG.

The outputs are what a reader on GitHub and on the documentation site sees. Run it after a change of the
notebook or of its figures. It needs data/demo (`make demo`), and Chromium to draw the figures.

Usage: python scripts/explore_outputs.py
"""
import base64
import io
import json
import os
import sys
import tempfile
from pathlib import Path

import papermill
from PIL import Image

from dv_bench.core import home_folder

root = Path(__file__).resolve().parent.parent
notebook = root/"nbs"/"explore.ipynb"


def smaller(png: str) -> str:
    "A PNG, in base64, with a palette of 128 colours."
    picture = Image.open(io.BytesIO(base64.b64decode(png))).convert("RGB")
    out = io.BytesIO()
    picture.quantize(128, dither=Image.Dither.NONE).save(out, "PNG", optimize=True)
    return base64.b64encode(out.getvalue()).decode()


def kept(output: dict) -> dict:
    "An output without what depends on the run."
    output = {name: value for name, value in output.items() if name != "execution_count"} | {"metadata": {}}
    if output["output_type"] == "execute_result": output["execution_count"] = None
    if "image/png" in output["data"]: output["data"] = {"image/png": smaller(output["data"]["image/png"])}
    return output


def executed() -> list[dict]:
    "The cells of the notebook after a run in an empty process, as papermill runs it."
    os.environ["PLOTLY_RENDERER"] = "png"
    for name in ("JPY_SESSION_NAME", "VSCODE_PID"): os.environ.pop(name, None)  # the notebook is not live
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder)/"explore.ipynb"
        result = papermill.execute_notebook(notebook, copy, cwd=root, progress_bar=False)
    return result.cells


def main():
    "Write nbs/explore.ipynb; exit with a message when data/demo is missing."
    if not (home_folder()/"data"/"demo").is_dir(): sys.exit("data/demo does not exist; run `make demo` first")
    document = json.loads(notebook.read_text(encoding="utf-8"))
    for cell, done in zip(document["cells"], executed(), strict=True):
        if cell["cell_type"] == "code":
            cell["outputs"] = [kept(out) for out in done["outputs"] if out["output_type"] != "stream"]
    text = json.dumps(document, indent=1, ensure_ascii=False, sort_keys=True)
    notebook.write_text(text+"\n", encoding="utf-8")
    print(f"wrote {notebook}, {notebook.stat().st_size/1000:.0f} KB")


if __name__ == "__main__": main()
