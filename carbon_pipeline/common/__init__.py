"""Files, CSV text, HTTP, cached answers, countries: what any program could use. Nothing of energy, no settings."""
