"""The BoAmps datamodel (github.com/Boavizta/BoAmps) and the way from a record to it."""
