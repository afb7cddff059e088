"""The assets: training data and model, field record, runs, reports. They call the domain and return metadata."""
