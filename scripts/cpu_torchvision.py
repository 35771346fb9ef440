"""Make `import timm` work in every program of this environment, beside a CPU build of torch.

timm imports torchvision, and PyPI's torchvision is built for CUDA. The package prepares that import
(dv_bench/operators.py), once it is imported itself. Where timm alone cannot be imported, this script copies
the module into site-packages and adds a `.pth` file, by which Python runs it at its start. In all other cases
it removes both.

Usage: python scripts/cpu_torchvision.py
"""
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

root = Path(__file__).resolve().parent.parent
hook = Path(sysconfig.get_path("purelib"))/"dv_bench_torchvision_hook.py"
start = hook.with_suffix(".pth")


def import_timm(check: bool) -> bool:
    "Whether a new process can import timm."
    command = [sys.executable, "-c", "import timm"]
    return subprocess.run(command, check=check, capture_output=not check).returncode == 0


def main():
    "Install the hook if it is needed, and check that timm can be imported."
    for file in (hook, start): file.unlink(missing_ok=True)
    if import_timm(check=False): return
    shutil.copy(root/"dv_bench"/"operators.py", hook)
    start.write_text(f"import {hook.stem}; {hook.stem}.prepare_torchvision()\n")
    import_timm(check=True)
    print("torchvision was built for CUDA and torch for the CPU: import hook installed")


if __name__ == "__main__": main()
