"""Mounts: the `tree`, `propagation` by peer groups, what an `umount` takes along, and the calls (`operations`)."""
