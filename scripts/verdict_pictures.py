"""Draw the pictures of docs/verdict.md from an experiment with known outcomes.

Four made-up architectures are planted: one better than the baseline, one equal to it, and a worse baseline
without a network. Needs Chromium, for the figures as PNG files.

Usage: python scripts/verdict_pictures.py
"""
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image

from dv_bench.core import project_file
from dv_bench.verdict.planted import Planted, plant_experiment

figures = (
    "differences", "kinds_own", "reliability_before", "learning_curves",
    "cost_snp_inference_images_per_second")
width = 1000  # pixels

SUMMARY = """
import sys
from dv_bench.commands.summary import dvb_summary
dvb_summary(sys.argv[1])
"""


def plant(outputs: Path) -> Path:
    "The made-up experiment."
    cost = dict(parameters=2e7, gmacs=3., train_images_per_second=40., inference_images_per_second=120.,
                batch_size=32, device="cpu", peak_memory_bytes=2e9, train_seconds=500.)
    faster = cost | dict(
        parameters=5e6, gmacs=.4, inference_images_per_second=500., train_images_per_second=150.)
    archs = {
        "inception_v3": Planted(cost=cost),
        "better_net": Planted(shift=-.6, cost=faster),
        "equal_net": Planted(shift=.02, sharpness=1.8, cost=faster),
        "gradient_boosting": Planted(shift=.6, run_sd=.02),
    }
    return plant_experiment(outputs/"planted", archs, folds=2, seeds=5, n_sites=20_000, epochs=15)


def main():
    with tempfile.TemporaryDirectory() as work:
        folder = plant(Path(work)/"outputs")
        subprocess.run([sys.executable, "-c", SUMMARY, str(folder)], check=True)
        for name in figures:
            picture = Image.open(folder/"figures"/f"{name}.png").convert("RGB")
            picture = picture.resize((width, round(picture.height*width/picture.width)), Image.LANCZOS)
            out = project_file(f"docs/images/verdict_{name}.png")
            picture.quantize(64).save(out, optimize=True)
            print(out, f"{out.stat().st_size/1000:.0f} KB")


if __name__ == "__main__": main()
