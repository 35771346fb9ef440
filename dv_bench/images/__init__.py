"From aligned reads to pileup images, as DeepVariant draws them"
import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(__name__, submod_attrs={
    "reads": ["Reads", "reads_from_rows"],
    "decoding": ["fetch_reads", "open_reads"],
    "candidates": ["find_candidates"],
    "truth": ["TruthSet"],
    "labels": ["label_sites"],
    "realignment": ["realign"],
    "pileup": ["draw_image", "site_images"],
    "job": ["Job", "prepare"],
    "examples": ["make_examples", "write_dataset"],
})
