"""What this machine is and where it stands: hardware, location, cloud.

A probe looks, reports what it found with the source of each value, and never raises because something is missing.
It measures no energy and writes nothing but its own cache.
"""
