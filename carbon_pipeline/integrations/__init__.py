"""Callbacks for trainers of other libraries: one module for each, which alone imports that library."""
