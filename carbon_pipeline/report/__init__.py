"""The page that people look at and send on: one HTML file that opens without a network."""
