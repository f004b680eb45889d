"""Where the error of a spiking network comes from: population by population, beside the plain network."""
