"""Ratios, measured in one run of one machine. `./dev bench` prints them."""
