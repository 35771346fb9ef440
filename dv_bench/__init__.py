__version__ = "0.2.0"

from .operators import prepare_torchvision

prepare_torchvision()
