"Training of one or many architectures"
import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(__name__, submod_attrs={
    "settings": ["Config"],
    "metrics": ["image_metrics"],
    "images": ["TrainingImages"],
    "runs": ["open_runs"],
    "predictor": ["load_run", "Predictor"],
    "sweep": ["train_arch"],
})
