"From probabilities to variant calls and their scores"
import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(__name__, submod_attrs={
    "genotypes": ["merge_sites"],
    "sources": ["from_reads", "from_dataset", "from_predictions"],
    "caller": ["call"],
    "answers": ["from_answers"],
    "scoring": ["score_calls"],
    "experiment": ["score_experiment"],
})
