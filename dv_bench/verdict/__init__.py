"Comparison of trained architectures"
import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(__name__, submod_attrs={
    "planted": ["plant_experiment", "Planted"],
    "experiment": ["read_experiment"],
    "sites": ["read_sites"],
    "compare": ["compare_all"],
    "wording": ["verdict"],
    "browser": ["PileupBrowser"],
    "report": ["Report"],
})
