"""The command line, a thin layer: each command calls the library and prints what it returns."""
