"""Mounts: the tree (`tree`), peer groups and the copies that an attach makes (`propagation`), what an unmount takes along
(`umount`), and the system calls (`operations`)."""
