"""Input codings, one file each."""
