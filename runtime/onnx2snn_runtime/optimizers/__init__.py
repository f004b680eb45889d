"""How signgd turns the signs of its spikes into movement, one file each."""
