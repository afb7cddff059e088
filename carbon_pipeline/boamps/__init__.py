"""BoAmps reports: the datamodel, the mapping from the warehouse, validation, export. It reads the warehouse.

https://github.com/Boavizta/BoAmps
"""
