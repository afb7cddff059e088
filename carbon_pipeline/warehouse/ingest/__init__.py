"""The one way into the warehouse: files become clean rows (Python), and clean rows become measurements (SQL).

`load.py` runs the numbered SQL files in the order of their names; docs/architecture.md has the map of a load.
"""
