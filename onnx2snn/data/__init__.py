"""Sample data: readers of files, folders and datasets, and synthetic samples."""
