"""Tools that passes share: finding, building and replacing nodes."""
