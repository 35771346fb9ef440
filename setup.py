"""Packaging: everything is read from settings.ini, the one place where requirements and commands are listed."""
from configparser import ConfigParser
from pathlib import Path

from setuptools import find_packages, setup

cfg = ConfigParser(delimiters=["="])
cfg.read(Path(__file__).parent / "settings.ini")
cfg = cfg["DEFAULT"]

setup(
    name=cfg["lib_name"],
    version=cfg["version"],
    description=cfg["description"],
    long_description=(Path(__file__).parent / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    python_requires=f">={cfg['min_python']}",
    packages=find_packages(include=["dv_bench", "dv_bench.*"]),
    package_data={"dv_bench": ["data/*", "data/pileup_set/*", "templates/*", "static/*"]},
    install_requires=cfg["requirements"].split(),
    extras_require={name: cfg[f"{name}_requirements"].split() for name in ("dev", "onnx", "study")},
    entry_points={
        "console_scripts": cfg["console_scripts"].split(),
        "papermill.io": cfg["papermill_io"].split(),
        "nbdev": [f"{cfg['lib_name']}={cfg['lib_name']}._modidx:d"],
    },
)
