"""Checks on a machine with an NVIDIA GPU, which `make test-gpu` runs. The other tests use a stand-in for NVML."""
