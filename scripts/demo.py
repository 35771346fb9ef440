"""From nothing to a report: simulate reads, draw images, train networks, call with them, compare them.

All settings are in configs/demo.yaml. The command continues where it stopped.

Usage: python scripts/demo.py
"""
import contextlib
import io
import sys
import time
from pathlib import Path

import pandas as pd
import yaml

from dv_bench.core import DvBenchError, home_folder, project_file
from dv_bench.dataset.folder import PileupDataset

# Modules that take seconds to import are imported where they are used, so that the first line prints at once.


def make_images(start: float) -> Path:
    "The dataset folder, made if it is missing."
    from dv_bench.simulation.sample import demo_dataset
    data = demo_dataset()
    info = PileupDataset(data).info
    print(f"{data}: {info['n']} images, {info['class_counts']} ({time.time()-start:.0f} s)", flush=True)
    return data


def train(archs: list[str], data: Path, settings: dict):
    "Train all architectures; complete runs are skipped."
    from dv_bench.commands.train import dvb_train
    pairs = [[key, value] for key, value in settings.items() if key != "experiment"]
    dvb_train(archs, data=str(data), experiment=settings["experiment"], p=pairs)


def score(experiment: Path, sample: Path):
    "Score the calls of all architectures against the simulated truth, if it is still there."
    from dv_bench.commands.score import dvb_score
    truth = sample/"truth.vcf.gz"
    if not truth.exists(): return
    with contextlib.redirect_stdout(io.StringIO()):  # the report shows the scores
        dvb_score(str(experiment), truth=str(truth), ref=str(sample/"reference.fasta"),
                  confident=str(sample/"confident.bed"))


def report(experiment: Path):
    "Make the report and print the table of architectures."
    from dv_bench.commands.summary import dvb_summary
    dvb_summary(experiment.name)
    table = pd.read_csv(experiment/"tables"/"architectures.csv")
    filled = [column for column in table if table[column].notna().any()]
    print("Simulated reads, undertrained networks:")
    print(table[filled[:9]].round(4).to_string(index=False))


def main():
    start = time.time()
    home = home_folder()
    config = yaml.safe_load(project_file("configs/demo.yaml").read_text())
    settings = config["train"]
    print(f"Demonstration on simulated reads: {settings['epochs']} epochs leave these networks undertrained, "
          "so the results do not rank the architectures.", flush=True)
    data = make_images(start)
    train(config["archs"], data, settings)
    experiment = home/"outputs"/settings["experiment"]
    score(experiment, home/"data"/"demo_reads")
    report(experiment)
    print(f"report: {experiment/'summary.html'} ({time.time()-start:.0f} s in all; undertrained networks on "
          "simulated reads)")


if __name__ == "__main__":
    try: main()
    except DvBenchError as e: sys.exit(f"demo: {e}")
    except KeyboardInterrupt: sys.exit("demo: interrupted; the same command continues where it stopped")
