"""Is an interrupted run the same run? Kill it at random moments, start it again, compare with an unbroken one

One small network is trained once without interruption. Then the same run is killed (SIGKILL) at random
moments and started again, until it has been killed often enough, and left to finish. A checkpoint is written
after every step. Half of the kills wait for the next write, and the table counts the kills that left a
checkpoint half written. History and predictions must be equal to the last bit, with 0 and with 2 workers that
read ahead.

Usage: python benchmarks/kills.py [--kills 20] [--seed 0] [--out benchmarks/results/kills.md]
"""
import argparse
import functools
import os
import random
import signal
import sys
import tempfile
import time
import traceback
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from dv_bench.dataset.folder import made_dataset
from dv_bench.training import loop, run
from dv_bench.training.images import TrainingImages
from dv_bench.training.runs import run_folder
from dv_bench.training.settings import Config


@dataclass
class KillCounts:
    "What happened to the runs with one number of workers."
    workers: int
    kills: int = 0
    writing: int = 0 # kills that left a checkpoint half written
    runs: int = 0
    equal: bool = True


def train(config: Config, share: float):
    "Train fold 0 on one thread, with `share` of the free memory for images; 0 has workers read them."
    loop.torch.set_num_threads(1)
    run.ImageStore = functools.partial(run.ImageStore, share=share)
    sys.stdout = open(os.devnull, "w")
    loop.fit(run.prepare_run(config, TrainingImages(config.data), config.fold, config.seed))


def start(config: Config, share: float) -> int:
    "Train in a child process; its id. This process never computes with torch, so that it can fork."
    child = os.fork()
    if child: return child
    status = 1
    try:
        train(config, share)
        status = 0
    except BaseException: traceback.print_exc()
    finally: os._exit(status)


def finish(config: Config, share: float) -> float:
    "Train to the end; seconds."
    begin = time.monotonic()
    status = os.waitpid(start(config, share), 0)[1]
    if status: raise SystemExit("a run failed that nobody killed")
    return time.monotonic()-begin


def outcome(config: Config) -> tuple[pd.DataFrame, pd.DataFrame]:
    "What must be equal: the history without times, and the predictions."
    folder = run_folder(config, 0, 0)
    history = pd.read_csv(folder/"history.csv").drop(columns="seconds")
    return history, pd.read_parquet(folder/"predictions.parquet")


def half_written(config: Config) -> set[Path]:
    "Checkpoints that a killed run left half written."
    return set(run_folder(config, 0, 0).glob(".checkpoint*partial*"))


def kill(child: int, config: Config, before: set[Path], seconds: float, rng: random.Random) -> bool:
    "Kill a run at a random moment, or within the next write after it; False where it had ended before."
    time.sleep(rng.uniform(.05, .5)*seconds)
    if rng.random() < .5:
        until = time.monotonic()+seconds
        while time.monotonic() < until and not half_written(config)-before: time.sleep(.0002)
    os.kill(child, signal.SIGKILL)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])


def kill_often(
    config: Config, share: float, counts: KillCounts, kills: int, seconds: float, rng: random.Random
):
    "Kill one run until there are `kills` kills or it is done, then let it finish."
    while counts.kills < kills:
        before = half_written(config)
        if not kill(start(config, share), config, before, seconds, rng): break
        counts.kills += 1
        counts.writing += bool(half_written(config)-before)
    finish(config, share)
    counts.runs += 1


def compare(config: Config, share: float, kills: int, rng: random.Random) -> KillCounts:
    "Kill runs of one configuration and compare each with an unbroken run."
    counts = KillCounts(config.workers)
    unbroken = replace(config, experiment=f"unbroken{config.workers}")
    seconds = finish(unbroken, share)
    while counts.kills < kills:
        killed = replace(config, experiment=f"killed{config.workers}_{counts.runs}")
        kill_often(killed, share, counts, kills, seconds, rng)
        counts.equal &= all(x.equals(y) for x, y in zip(outcome(unbroken), outcome(killed)))
    return counts


def report(rows: list[KillCounts], kills: int, seed: int) -> str:
    "The table and the command that makes it."
    lines = ["| workers | kills | of these while writing | runs | all equal to the unbroken run |",
             "|---|---|---|---|---|"]
    for r in rows:
        equal = "yes" if r.equal else "NO"
        lines.append(f"| {r.workers} | {r.kills} | {r.writing} | {r.runs} | {equal} |")
    table = "\n".join(lines)
    command = f"python benchmarks/kills.py --kills {kills} --seed {seed}"
    return f"# Killed and resumed\n\n{table}\n\nMade with `{command}`\n"


def main():
    formatter = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=formatter)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", default="")
    a = parser.parse_args()
    rng = random.Random(a.seed)
    with tempfile.TemporaryDirectory() as d:
        data = str(made_dataset(Path(d)/"data", n=80, shape=(7, 40, 63), contigs=tuple("abcdef")))
        config = Config(arch="test_resnet", data=data, outputs=d, folds=3, fold=0, epochs=3, batch_size=8,
                        checkpoint_minutes=0., ema=.9, drop_rate=.1, drop_reads=.2, tracker="none")
        in_memory = compare(replace(config, workers=0), .5, a.kills, rng)
        from_disk = compare(replace(config, workers=2), 0., a.kills, rng)
    rows = [in_memory, from_disk]
    text = report(rows, a.kills, a.seed)
    print(text)
    if a.out:
        Path(a.out).parent.mkdir(parents=True, exist_ok=True)
        Path(a.out).write_text(text)
    if not all(r.equal for r in rows): sys.exit(1)


if __name__ == "__main__": main()
