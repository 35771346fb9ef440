"""Make torchvision's CUDA build work beside a CPU build of torch.

timm imports torchvision. PyPI's torchvision is built for CUDA; beside a CPU build of torch its import fails
with "operator torchvision::nms does not exist". In that case this script installs an import hook into the
virtual environment (a `.pth` file and a small module in site-packages). The hook declares the two missing
operators just before torchvision is first imported. In all other cases the script removes the hook.

Usage: python scripts/cpu_torchvision.py
"""
import subprocess
import sys
import sysconfig
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

HOOK = '''"""Declares torchvision's operators before its CUDA build is imported beside a CPU torch."""
import sys
from importlib.machinery import PathFinder


class _DeclareOps:
    def find_spec(self, name, path=None, target=None):
        if name != "torchvision": return None
        sys.meta_path.remove(self)
        import torch
        if torch.version.cuda is None:
            library = torch.library.Library("torchvision", "DEF")
            for op in ("nms", "qnms"):
                library.define(f"{op}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
            sys.modules[__name__].library = library
        return PathFinder.find_spec(name, path, target)


sys.meta_path.insert(0, _DeclareOps())
'''


def needs_hook() -> bool:
    "True for a CPU build of torch beside a torchvision that was built for CUDA, as PyPI's is."
    import torch
    try: torchvision_version = version("torchvision")
    except PackageNotFoundError: return False
    if torch.version.cuda is not None or torchvision_version.endswith("+cpu"): return False
    version_file = Path(sysconfig.get_paths()["purelib"])/"torchvision"/"version.py"
    return "cuda = None" not in version_file.read_text()


def main():
    "Install the hook if it is needed, remove it otherwise, and check that timm can be imported."
    site = Path(sysconfig.get_paths()["purelib"])
    module = site/"dv_bench_torchvision_hook.py"
    pth = site/"dv_bench_torchvision_hook.pth"
    if needs_hook():
        module.write_text(HOOK)
        pth.write_text("import dv_bench_torchvision_hook\n")
        print("torchvision was built for CUDA and torch for the CPU: import hook installed")
    else:
        for file in (module, pth): file.unlink(missing_ok=True)
    subprocess.run([sys.executable, "-c", "import timm"], check=True)  # imports torchvision


if __name__ == "__main__": main()
