"Labelled pileup images on disk: read, written, exchanged and cut into roles"
import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(__name__, submod_attrs={
    "tfrecord": ["read_examples", "write_examples"],
    "writer": ["DatasetWriter"],
    "folder": ["PileupDataset"],
    "combine": ["merge", "select"],
    "folds": ["make_split", "Split"],
    "exchange": ["import_tfrecord", "export_tfrecord"],
    "png": ["import_png", "export_png"],
})
