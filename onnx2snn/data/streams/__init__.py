"""Sample data that are read a batch at a time: image folders, archives, Parquet, saved datasets, sets of .npz."""
