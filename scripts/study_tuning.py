"""Search learning rate and weight decay of each network of a study, before the study is run.

The trials train on the study's training images, at the size that most architectures share, and are judged by
the log loss of the tune role; no dataset to test on is read. Every network gets the same number of trials,
each of a third of the study's epochs. Baselines without a network have nothing to search. With --write the
values become `train.per_arch` of the study file.

Usage: python scripts/study_tuning.py STUDY.yaml [--budget 8] [--jobs 1] [--write]

The datasets are made first: dvb_study makes them, and so does the command that `dvb_study --plan` shows.
"""
import argparse
import sys
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path

from dv_bench.commands.study_file import Study, read_study, run_config
from dv_bench.commands.study_jobs import dataset_folder, places
from dv_bench.core import DvBenchError
from dv_bench.model.names import baseline_names
from dv_bench.training.images import TrainingImages
from dv_bench.training.settings import Config
from dv_bench.training.tuning import search_recipe
from dv_bench.verdict.experiment import common_size


def trial_settings(study: Study, arch: str) -> Config:
    "The settings of a network's trials."
    data = ",".join(str(dataset_folder(d, places(study))) for d in study.data if d.role == "train")
    config = run_config(study, arch, 0, study.seeds[0], common_size(study.sizes), data)
    return replace(config, folds=10, experiment=f"{study.experiment}_search")


def search(config: Config, budget: int) -> tuple[str, dict]:
    "The architecture, and the learning rate and weight decay that were best."
    found = search_recipe(config, TrainingImages(config.data), budget)
    return config.arch, {"lr": float(f"{found.lr:.2g}"), "weight_decay": float(f"{found.weight_decay:.2g}")}


def as_yaml(values: dict[str, dict]) -> str:
    "The section `per_arch` of a study file."
    lines = []
    for arch, v in values.items():
        lines.append(f"    {arch}: {{lr: {v['lr']:.1e}, weight_decay: {v['weight_decay']:.1e}}}")
    return "\n".join(["  per_arch:                # of the search", *lines, ""])


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("study", type=Path)
    parser.add_argument("--budget", type=int, default=8, help="trials for each network")
    parser.add_argument("--jobs", type=int, default=1, help="networks that are searched at the same time")
    parser.add_argument("--write", action="store_true", help="add the values to the study file")
    args = parser.parse_args()
    study = read_study(args.study)
    if study.per_arch:
        sys.exit(f"{args.study}: train.per_arch has values already; remove them to search again")
    configs = [trial_settings(study, arch) for arch in study.archs if arch not in baseline_names]
    with ProcessPoolExecutor(args.jobs, get_context("spawn")) as pool:
        found = dict(pool.map(search, configs, [args.budget]*len(configs)))
    text = as_yaml(found)
    print(text)
    if args.write: args.study.write_text(f"{args.study.read_text().rstrip()}\n{text}")


if __name__ == "__main__":
    try: main()
    except DvBenchError as e: sys.exit(f"study_tuning.py: {e}")
