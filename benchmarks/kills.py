"""Is an interrupted run the same run? Kill it at random moments, start it again, compare with an unbroken one.

One small network is trained once without interruption. Then the same run is killed (SIGKILL) at random moments and started again, until it has
been killed often enough, and left to finish. Checkpoints are written after every step, and half of the kills wait for the next write; the
table counts those that left one half written. History and predictions must be equal to the last bit, with 0 and with 2 workers that read ahead.

Usage: python benchmarks/kills.py [--kills 20] [--seed 0] [--out benchmarks/results/kills.md]
"""
import argparse
import dataclasses
import functools
import os
import random
import signal
import sys
import tempfile
import time
import traceback
from pathlib import Path

import pandas as pd

from dv_bench.training import loop, settings, sweep
from dv_bench.training.runs import run_folder
from dv_bench.dataset.folder import made_dataset


def start(config, share: float) -> int:
    "Train in a child process; its id. This process never computes with torch, so that it can fork."
    if child := os.fork(): return child
    status = 1
    try:
        loop.torch.set_num_threads(1)
        loop.ImageStore = functools.partial(loop.ImageStore, share=share)
        sys.stdout = open(os.devnull, "w")
        sweep.train_arch(config)
        status = 0
    except BaseException: traceback.print_exc()
    finally: os._exit(status)


def finish(config, share: float) -> float:
    "Train to the end; seconds."
    begin = time.monotonic()
    if os.waitpid(start(config, share), 0)[1]: raise SystemExit("a run failed that nobody killed")
    return time.monotonic()-begin


def outcome(config):
    "What must be equal: history but for times, predictions."
    folder = run_folder(config, 0, 0)
    return pd.read_csv(folder/"history.csv").drop(columns="seconds"), pd.read_parquet(folder/"predictions.parquet")


def kill_often(config, share: float, kills: int, seconds: float, rng: random.Random) -> tuple[int, int]:
    "Kill the run until it has been killed `kills` times or is done, then let it finish; kills, kills within a write."
    folder, done, writing = run_folder(config, 0, 0), 0, 0
    partial = lambda: set(folder.glob(".checkpoint*partial*"))
    while done < kills:
        old, child = partial(), start(config, share)
        time.sleep(rng.uniform(.05, .5)*seconds)
        if rng.random() < .5: # at the next write
            until = time.monotonic()+seconds
            while time.monotonic() < until and not partial()-old: time.sleep(.0002)
        os.kill(child, signal.SIGKILL)
        status = os.waitpid(child, 0)[1]
        if not os.WIFSIGNALED(status): break
        done, writing = done+1, writing+bool(partial()-old)
    finish(config, share)
    return done, writing


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", default="")
    a = parser.parse_args()
    rng, rows = random.Random(a.seed), []
    with tempfile.TemporaryDirectory() as d:
        data = str(made_dataset(Path(d)/"data", n=80, shape=(7, 40, 63), contigs=tuple("abcdef")))
        for workers in (0, 2):
            config = settings.Config(arch="test_resnet", data=data, outputs=d, folds=3, fold=0, epochs=3, batch_size=8, checkpoint_minutes=0., workers=workers, ema=.9,
                                     drop_rate=.1, drop_reads=.2, tracker="none")
            share, name = .5 if not workers else 0., lambda what: dataclasses.replace(config, experiment=f"{what}{workers}")
            seconds = finish(name("unbroken"), share)
            killed, writing, runs, equal = 0, 0, 0, True
            while killed < a.kills:
                done, within = kill_often(name(f"killed{runs}_"), share, a.kills-killed, seconds, rng)
                killed, writing, runs = killed+done, writing+within, runs+1
                equal &= all(x.equals(y) for x, y in zip(outcome(name("unbroken")), outcome(name(f"killed{runs-1}_"))))
            rows.append((workers, killed, writing, runs, "yes" if equal else "NO"))
    table = "| workers | kills | of these while writing | runs | all equal to the unbroken run |\n|---|---|---|---|---|\n" + "\n".join(f"| {' | '.join(map(str, r))} |" for r in rows)
    text = f"# Killed and resumed\n\n{table}\n\nMade with `python benchmarks/kills.py --kills {a.kills} --seed {a.seed}`\n"
    print(text)
    if a.out: Path(a.out).parent.mkdir(parents=True, exist_ok=True); Path(a.out).write_text(text)
    if any(r[-1] != "yes" for r in rows): sys.exit(1)


if __name__ == "__main__": main()
