"""Known bugs as switches: the kernel's own history, and synthetic ones for what history left out.

A rule asks `k.bug(PD01)` where the wrong and the right kernel part; with every switch off the model is the kernel as
it should be. Identifiers and toggles of historical bugs are those of the bug catalogue.
"""

from __future__ import annotations

from nsmodel.ir.language import Switch

PD01 = Switch(
    "PD01",
    "kill_all_global",
    "kill(-1) reaches processes outside the pid namespace",
    "CVE-2009-1338",
    introduced="v2.6.24",
    fixed="v2.6.28",
)
PD02 = Switch(
    "PD02",
    "reaper_keep_dead_leader",
    "the reaper stays the exited leader of a threaded init",
    "950bbabb5a80",
    introduced="v2.6.24",
    fixed="v2.6.27 950bbabb5a80",
)
PD03 = Switch(
    "PD03",
    "clone_fail_no_pidns_undo",
    "a clone that fails later leaks its new pid namespace",
    "0a01f2cc390e",
    introduced="v2.6.24",
    fixed="v3.9 0a01f2cc390e",
)
PD04 = Switch(
    "PD04",
    "fork_no_adding_check",
    "fork into a pid namespace whose init died",
    "3fd372262166",
    introduced="v3.8",
    fixed="v3.9",
)
PD04I = Switch(
    "PD04i",
    "fork_check_before_lock",
    "fork tests PIDNS_ADDING before the lock, zap comes between",
    "3fd372262166",
    introduced="v3.8",
    fixed="v4.12 3fd372262166",
)
PD07 = Switch(
    "PD07", "thread_in_other_pidns", "CLONE_THREAD after unshare(CLONE_NEWPID)", "v3.9", introduced="v3.8", fixed="v3.9"
)
PD08 = Switch(
    "PD08",
    "zap_own_children_only",
    "init is reaped before injected zombies",
    "af9fe6d607c9",
    introduced="v3.8",
    fixed="v3.9 af9fe6d607c9",
)
PD11 = Switch(
    "PD11",
    "report_init_ns_number",
    "a number is reported in the initial pid namespace",
    "CVE-2026-72127",
    introduced="v6.8 db4704f4e4df",
    fixed="v7.2 1f24c0d01db2",
)
SETNS_PID_ANCESTOR = Switch(
    "setns_pid_ancestor", "setns_pid_ancestor", "setns to an ancestor of the active pid namespace", "synthetic"
)
NEWPID_TWICE = Switch("newpid_twice", "newpid_twice", "a second unshare(CLONE_NEWPID) before a fork", "synthetic")
INIT_NO_WAIT_INJECTED = Switch(
    "init_no_wait_injected", "init_no_wait_injected", "init is reapable while an injected zombie exists", "synthetic"
)
NSFS_FD_NO_PIN = Switch("nsfs_fd_no_pin", "nsfs_fd_no_pin", "an open namespace file holds no reference", "synthetic")
NEWUSER_THREADED = Switch(
    "newuser_threaded", "newuser_threaded", "unshare(CLONE_NEWUSER) in a threaded process", "synthetic"
)
REPARENT_ANY = Switch(
    "reparent_any_level", "reparent_any_level", "an orphan goes to a subreaper of an outer level", "synthetic"
)
KILL_OUTSIDE = Switch(
    "kill_outside", "kill_outside", "kill by number finds tasks outside the pid namespace", "synthetic"
)
UNSHARE_NO_PUT = Switch("unshare_no_put", "unshare_no_put", "unshare does not put the old nsproxy", "synthetic")
READ_WITHOUT_TASK_LOCK = Switch(
    "nsproxy_read_unlocked", "nsproxy_read_unlocked", "another task's nsproxy is read without task_lock", "synthetic"
)
SWITCH_WITHOUT_TASK_LOCK = Switch(
    "nsproxy_switch_unlocked", "nsproxy_switch_unlocked", "a task changes its nsproxy without task_lock", "synthetic"
)
NULL_NSPROXY_IGNORED = Switch(
    "nsproxy_null_ignored", "nsproxy_null_ignored", "a reader takes it that a task always has an nsproxy", "synthetic"
)
MP01 = Switch(
    "MP01",
    "copyns_no_slave",
    "a copy for another owner stays a peer",
    "CVE-2013-1957",
    introduced="v3.8 0c55cfc4166d",
    fixed="v3.9 90563b198e4c",
)
MP05 = Switch(
    "MP05",
    "attach_beside",
    "a propagated mount goes beside what is there, not beneath it",
    "1064f874abc0",
    introduced="v2.6.15",
    fixed="v4.11 1064f874abc0",
)
MP17 = Switch(
    "MP17",
    "clone_drop_unbindable",
    "the copy of a namespace forgets what is unbindable",
    "406fea799925",
    kernels=("6.18",),
    introduced="v6.17 406fea799925",
)
MP19 = Switch(
    "MP19",
    "umount_busy_skips_parents",
    "umount ignores users of copies with children",
    "f0d0ba19985d",
    kernels=("6.18",),
    introduced="v6.17 f0d0ba19985d",
)
ML15 = Switch(
    "ML15",
    "pivot_no_new_below_root",
    "pivot_root to a place that is not below the root",
    "CVE-2014-7970",
    introduced="v2.6.12",
    fixed="v3.18 0d0826019e52",
)
SLAVES_FORGOTTEN = Switch("slaves_forgotten", "slaves_forgotten", "a dissolving group forgets its slaves", "synthetic")
UMOUNT_KEEPS_TYPE = Switch(
    "umount_keeps_type", "umount_keeps_type", "a mount that is taken off stays a peer", "synthetic"
)
BIND_OUTSIDE = Switch("bind_outside", "bind_outside", "a copy is hung where the receiver does not show", "synthetic")
COPY_KEEPS_NS = Switch(
    "copy_keeps_ns", "copy_keeps_ns", "a propagated copy counts for the wrong namespace", "synthetic"
)
MP04 = Switch(
    "MP04",
    "attach_no_mount_max",
    "nothing limits the mounts of a namespace",
    "CVE-2016-6213",
    introduced="v2.6.15",
    fixed="v4.9 d29216842a85",
)
MP07 = Switch(
    "MP07",
    "umount_reparent_all",
    "what stays on a stack of mounts that go is left on one of them",
    "da025cdb97a2",
    introduced="v6.17-rc1 f0d0ba19985d",
    fixed="v6.17-rc3 da025cdb97a2",
)
MP11 = Switch(
    "MP11",
    "chtype_no_ns_check",
    "the type of a foreign or unmounted mount is changed",
    "CVE-2025-38498",
    introduced="v2.6.15 07b20889e305",
    fixed="v6.16 12f147ddd6de",
)
MP18 = Switch(
    "MP18",
    "setgroup_unbindable",
    "MOVE_MOUNT_SET_GROUP takes an unbindable target",
    "9ffb14ef61ba",
    kernels=("6.18",),
    introduced="v5.15 9ffb14ef61ba",
)
ML04 = Switch(
    "ML04",
    "umount_lazy_disconnect_locked",
    "a lazy unmount parts locked mounts",
    "CVE-2014-9717",
    introduced="v3.8",
    fixed="v4.1 ce07d891a089",
)
ML05 = Switch(
    "ML05",
    "rmdir_disconnects",
    "removing a mountpoint parts what was mounted on it",
    "CVE-2015-4176",
    introduced="v4.1-rc1 ce07d891a089",
    fixed="v4.1 e0c9c0afd2fc",
)
DETACHED_RECEIVES = Switch(
    "detached_receives", "detached_receives", "a tree that is mounted nowhere receives mounts", "synthetic"
)
COPY_STAYS_PEER = Switch("copy_stays_peer", "copy_stays_peer", "the copy for a slave is a peer", "synthetic")
ML06 = Switch(
    "ML06",
    "copy_unmounted",
    "what was unmounted is bound and copied",
    "CVE-2015-4177",
    introduced="v4.1-rc1 ce07d891a089",
    fixed="v4.1 cd4a40174b71",
)
ML17 = Switch("ML17", "nsfs_no_seq_check", "any file of a mount namespace is bound", "v3.8", fixed="v3.8")
RBIND_LOOP = Switch(
    "rbind_mntns_loop",
    "rbind_mntns_loop",
    "a recursive bind takes along files of mount namespaces unchecked",
    "c640a01a78e4",
    kernels=("6.18",),
    introduced="v3.8",
    fixed="2026 c640a01a78e4",
)
SEQ_BATCH = Switch(
    "ns_id_batches",
    "ns_id_batches",
    "ids of namespaces come in batches, so a younger one can have the smaller",
    "v6.18",
    kernels=("6.18",),
    introduced="v6.18",
    fixed="v6.19",
)
BIND_NONREC_OVER_LOCKED = Switch(
    "bind_nonrec_over_locked", "bind_nonrec_over_locked", "a bind leaves out a locked mount below", "synthetic"
)
MOVE_LOCKED = Switch("move_locked", "move_locked", "a locked mount is moved", "synthetic")
MOVE_ONTO_ITSELF = Switch("move_onto_itself", "move_onto_itself", "a mount is moved onto what is on it", "synthetic")
ML02 = Switch(
    "ML02",
    "remount_overwrite_lockbits",
    "a remount takes the locks of attributes off",
    "CVE-2014-5206",
    introduced="v3.8 0c55cfc4166d",
    fixed="v3.17 a6138db815df",
)
SETATTR_NO_LOCKS = Switch("setattr_no_locks", "setattr_no_locks", "mount_setattr asks for no locks", "synthetic")
ML01 = Switch(
    "ML01",
    "copyns_no_lock",
    "locks of inherited mounts are not looked at by umount2",
    "5ff9d8a65ce8",
    introduced="v3.8",
    fixed="v3.12 5ff9d8a65ce8",
)
ML16 = Switch(
    "ML16",
    "umount_root_no_sbcap",
    "unmounting / asks for no rights over the superblock",
    "CVE-2014-7975",
    introduced="v2.6.12",
    fixed="v3.18 a1480dcc3c70",
)
TREE_KEPT = Switch("tree_kept", "tree_kept", "a tree stays when its last descriptor is closed", "synthetic")
NSFILES_COPIED = Switch("nsfiles_copied", "nsfiles_copied", "a copy keeps files of mount namespaces", "synthetic")
MR06 = Switch(
    "MR06",
    "unshare_fs_inplace",
    "a failing unshare leaves root and cwd in the copy",
    "CVE-2026-43472",
    introduced="v2.6.16 741a29513060",
    fixed="v7.0 6c4b2243cb6c",
)
MP10 = Switch(
    "MP10",
    "setgroup_own_ns_only",
    "MOVE_MOUNT_SET_GROUP asks for no rights over the source",
    "cffd0441872e",
    introduced="v5.15 9ffb14ef61ba",
    fixed="v6.17 cffd0441872e",
)
MR01 = Switch(
    "MR01",
    "ovl_nlink_extra_drop",
    "an unlink in an overlay drops a writer too many",
    "26423e18cd6f",
    introduced="v6.6.72 26423e18cd6f",
    fixed="v6.6.73 1795ca657119",
)
NO_WRITE_HOLD = Switch("no_write_hold", "no_write_hold", "a read-only remount does not hold writers off", "synthetic")
WRITER_BEFORE_HOLD = Switch(
    "writer_counts_late", "writer_counts_late", "a writer looks for MNT_READONLY before it counts itself", "synthetic"
)
MR02 = Switch(
    "MR02",
    "legit_flag_before_lock",
    "MNT_SYNC_UMOUNT is tested before mount_lock",
    "CVE-2025-38058",
    introduced="v3.13 48a066e72d97",
    fixed="v6.15 250cf3693060",
)
MR04 = Switch(
    "MR04",
    "umount_symlink_no_put",
    "umount2 of a symbolic link leaks a reference",
    "CVE-2014-5045",
    introduced="v3.12 8033426e6bdb",
    fixed="v3.16 295dc39d941d",
)
US_ABOVE = Switch("ioctl_above", "ioctl_above", "an ioctl gives a namespace above the caller's", "synthetic")
US01 = Switch(
    "US01",
    "clone_newuser_fs",
    "CLONE_NEWUSER with CLONE_FS",
    "CVE-2013-1858",
    introduced="v3.8 5eaf563e5329",
    fixed="v3.9 e66eded8309e",
)
US02 = Switch(
    "US02",
    "newuser_chrooted",
    "a task in a chroot makes a user namespace",
    "CVE-2013-1956",
    introduced="v3.8",
    fixed="v3.9 3151527ee007",
)
US05 = Switch(
    "US05",
    "idmap_writer_only",
    "a map asks for rights of the writer, not of the opener",
    "CVE-2013-1959",
    introduced="v3.8 771b1371686e",
    fixed="v3.9 935d8aabd433",
)
US07 = Switch(
    "US07",
    "inode_uid_only",
    "capabilities reach inodes whose group is not mapped",
    "CVE-2014-4014",
    introduced="v3.5 1a48e2ac034d",
    fixed="v3.16 23adbe12ef7d",
)
US08 = Switch(
    "US08",
    "gid_map_no_deny",
    "the own group is mapped without denying setgroups",
    "CVE-2014-8989",
    introduced="v3.8",
    fixed="v3.19 be7c6dba2332",
)
US09 = Switch(
    "US09",
    "ptrace_cred_ns_only",
    "access asks nothing of where the memory was made",
    "CVE-2015-8709",
    introduced="v2.6.39 8409cca70561",
    fixed="v4.10 bfedb589252c",
)
US10 = Switch(
    "US10",
    "idmap_reverse_untranslated",
    "from_kuid takes ids of the parent for the kernel's",
    "CVE-2018-18955",
    introduced="v4.15 6397fac4915a",
    fixed="v4.20 d2f007dbe7e4",
)
MAP_TWICE = Switch("map_twice", "map_twice", "a map is written again", "synthetic")
ROOT_MAP_UNASKED = Switch(
    "root_map_unasked",
    "root_map_unasked",
    "root is mapped without CAP_SETFCAP",
    "db2e718a4798",
    introduced="v4.14",
    fixed="v5.12 db2e718a4798",
)
UCOUNT_LEAF_ONLY = Switch(
    "ucount_leaf_only", "ucount_leaf_only", "only its maker is charged for a namespace", "synthetic"
)
UCOUNT_NOT_ABOVE = Switch("ucount_not_above", "ucount_not_above", "a freed namespace stays charged above", "synthetic")
SETGROUPS_UNMAPPED = Switch(
    "setgroups_unasked",
    "setgroups_unasked",
    "setgroups asks for no map and whether it is denied",
    "273d2c67c3e1",
    introduced="v3.8",
    fixed="v3.19 273d2c67c3e1",
)
SETGID_ANY = Switch("setgid_any", "setgid_any", "any group is taken without CAP_SETGID", "synthetic")
SETUID_ANY = Switch("setuid_any", "setuid_any", "any user is taken without CAP_SETUID", "synthetic")
CAPSET_ANY = Switch("capset_any", "capset_any", "capset gives what the task had not", "synthetic")
NNP_SETUID = Switch("nnp_setuid", "nnp_setuid", "set-id bits count despite no_new_privs", "synthetic")
SUID_UNMAPPED = Switch(
    "suid_unmapped",
    "suid_unmapped",
    "set-id bits of ids that are not mapped count",
    "0d4ab7e8bb0e",
    fixed="0d4ab7e8bb0e",
)
SETNS_OWN_CAPS = Switch("setns_own_caps", "setns_own_caps", "setns asks for no rights over the owner", "synthetic")
CT01 = Switch(
    "CT01",
    "runtime_keeps_fds",
    "a runtime leaves descriptors and cwd outside of the container",
    "CVE-2024-21626",
    program=True,
    fixed="runc 1.1.12 02120488a4c0",
)
SETNS_USER_PARENT = Switch("setns_user_parent", "setns_user_parent", "setns to the parent user namespace", "synthetic")
ML14 = Switch(
    "ML14",
    "proc_too_revealing",
    "proc is mounted where the one that is there hides something",
    "v3.12",
    introduced="v3.8",
    fixed="v3.12",
)
PROC_ANY_OWNER = Switch(
    "proc_any_owner", "proc_any_owner", "proc asks for no rights over the pid namespace", "v3.8", fixed="v3.8"
)
SYSFS_ANY_OWNER = Switch(
    "sysfs_any_owner",
    "sysfs_any_owner",
    "sysfs asks for no rights over the network namespace",
    "7dc5dbc879bd",
    introduced="v3.8",
    fixed="v3.12 7dc5dbc879bd",
)
MQUEUE_ANY_OWNER = Switch(
    "mqueue_any_owner", "mqueue_any_owner", "mqueue asks for no rights over the IPC namespace", "synthetic"
)
ML08 = Switch(
    "ML08",
    "dotdot_no_connected",
    "`..` leaves a mount whose directory was moved away",
    "CVE-2015-2925",
    introduced="2.6.12",
    fixed="v4.3 cde93be45a8a",
)
US11 = Switch(
    "US11",
    "release_agent_any_root",
    "release_agent asks for no capability",
    "CVE-2022-0492",
    introduced="v2.6.24 81a6a5cdd2c5",
    fixed="v5.17 24f600856418",
)
ML03 = Switch(
    "ML03",
    "lock_readonly_only",
    "of a mount's attributes read-only alone is locked",
    "CVE-2014-5207",
    introduced="v3.8 0c55cfc4166d",
    fixed="v3.17 9566d6742852",
)
US06 = Switch(
    "US06",
    "userns_kept_on_failure",
    "an unshare that fails keeps its new user namespace",
    "CVE-2013-4205",
    introduced="v3.8 b2e0d98705e6",
    fixed="v3.11 6160968cee8b",
)
MP20 = Switch(
    "MP20",
    "tuck_no_lock",
    "what comes beneath a locked mount is not locked",
    "d74d66aa708c",
    kernels=("6.18",),
    introduced="v4.11 1064f874abc0",
    fixed="7.x d74d66aa708c",
)
ML10 = Switch(
    "ML10",
    "ending_disconnects_locked",
    "the end of a namespace parts locked mounts",
    "v4.20",
    introduced="v4.1",
    fixed="v4.20",
)
UMOUNT_HEEDS_NO_LOCKS = Switch(
    "umount_heeds_no_locks",
    "umount_heeds_no_locks",
    "an unmount takes locked copies along",
    "v4.1",
    introduced="v3.12",
    fixed="v4.1",
)
LOCKED_UNBINDABLE = Switch(
    "locked_unbindable",
    "locked_unbindable",
    "a recursive bind leaves out a locked mount below",
    "v4.20",
    introduced="v3.12",
    fixed="v4.20",
)
PIVOT_NO_LOCK = Switch("pivot_no_lock", "pivot_no_lock", "the new root is not locked as the old one was", "synthetic")
TM01 = Switch(
    "TM01",
    "thread_in_other_timens",
    "whoever shares memory enters the time namespace for children",
    "2b5f9dad32ed",
    introduced="v5.6",
    fixed="v6.1 2b5f9dad32ed",
)
FCAPS_ANY_ROOT = Switch(
    "fcaps_any_root", "fcaps_any_root", "capabilities of files count whoever is their root", "synthetic"
)
NF08 = Switch(
    "NF08",
    "ns_list_all",
    "an ioctl lists mount namespaces of others",
    "CVE-2026-43403",
    introduced="v6.12 a1d220d9dafa",
    fixed="v7.0 e6b899f08066",
)
CT06 = Switch(
    "CT06",
    "runtime_stays_peer",
    "a runtime leaves the mounts of its host shared",
    "moby 34863",
    program=True,
    fixed="docker 17.06",
)
ML11 = Switch(
    "ML11",
    "umount_lock_unchecked",
    "a lock is looked at before namespace_sem alone",
    "v4.20",
    introduced="v3.13",
    fixed="v4.20",
)
MR15 = Switch(
    "MR15",
    "automount_on_dead",
    "an automount is hung on what was unmounted meanwhile",
    "156cacb1d0d3",
    fixed="156cacb1d0d3",
)
UC01 = Switch(
    "UC01",
    "ucount_dec_outside_lock",
    "a ucounts is put outside the lock that finds it",
    "CVE-2017-6874",
    introduced="v4.9 f6b2db1a3e8d",
    fixed="v4.11 040757f738e1",
)
NF01 = Switch(
    "NF01",
    "stash_freed_at_once",
    "a stashed file is freed while it is looked at",
    "CVE-2018-5873",
    introduced="v3.19 e149ed2b805f",
    fixed="v4.11 073c516ff735",
)
KILL_ANY = Switch("kill_any", "kill_any", "a signal asks for no rights over the process", "synthetic")
UNSHARE_ANY = Switch("unshare_any", "unshare_any", "unshare asks for no rights in the user namespace", "synthetic")
