"""The objects of the model: the kernel's structures as far as namespaces need them.

Names and relations are the kernel's (v6.18): `struct task_struct`, `struct pid`, `struct nsproxy`, `struct ns_common`
and the eight namespaces, `struct fs_struct`, open namespace files and pidfds. What belongs to a thread group
(`signal_struct`: parent, process group, exit status, …) is kept on its leader, which stays until the group is gone.
"""

from __future__ import annotations

import enum
from typing import Annotated

from nsmodel.ir.language import HOLDERS, Entity, Live, Map, Range, Static
from nsmodel.ir.state import State


class TaskState(enum.IntEnum):
    """Where a task is in its life."""

    RUNNING = 0
    EXITING = 1
    """The init of a dying pid namespace, which waits until it is the last (zap_pid_ns_processes)."""
    ZOMBIE = 2


class Signal(enum.IntEnum):
    """Signals, as far as their effects differ."""

    NONE = 0
    """The null signal: only the checks are made."""
    TERM = 1
    KILL = 2
    INVALID = 3
    """A number that is no signal."""


class Disposition(enum.IntEnum):
    """What a process does on SIGTERM."""

    DEFAULT = 0
    HANDLER = 1
    IGNORE = 2


class NsType(enum.IntEnum):
    """The links of /proc/PID/ns."""

    MNT = 0
    UTS = 1
    IPC = 2
    PID = 3
    PID_FOR_CHILDREN = 4
    USER = 5
    NET = 6
    CGROUP = 7
    TIME = 8
    TIME_FOR_CHILDREN = 9


AUTO = 2
"""Entry of a pid's number map: a number that the allocator chose. Which one, nobody can predict, so it is known by its
owner alone. Entries above were chosen with `set_tid`."""


Id = Annotated[int, Range(0, "ids")]
"""A user or group as the kernel knows it (kuid_t, kgid_t), which the sandbox's user namespace sees as it is. Replay
takes the same number."""
Charge = Annotated[int, Range(0, "charges")]


class CapabilityKind(enum.IntEnum):
    """CAP_*, as far as a rule asks for it (capabilities(7))."""

    REST = 0
    """All that a scope names no object for."""
    DAC_OVERRIDE = 1
    FOWNER = 2
    KILL = 3
    SETGID = 4
    SETUID = 5
    SETPCAP = 6
    SYS_CHROOT = 7
    SYS_PTRACE = 8
    SYS_ADMIN = 9
    SYS_RESOURCE = 10
    SETFCAP = 11
    CHECKPOINT_RESTORE = 12
    CHOWN = 13
    FSETID = 14


class Capability(Static):
    """A capability, or several that a scope does not tell apart; credentials have sets of them."""

    kind: CapabilityKind


class SecurebitKind(enum.IntEnum):
    """SECBIT_* (capabilities(7))."""

    NOROOT = 0
    NO_SETUID_FIXUP = 1
    KEEP_CAPS = 2
    NO_CAP_AMBIENT_RAISE = 3


class Securebit(Static):
    """A securebit that can be set in the scope, and locked."""

    kind: SecurebitKind


class Group(Static):
    """A group that processes can have as a supplementary one."""

    gid: Id


class Namespace(Entity, abstract=True):
    """`struct ns_common`: what all namespaces have."""

    owner: UserNamespace | None
    """The owning user namespace (of a user namespace: its parent); None for the sandbox's own user namespace."""
    ucounts: Ucounts | None
    """What it is charged to: the entry of its creator in `owner`. None in a scope without limits."""
    count: Annotated[int, HOLDERS]
    """References; freed at zero."""
    inode: Annotated[int, HOLDERS]
    """Open descriptors and bind mounts of its file; the nsfs inode that they share holds one reference."""


class UserNamespace(Namespace):
    """`struct user_namespace`. The sandbox's own maps every id to itself; what others map, `Extent`s say."""

    initial: bool
    """init_user_ns: a recording's first; never the sandbox's."""
    creator: Id
    """The effective user of whoever made it, who has every capability over it from the parent
    (the kernel's `owner`)."""
    creator_group: Id
    """Its maker's effective group (the kernel's `group`), which no rule of Linux 6.18 asks for."""
    setgroups: bool
    """USERNS_SETGROUPS_ALLOWED."""
    parent_could_setfcap: bool
    """Whoever made it had CAP_SETFCAP, and may map the parent's root from inside."""
    max_user: Annotated[int, Range(0, "limits")]
    """max_user_namespaces plus one; 0 is no limit. Likewise the others."""
    max_mnt: Annotated[int, Range(0, "limits")]
    max_uts: Annotated[int, Range(0, "limits")]
    max_ipc: Annotated[int, Range(0, "limits")]
    max_pid: Annotated[int, Range(0, "limits")]
    max_cgroup: Annotated[int, Range(0, "limits")]
    max_net: Annotated[int, Range(0, "limits")]
    max_time: Annotated[int, Range(0, "limits")]


class Ucounts(Entity):
    """`struct ucounts`: how many namespaces of each type a user has in a user namespace and below."""

    ns: UserNamespace
    uid: Id
    count: Annotated[int, HOLDERS]
    """The namespaces that are charged to it themselves."""
    user: Charge
    mnt: Charge
    uts: Charge
    ipc: Charge
    pid: Charge
    net: Charge
    cgroup: Charge
    time: Charge


class IdKind(enum.IntEnum):
    """The maps of a user namespace, by their files in /proc/PID."""

    UID = 0
    GID = 1
    PROJID = 2


class Extent(Entity):
    """`struct uid_gid_extent`: `count` ids of a user namespace from `first` on are the kernel ids from `lower` on."""

    ns: UserNamespace
    kind: IdKind
    first: Id
    lower: Id
    count: Annotated[int, Range(0, "ids_in_extent")]


class MntNamespace(Namespace):
    """`struct mnt_namespace`."""

    root: Mount | None
    """The mount at its bottom, which nothing can be moved off; None where the scope has no mounts."""
    anonymous: bool
    """Made for a tree that is mounted nowhere (open_tree, fsmount); it is freed when the tree is attached or its
    descriptor is closed."""
    origin: MntNamespace | None
    """Of an anonymous one: the namespace that its tree was copied from (`seq_origin`); None when that is gone."""
    anywhere: bool
    """Of an anonymous one: its tree was copied from no namespace (fsmount), so all may use it (`seq_origin` 0)."""
    older: set[MntNamespace]
    """Living ones that were made before it: the order of `ns_id`, which is never given twice."""


class FsKind(enum.IntEnum):
    """Types of file systems, as far as it differs who may mount one, and what that gives (`file_system_type`)."""

    NEW = 0
    """A superblock of its own each time, of the mounter's user namespace (tmpfs). A scope has a forest of names for
    each that can be there."""
    MQUEUE = 1
    """The one of the mounter's IPC namespace, which keeps it; it has no names."""
    NSFS = 2
    """Files of namespaces, mounted inside the kernel alone; which namespace a mount of it shows, the mount says."""
    PROC = 3
    """A superblock of its own each time, of the mounter's pid namespace, whose names are there already."""
    SYSFS = 4
    """The one of the mounter's network namespace, as long as it is mounted; its names are there already."""
    CGROUP2 = 5
    """The machine's; shown from where the mounter's cgroup namespace begins, in the scope the same for all."""
    CGROUP1 = 6
    """A hierarchy of version 1 that is there already; like CGROUP2."""
    DEVPTS = 7
    """A superblock of its own each time, like tmpfs, without names to mount on."""
    OVERLAY = 8
    """Mounted without options it lacks a directory to lay over."""
    INITIAL = 9
    """One that a user namespace's root may not mount, but the initial one's alone (devtmpfs; no FS_USERNS_MOUNT)."""


class FileSystem(Static):
    """What there is to mount: its names are the dentries."""

    kind: FsKind


class Dentry(Static):
    """`struct dentry`: a name in a file system. A spec has a constant forest of them; the direct reading any."""

    fs: FileSystem
    parent: Dentry | None
    """None for the root of the file system."""
    directory: bool
    symlink: bool
    """A symbolic link itself, as O_NOFOLLOW finds it."""
    empty: bool
    """Made for something to be mounted on, and always empty (is_empty_dir_inode)."""
    dead: bool
    """Removed; never in a constant forest, where a name that is removed is made again at once."""


class Superblock(Entity):
    """`struct super_block`: a file system that is there. It goes with the last mount of it and the last context."""

    fs: FileSystem
    owner: UserNamespace | None
    """`s_user_ns`: whose it is, held by it; None is the world outside of the sandbox."""
    readonly: bool
    """SB_RDONLY."""
    kept: bool
    """The kernel itself has it mounted (kern_mount)."""
    ipc: IpcNamespace | None
    """Of a mqueue, what it shows, which keeps it; None when that is gone."""
    net: NetNamespace | None
    """Of a sysfs, what it shows; None when that is gone."""


class AttributeKind(enum.IntEnum):
    """MOUNT_ATTR_*, the flags of a mount that processes can set (mount_setattr(2))."""

    READONLY = 0
    NOSUID = 1
    NODEV = 2
    NOEXEC = 3
    NOATIME = 4
    NODIRATIME = 5
    RELATIME = 6
    """Neither this nor NOATIME is strictatime."""
    NOSYMFOLLOW = 7


class Attribute(Static):
    """One attribute that mounts of the scope can have; a scope without any has mounts without attributes."""

    kind: AttributeKind


class Sysctl(Static):
    """fs.mount-max, where the scope has one that can be reached."""

    mount_max: Annotated[int, Range(0, "mount_max")]


class PeerGroup(Entity):
    """A peer group: mounts that propagate to each other. It lives exactly while a mount is in it, and its slot is the
    smallest free number, as `shared:N` is (fs/pnode.c: mnt_alloc_group_id, v6.18)."""


class NsFile(Entity, abstract=True):
    """Something that holds a namespace's nsfs inode; at most one field of a live one is set."""

    mnt: MntNamespace | None
    uts: UtsNamespace | None
    ipc: IpcNamespace | None
    pid_ns: PidNamespace | None
    user: UserNamespace | None
    net: NetNamespace | None
    cgroup: CgroupNamespace | None
    time: TimeNamespace | None


class Mount(NsFile):
    """`struct mount`. One that shows a namespace's file names that namespace, and pins it."""

    count: Annotated[int, HOLDERS]
    """`mnt_count`: one while it is in a namespace or hangs on a mount that was taken off with it, and one for each
    root, working directory and descriptor there. Children are not counted (since 6.17)."""
    root: Dentry
    """What of its file system it shows."""
    parent: Mount | None
    """None for the root of a namespace, and of a tree that was taken off."""
    mountpoint: Dentry | None
    """Where on the parent it is."""
    ns: MntNamespace | None
    """None once it is unmounted."""
    group: PeerGroup | None
    """Its peers: it is shared."""
    master: PeerGroup | None
    """The group that it receives from: it is a slave."""
    unbindable: bool
    locked: bool
    """MNT_LOCKED: came with a copy for another owner, and hides what is below."""
    expiring: bool
    """`mnt_expiry_mark`: umount2 with MNT_EXPIRE was here, and nobody since."""
    attributes: set[Attribute]
    locked_attributes: set[Attribute]
    """MNT_LOCK_*: attributes that came with a copy for another owner, and may not be taken off."""


class UtsNamespace(Namespace):
    """`struct uts_namespace`."""


class IpcNamespace(Namespace):
    """`struct ipc_namespace`."""


class NetNamespace(Namespace):
    """`struct net`."""


class CgroupNamespace(Namespace):
    """`struct cgroup_namespace`."""


class TimeNamespace(Namespace):
    """`struct time_namespace`."""


class PidNamespace(Namespace):
    """`struct pid_namespace`."""

    parent: PidNamespace | None
    level: Annotated[int, Range(0, "pid_namespaces")]
    child_reaper: Task | None
    """The init, while it is there; orphans of the namespace go to it."""
    started: bool
    """It has, or had, an init."""
    adding: bool
    """PIDNS_ADDING: numbers are given out; cleared when the init begins to die."""


class Nsproxy(Entity):
    """`struct nsproxy`: a counted set of pointers that tasks share until one of them changes.

    A pointer is None where the scope leaves that kind of namespace out.
    """

    count: Annotated[int, HOLDERS]
    mnt: MntNamespace | None
    uts: UtsNamespace | None
    ipc: IpcNamespace | None
    pid_for_children: PidNamespace
    net: NetNamespace | None
    cgroup: CgroupNamespace | None
    time: TimeNamespace | None
    time_for_children: TimeNamespace | None


class FsStruct(Entity):
    """`struct fs_struct`: root and working directory, shared with CLONE_FS."""

    users: Annotated[int, HOLDERS]
    root_mnt: Mount | None
    root_dentry: Dentry | None
    cwd_mnt: Mount | None
    cwd_dentry: Dentry | None


class Pid(Entity):
    """`struct pid`: the numbers of a task, and the name of its process group and session."""

    ns: PidNamespace
    """The deepest namespace that it has a number in; counted."""
    numbers: Map[PidNamespace, Annotated[int, Range(0, "numbers")]]
    """Number by namespace: 0 none, 1 the init, AUTO, or a chosen one; gone when nobody uses it any more."""
    count: Annotated[int, HOLDERS]
    """One while it has numbers, and one for each pidfd."""


class Credentials(Entity, abstract=True):
    """`struct cred`, as far as rights depend on it: of a task, or of whoever opened a file (`f_cred`)."""

    user_ns: UserNamespace
    """Counted. A task's outlive its exit, as do its other credentials."""
    euid: Id
    egid: Id
    effective: set[Capability]


class Task(Credentials):
    """`struct task_struct`; fields from `parent` on are the thread group's and live on its leader."""

    state: TaskState
    group_leader: Task
    pid: Pid
    nsproxy: Nsproxy | None
    """None when the task is almost dead."""
    fs: FsStruct | None
    uid: Id
    suid: Id
    fsuid: Id
    gid: Id
    sgid: Id
    fsgid: Id
    groups: set[Group]
    """Supplementary groups."""
    permitted: set[Capability]
    inheritable: set[Capability]
    bounding: set[Capability]
    ambient: set[Capability]
    securebits: set[Securebit]
    securebits_locked: set[Securebit]
    no_new_privs: bool
    busy: bool
    """An interleaved call of the task is under way."""
    alloc_lock: Task | None
    """Who holds task_lock of this task."""

    parent: Task | None
    """Leader of the parent's group; None is a process outside of the sandbox."""
    unkillable: bool
    """SIGNAL_UNKILLABLE: the init of a pid namespace."""
    child_subreaper: bool
    session_leader: bool
    pgrp: Pid | None
    """The process group, by the pid it is named after; None only where the task is no leader. So for the session."""
    session: Pid | None
    dumpable: bool
    mm_ns: UserNamespace | None
    """The user namespace that the process's memory was made in, at its exec (`mm->user_ns`), held by it; None is the
    world outside of the sandbox."""
    exe: Mount | None
    """The mount that its program was executed in, which is in use as long (`mm->exe_file`); None is outside."""
    on_term: Disposition
    exit_code: Annotated[int, Range(0, 3)]
    exit_signal: Signal
    """The signal that ended it; NONE after exit."""


class ContextPhase(enum.IntEnum):
    """How far the descriptor of fsopen or fspick is (`enum fs_context_phase`)."""

    NONE = 0
    """No such descriptor."""
    CREATE_PARAMS = 1
    """fsopen: options are taken, until FSCONFIG_CMD_CREATE."""
    AWAITING_MOUNT = 2
    """The superblock is there; fsmount makes a mount of it."""
    AWAITING_RECONF = 3
    """It was mounted: nothing more but reconfiguring."""
    RECONF_PARAMS = 4
    """fspick: options are taken, until FSCONFIG_CMD_RECONFIGURE."""
    FAILED = 5


class Descriptor(NsFile):
    """An open descriptor in the table of one thread group: a namespace file, a pidfd, a name in a mount, or a context
    of fsopen."""

    table: Task
    """Leader of the thread group."""
    pidfd: Pid | None
    mount: Mount | None
    """The mount that it was opened in or through (`f_path.mnt`), which is in use as long."""
    dentry: Dentry | None
    """The name that it was opened by."""
    opath: bool
    """O_PATH: names a place, opens nothing."""
    write: bool
    """Open for writing: the mount has a writer (`mnt_writers`)."""
    tree: bool
    """FMODE_NEED_UNMOUNT: the anonymous namespace of its mount is dissolved when it is closed."""
    phase: ContextPhase
    context: FileSystem | None
    """What a context of fsopen or fspick is for."""
    maker: UserNamespace | None
    """Of a context of fsopen: the user namespace that it was opened in, which what it makes belongs to (`fc->user_ns`);
    counted."""


class MapFile(Credentials):
    """An open descriptor of /proc/PID/uid_map or one of its kin; the credentials are those of whoever opened it."""

    table: Task
    """Leader of the thread group."""
    ns: UserNamespace
    """Whose map it is; counted."""
    kind: IdKind
    setgroups: bool
    """It is /proc/PID/setgroups, and `kind` says nothing."""


class Program(Entity):
    """A file that can be executed, in the root directory of the sandbox: what an exec reads of its `struct inode`."""

    uid: Id
    gid: Id
    setuid: bool
    setgid: bool
    permitted: set[Capability]
    """File capabilities (security.capability); none at all is no such attribute."""
    inheritable: set[Capability]
    raises: bool
    """The effective bit of the file capabilities."""
    rootid: Id
    """The kernel id that is root where they count."""
    home: Dentry | None
    """The root directory that it is in; None where the scope has no mounts."""


class Kernel(State):
    """Everything there is."""

    capabilities: Live[Capability]
    securebits: Live[Securebit]
    groups: Live[Group]
    tasks: Live[Task]
    pids: Live[Pid]
    nsproxies: Live[Nsproxy]
    fs_structs: Live[FsStruct]
    pid_namespaces: Live[PidNamespace]
    user_namespaces: Live[UserNamespace]
    mnt_namespaces: Live[MntNamespace]
    uts_namespaces: Live[UtsNamespace]
    ipc_namespaces: Live[IpcNamespace]
    net_namespaces: Live[NetNamespace]
    cgroup_namespaces: Live[CgroupNamespace]
    time_namespaces: Live[TimeNamespace]
    descriptors: Live[Descriptor]
    file_systems: Live[FileSystem]
    dentries: Live[Dentry]
    attributes: Live[Attribute]
    sysctls: Live[Sysctl]
    superblocks: Live[Superblock]
    peer_groups: Live[PeerGroup]
    mounts: Live[Mount]
    ucounts: Live[Ucounts]
    extents: Live[Extent]
    map_files: Live[MapFile]
    programs: Live[Program]
