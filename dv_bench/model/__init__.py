"Networks from timm and baselines without a network"
import lazy_loader
import wrapt

__getattr__, __dir__, __all__ = lazy_loader.attach(__name__, submod_attrs={
    "architectures": ["build_model", "pad_images", "timm_name"],
    "cost": ["count_parameters", "count_gmacs", "images_per_second"],
    "baselines": ["fit_baseline"],
})

@wrapt.when_imported("timm") # at once, or when it is imported: timm itself is slow
def _register_networks(timm):
    "Let `timm.create_model` know the project's own networks."
    from . import pileup_set
