"""How long does `dvb_summary` take? On a planted experiment of 5 classifiers x 10 folds, with 40,000
predictions in each run.

    python benchmarks/summary.py [--sites 200000]

A tenth of the sites is a fold's test role, and about as many are its tune role.
"""
import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pandas as pd

from dv_bench.verdict.planted import Planted, plant_experiment

SUMMARY = """
import sys
from dv_bench.commands.summary import dvb_summary
dvb_summary(sys.argv[1], no_images="--no_images" in sys.argv)
"""


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sites", type=int, default=200_000)
    args = parser.parse_args()
    cost = dict(parameters=2e7, gmacs=3., train_images_per_second=40., inference_images_per_second=120.,
                batch_size=32, device="cpu", peak_memory_bytes=2e9, train_seconds=500.)
    archs = {"inception_v3": Planted(cost=cost), "efficientnet_b0": Planted(shift=-.5, cost=cost),
             "regnety_032": Planted(shift=-.1, cost=cost), "allele_fraction": Planted(shift=1.5, run_sd=0),
             "gradient_boosting": Planted(shift=.6, run_sd=.02)}
    with tempfile.TemporaryDirectory() as d:
        folder = plant_experiment(
            Path(d)/"outputs"/"made", archs, folds=10, seeds=1, n_sites=args.sites, epochs=15)
        predictions = folder/"inception_v3"/"fold0_seed0"/"predictions.parquet"
        rows = len(pd.read_parquet(predictions, columns=["role"]))
        print(f"{len(archs)} classifiers x 10 folds, {rows:,} predictions in a run")
        for label, options in (("with static images", []), ("without", ["--no_images"])):
            start = time.perf_counter()
            command = [sys.executable, "-c", SUMMARY, str(folder), *options]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            seconds = time.perf_counter()-start
            megabytes = (folder/"summary.html").stat().st_size/1e6
            print(f"dvb_summary {label}: {seconds:.0f} s, page {megabytes:.1f} MB")


if __name__ == "__main__":
    main()
