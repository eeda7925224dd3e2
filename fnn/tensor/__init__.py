"""The mutable engine that both facades stand on: storages, strided views, numbers, and `run`."""
