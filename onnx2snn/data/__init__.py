"""Sample data: readers of files, folders and data sets, and made-up samples where there are none."""
