"Simulated samples: reference, reads, truth"
import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(__name__, submod_attrs={
    "sample": ["simulate", "demo_dataset", "Options"],
    "estimation": ["estimate_profile"],
    "profile": ["load_profile"],
})
