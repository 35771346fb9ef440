"""From nothing to a verdict: simulate reads, draw images, train three networks, call with them, compare them. Settings: configs/demo.yaml. Goes on where it stopped."""
import contextlib
import io
import sys
import time

import pandas as pd
import yaml

from dv_bench.core import DvBenchError, project_root
from dv_bench.dataset.folder import PileupDataset


def main():
    start, root = time.time(), project_root()
    config = yaml.safe_load((root/"configs"/"demo.yaml").read_text())
    train, archs = config["train"], config["archs"]
    print(f"Demonstration on simulated reads: {train['epochs']} epochs leave these networks undertrained, so no ranking of architectures follows from it.", flush=True)
    from dv_bench.simulation.sample import demo_dataset
    data = demo_dataset()
    info = PileupDataset(data).info
    print(f"{data}: {info['n']} images, {info['class_counts']} ({time.time()-start:.0f} s)", flush=True)
    from dv_bench.commands.train import dvb_train
    dvb_train(archs, data=str(data), experiment=train["experiment"], p=[[k, v] for k, v in train.items() if k != "experiment"])
    from dv_bench.commands.score import dvb_score
    folder, reads = root/"outputs"/train["experiment"], root/"data"/"demo_reads"
    with contextlib.redirect_stdout(io.StringIO()): # the report shows it
        if (reads/"truth.vcf.gz").exists(): dvb_score(str(folder), truth=str(reads/"truth.vcf.gz"), ref=str(reads/"reference.fasta"), confident=str(reads/"confident.bed"))
    from dv_bench.commands.summary import dvb_summary
    dvb_summary(train["experiment"])
    table = pd.read_csv(folder/"tables"/"architectures.csv")
    print("Simulated reads, undertrained networks:\n"+table[[c for c in table if table[c].notna().any()][:9]].round(4).to_string(index=False))
    print(f"report: {folder/'summary.html'} ({time.time()-start:.0f} s in all; undertrained networks on simulated reads)")


if __name__ == "__main__":
    try: main()
    except DvBenchError as e: sys.exit(f"demo: {e}")
    except KeyboardInterrupt: sys.exit("demo: interrupted; the same command goes on where it stopped")
