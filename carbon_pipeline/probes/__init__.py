"""Probes of this machine: hardware, operating system, location, cloud.

A probe reports the values that it finds, each with its source, and never raises because something is missing.
It measures no energy and writes nothing except its own cache.
"""
