"""Values that CodeCarbon writes where nothing is known, to distinguish them from measured or chosen values."""

CODECARBON_DEFAULT_EXPERIMENT_ID = "5b0fa12a-3dd7-45bb-9766-cc326314d9f1"
"""Default experiment ID, the same for all users. The original script took it for the run ID."""

CODECARBON_FALLBACK_LATITUDE_LONGITUDE = (46.8, -71.2)
"""Location of runs without network access: Quebec, Canada (`codecarbon/external/geography.py`)."""
