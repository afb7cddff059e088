"""What CodeCarbon writes where it knows nothing, so that it can be told from a value that somebody chose."""

CODECARBON_DEFAULT_EXPERIMENT_ID = "5b0fa12a-3dd7-45bb-9766-cc326314d9f1"
"""The experiment id unless one is given: the same for everybody. The original script took it for the run id."""

CODECARBON_FALLBACK_LATITUDE_LONGITUDE = (46.8, -71.2)
"""Where a run without a network is put: Quebec, Canada (`codecarbon/external/geography.py`)."""
