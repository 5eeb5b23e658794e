"""The properties of the model, each a named list of clauses; names are those of the bug catalogue."""

from __future__ import annotations

from nsmodel.kernel import invariants as inv
from nsmodel.kernel.mount import invariants as mounts
from nsmodel.kernel.user import invariants as users
from nsmodel.system.spec import FAIL_ATOMIC, NO_UAF, STEP_TOTAL, Property, prop

REF_EXACT = prop(
    "REF_EXACT",
    "every counter equals the number of holders",
    inv.user_references,
    inv.pid_ns_references,
    inv.plain_references,
    inv.nsproxy_references,
    inv.inode_references,
    inv.pid_references,
    mounts.mount_references,
    users.ucounts_references,
)
NO_LEAK = prop("NO_LEAK", "what nobody can reach any more is freed", inv.reachable)
PID_VIS = prop(
    "PID_VIS",
    "a task has a number exactly in its own pid namespace and every ancestor, and no call shows another",
    inv.numbers,
    inv.children_within,
    in_steps=True,
)
KILL_SCOPE = prop("KILL_SCOPE", "a signal by number or to -1 reaches only what is visible", in_steps=True)
REAPER_ALIVE = prop("REAPER_ALIVE", "a pid namespace with a living task has a living reaper", inv.reaper_alive)
DEAD_NS_EMPTY = prop("DEAD_NS_EMPTY", "once the init began to die nobody lives or is born there", inv.dead_is_empty)
INIT_LAST = prop("INIT_LAST", "the init of a pid namespace is reaped last", inv.init_last)
REPARENT_NS = prop(
    "REPARENT_NS", "an orphan goes to a living process of the dead parent's pid namespace", inv.parents, in_steps=True
)
GROUP_NS = prop(
    "GROUP_NS", "the threads of a process share pid, user and time namespace", inv.groups, inv.new_below_active
)
LOCKSET = prop(
    "LOCKSET",
    "a field that a lock protects is used only while the lock is held, which no call keeps",
    inv.unlocked_between_calls,
    in_steps=True,
)
LEFT_EXACT = prop("REF_EXACT", "a call leaves every counter equal to the number of holders", inv.exact_between_calls)
"""REF_EXACT where calls are interleaved: one that is under way holds what nothing tells of."""
TREE_ACYCLIC = prop("TREE_ACYCLIC", "every mount lies on the bottom of its namespace", mounts.tree_acyclic)
ONE_PER_MP = prop("ONE_PER_MP", "at most one mount is on a place", mounts.one_per_place)
MP_CONTAINED = prop(
    "MP_CONTAINED", "a mount is on a name that its parent shows, and `..` leaves none", mounts.contained, in_steps=True
)
PROP_WF = prop(
    "PROP_WF",
    "peers have one master, groups have members, masters form no circle, nothing unbindable is a peer",
    mounts.propagation_well_formed,
)
NS_MEMBER = prop(
    "NS_MEMBER",
    "a tree is in one namespace as a whole, and what is in none is no source and no target",
    mounts.members,
    in_steps=True,
)
DETACHED_QUIET = prop(
    "DETACHED_QUIET",
    "a mount that was taken off sends and receives nothing, a tree that is mounted nowhere receives no mounts",
    mounts.detached_quiet,
    in_steps=True,
)
MOUNT_BOUND = prop("MOUNT_BOUND", "no namespace has more mounts than fs.mount-max", mounts.bounded)
NSREF_ACYCLIC = prop("NSREF_ACYCLIC", "a mount namespace holds files of newer ones only", mounts.holds_newer)
HOST_PROP = prop("HOST_PROP", "no mount event of a container reaches the host", mounts.host_is_left_alone)
PROP_EXACT = prop(
    "PROP_EXACT", "every receiver that shows the place gets one copy, and nothing else changes", in_steps=True
)
UMOUNT_EXACT = prop(
    "UMOUNT_EXACT", "an unmount takes the largest set that moves and reveals nothing that stays", in_steps=True
)
LOCK_COVER = prop("LOCK_COVER", "what a locked mount hides stays hidden", in_steps=True)
LOCK_FLAGS = prop("LOCK_FLAGS", "an attribute that came locked is not taken off, nor is its lock", in_steps=True)
MNT_AUTH = prop("MNT_AUTH", "a mount or superblock is changed only with capabilities over its owner", in_steps=True)
PROP_DOWN = prop("PROP_DOWN", "events reach only namespaces of the same owner or of one below", mounts.propagates_down)
COPY_FAITHFUL = prop("COPY_FAITHFUL", "the copy of a namespace keeps what is unbindable", in_steps=True)
SYNC_UMOUNT_IDLE = prop("SYNC_UMOUNT_IDLE", "what a synchronous umount takes along is idle", in_steps=True)
NS_ISOL = prop("NS_ISOL", "no call gives a namespace above the caller's own", in_steps=True)
MAP_AUTH = prop("MAP_AUTH", "ids are mapped once, by who has a right to them", in_steps=True)
OPENER_CRED = prop("OPENER_CRED", "what is written through a descriptor is judged by who opened it", in_steps=True)
GROUP_NODROP = prop("GROUP_NODROP", "nobody gives up a group without a right to", in_steps=True)
MAP_BIJ = prop(
    "MAP_BIJ",
    "an id means what it is shown as, in a user namespace and in those above",
    users.maps_are_inverse,
    users.ids_shown_mean_the_same,
    in_steps=True,
)
UCOUNT_EXACT = prop("UCOUNT_EXACT", "a charge is the number of namespaces that there are", users.charges_exact)
CAP_CONFINED = prop(
    "CAP_CONFINED",
    "a capability is used where it is held, and nobody gets one that was not given",
    users.effective_is_permitted,
    in_steps=True,
)
ROOT_CONFINED = prop(
    "ROOT_CONFINED",
    "whoever is in a chroot, or shares its root, gets no capability over it",
    users.root_is_not_shared,
    in_steps=True,
)
PTRACE_CONF = prop("PTRACE_CONF", "nobody looks into memory that was made above", in_steps=True)
INODE_CAP = prop("INODE_CAP", "a capability reaches an inode only where both its ids are mapped", in_steps=True)
CONTAINED = prop("CONTAINED", "nothing of the host is reachable from a container", users.contained, in_steps=True)
FULLY_VISIBLE = prop("FULLY_VISIBLE", "a new proc shows no more than one that is there", in_steps=True)

ALL: tuple[Property, ...] = (
    REF_EXACT,
    NO_LEAK,
    NO_UAF,
    STEP_TOTAL,
    FAIL_ATOMIC,
    PID_VIS,
    KILL_SCOPE,
    REAPER_ALIVE,
    DEAD_NS_EMPTY,
    INIT_LAST,
    REPARENT_NS,
    GROUP_NS,
    LOCKSET,
    TREE_ACYCLIC,
    ONE_PER_MP,
    MP_CONTAINED,
    PROP_WF,
    NS_MEMBER,
    DETACHED_QUIET,
    PROP_DOWN,
    COPY_FAITHFUL,
    SYNC_UMOUNT_IDLE,
    MOUNT_BOUND,
    NSREF_ACYCLIC,
    HOST_PROP,
    PROP_EXACT,
    UMOUNT_EXACT,
    MNT_AUTH,
    LOCK_COVER,
    LOCK_FLAGS,
    NS_ISOL,
    MAP_AUTH,
    OPENER_CRED,
    GROUP_NODROP,
    MAP_BIJ,
    UCOUNT_EXACT,
    CAP_CONFINED,
    MP_CONTAINED,
    ROOT_CONFINED,
    PTRACE_CONF,
    INODE_CAP,
    CONTAINED,
    FULLY_VISIBLE,
)
