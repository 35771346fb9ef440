"""Packaging: everything is read from settings.ini, the one place where requirements and commands are listed."""
import shutil
from configparser import ConfigParser
from pathlib import Path

from setuptools import find_packages, setup
from setuptools.command.build_py import build_py

root = Path(__file__).parent
cfg = ConfigParser(delimiters=["="])
cfg.read(root/"settings.ini")
cfg = cfg["DEFAULT"]


class BuildWithProject(build_py):
    "Copies what commands need from the project into the package's folder `project`; a checkout is used as it is."

    def project_files(self) -> dict[str, str]:
        "Path in the build -> path in the project, of the files that cfg['project_files'] names."
        found = [path for pattern in cfg["project_files"].split() for path in sorted(root.glob(pattern))]
        names = [path.relative_to(root).as_posix() for path in found]
        return {str(Path(self.build_lib, cfg["lib_name"], "project", name)): name for name in names}

    def run(self):
        super().run()
        if self.editable_mode: return
        for target, name in self.project_files().items():
            Path(target).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(root/name, target)

    def get_outputs(self, include_bytecode=True):
        project = [] if self.editable_mode else list(self.project_files())
        return super().get_outputs(include_bytecode)+project

    def get_source_files(self):  # of the sdist
        return super().get_source_files()+list(self.project_files().values())


setup(
    name=cfg["lib_name"],
    version=cfg["version"],
    description=cfg["description"],
    long_description=(root/"README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    python_requires=f">={cfg['min_python']}",
    packages=find_packages(include=["dv_bench", "dv_bench.*"]),
    package_data={"dv_bench": ["data/*", "data/pileup_set/*", "templates/*", "static/*"]},
    install_requires=cfg["requirements"].split(),
    extras_require={name: cfg[f"{name}_requirements"].split() for name in ("dev", "docs", "onnx", "study")},
    entry_points={
        "console_scripts": cfg["console_scripts"].split(),
        "papermill.io": cfg["papermill_io"].split(),
        "nbdev": [f"{cfg['lib_name']}={cfg['lib_name']}._modidx:d"],
    },
    cmdclass={"build_py": BuildWithProject},
)
