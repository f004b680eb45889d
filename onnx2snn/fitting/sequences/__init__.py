"""The fitting of a network to sequences of frames: dead zones and steps a frame, for few operations."""
