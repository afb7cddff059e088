"""General helpers: files, CSV text, HTTP, cached answers, countries. Nothing about energy, no settings."""
