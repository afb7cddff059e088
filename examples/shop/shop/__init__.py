"""A small shop that forecasts what it will sell."""
