"""Packaging of ds_stilts: what is installed, what it needs, and which data files travel with it.

`ds_configs/` and `slurm/` lie at the top of the repository, where people look for them, and are installed inside the
package; `ds_stilts/resources.py` finds them in both places.
Ranges here are plain; `constraints.txt` pins what is tested.
"""

import re
from pathlib import Path

from setuptools import find_packages, setup

ROOT = Path(__file__).parent
VERSION = re.search(r'__version__ = "([^"]+)"', (ROOT / "ds_stilts" / "__init__.py").read_text(encoding="utf-8"))
assert VERSION, "ds_stilts/__init__.py states the version"

setup(
    name="ds_stilts",
    version=VERSION.group(1),
    description="Intermediate-task training (STILTs) for multilingual models on DeepSpeed, scored on XTREME",
    long_description=(ROOT / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    license_files=["LICENSE"],
    python_requires=">=3.10",
    packages=[*find_packages(include=["ds_stilts", "ds_stilts.*"]), "ds_stilts.ds_configs", "ds_stilts.slurm"],
    package_dir={"ds_stilts.ds_configs": "ds_configs", "ds_stilts.slurm": "slurm"},
    package_data={
        "ds_stilts": [
            "py.typed",
            "recipes/*.yaml",
            "recipes/**/*.yaml",
            "tasks/*.json",
            "report/*.json",
            "report/templates/*",
            "studies/report/templates/*",
        ],
        "ds_stilts.ds_configs": ["*.json", "*.md"],
        "ds_stilts.slurm": ["*.sbatch", "*.md"],
    },
    entry_points={"console_scripts": ["ds-stilts = ds_stilts.cli.main:main"]},
    install_requires=[
        "torch>=2.5",
        "deepspeed>=0.16",
        "transformers>=5.0",
        "tokenizers",
        "sentencepiece",
        "protobuf",
        "datasets",
        "safetensors",
        "pyarrow",
        "xxhash",
        "filelock",
        "packaging",
        "pydantic>=2",
        "PyYAML",
        "typer",
        "rich",
        "Jinja2",
        "matplotlib",
        "numpy",
        "scipy",
        "statsmodels",
        "tensorboard",
        "mpi4py",
    ],
    extras_require={
        "bench": ["accelerate>=1.1"],
        "energy": ["nvidia-ml-py"],
        "lora": ["peft>=0.18"],
        "test": [
            "accelerate>=1.1",
            "peft>=0.18",
            "pytest",
            "pytest-timeout",
            "hypothesis",
            "ruff",
            "mypy",
            "scikit-learn",
        ],
    },
    classifiers=[
        "Intended Audience :: Science/Research",
        "Operating System :: POSIX :: Linux",
        "Programming Language :: Python :: 3",
        "Topic :: Scientific/Engineering :: Artificial Intelligence",
    ],
)
