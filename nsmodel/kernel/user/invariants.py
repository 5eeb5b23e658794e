"""Invariants of users: ids and their maps, charges, and what capabilities a credential can have."""

from __future__ import annotations

from nsmodel.ir.language import count, helper, invariant, require
from nsmodel.kernel.objects import IdKind, Kernel, MntNamespace, Mount, Namespace, Ucounts
from nsmodel.kernel.user.maps import NOBODY, kernel_id, maps_id, shown_id


@helper
def is_charged(k: Kernel, ns: Namespace, entry: Ucounts) -> bool:
    """A namespace counts for an entry: it is charged to it, or to one of a user namespace whose maker it is of."""
    here: Ucounts | None = ns.ucounts
    while here is not None:
        if here is entry:
            return True
        here = here.ns.ucounts
    return False


@invariant("UCOUNT_EXACT", source="kernel/ucount.c: inc_ucount, dec_ucount (v6.18)")
def charges_exact(k: Kernel) -> None:
    """For each user of a user namespace and each type, the charge is the number of living namespaces."""
    for entry in k.ucounts:
        held = count(n for n in k.user_namespaces if is_charged(k, n, entry))
        require(entry.user == held, "a charge is not the number of user namespaces", entry, entry.ns)
        held = count(n for n in k.mnt_namespaces if is_charged(k, n, entry))
        require(entry.mnt == held, "a charge is not the number of mount namespaces", entry, entry.ns)
        held = count(n for n in k.uts_namespaces if is_charged(k, n, entry))
        require(entry.uts == held, "a charge is not the number of UTS namespaces", entry, entry.ns)
        held = count(n for n in k.ipc_namespaces if is_charged(k, n, entry))
        require(entry.ipc == held, "a charge is not the number of IPC namespaces", entry, entry.ns)
        held = count(n for n in k.pid_namespaces if is_charged(k, n, entry))
        require(entry.pid == held, "a charge is not the number of pid namespaces", entry, entry.ns)
        held = count(n for n in k.net_namespaces if is_charged(k, n, entry))
        require(entry.net == held, "a charge is not the number of network namespaces", entry, entry.ns)
        held = count(n for n in k.cgroup_namespaces if is_charged(k, n, entry))
        require(entry.cgroup == held, "a charge is not the number of cgroup namespaces", entry, entry.ns)
        held = count(n for n in k.time_namespaces if is_charged(k, n, entry))
        require(entry.time == held, "a charge is not the number of time namespaces", entry, entry.ns)


@helper
def holders(k: Kernel, entry: Ucounts) -> int:
    """The namespaces that are charged to an entry themselves."""
    held = count(n for n in k.user_namespaces if n.ucounts is entry)
    held += count(n for n in k.mnt_namespaces if n.ucounts is entry)
    held += count(n for n in k.uts_namespaces if n.ucounts is entry)
    held += count(n for n in k.ipc_namespaces if n.ucounts is entry)
    held += count(n for n in k.pid_namespaces if n.ucounts is entry)
    held += count(n for n in k.net_namespaces if n.ucounts is entry)
    held += count(n for n in k.cgroup_namespaces if n.ucounts is entry)
    return held + count(n for n in k.time_namespaces if n.ucounts is entry)


@invariant("REF_EXACT", source="kernel/ucount.c: get_ucounts, put_ucounts (v6.18)")
def ucounts_references(k: Kernel) -> None:
    """An entry is held by the namespaces that are charged to it, and is one of a kind."""
    for entry in k.ucounts:
        require(entry.count == holders(k, entry), "the count of a ucounts equals the namespaces charged to it", entry)
        twins = count(other for other in k.ucounts if other.ns is entry.ns and other.uid == entry.uid)
        require(twins == 1, "a user has two entries in a user namespace", entry)


@invariant("MAP_BIJ", source="kernel/user_namespace.c: make_kuid, from_kuid (v6.18)")
def maps_are_inverse(k: Kernel) -> None:
    """What an id of a user namespace means is shown as that id, and is a kernel id that the parent shows as well."""
    for e in k.extents:
        ns = e.ns
        up = ns.owner
        require(up is not None, "the first user namespace has a map", ns)
        kid = kernel_id(k, ns, e.kind, e.first)
        require(shown_id(k, ns, e.kind, kid) == e.first, "an id is shown as another one", ns, e)
        last = kernel_id(k, ns, e.kind, e.first + e.count - 1)
        require(shown_id(k, ns, e.kind, last) == e.first + e.count - 1, "an id is shown as another one", ns, e)
        if up is not None:
            in_parent = shown_id(k, up, e.kind, kid)
            require(in_parent != NOBODY, "an id is mapped that the parent does not know", ns, e)
            means = maps_id(k, up, e.kind, in_parent) and kernel_id(k, up, e.kind, in_parent) == kid
            require(means, "an id does not mean in the parent what the parent shows", ns, e)


@invariant("MAP_BIJ", source="kernel/user_namespace.c: mappings_overlap (v6.18)")
def ids_shown_mean_the_same(k: Kernel) -> None:
    """What a task's ids are shown as means these ids: nobody is taken for another user."""
    for t in k.tasks:
        ns = t.user_ns
        user = shown_id(k, ns, IdKind.UID, t.euid)
        right = user == NOBODY or (maps_id(k, ns, IdKind.UID, user) and kernel_id(k, ns, IdKind.UID, user) == t.euid)
        require(right, "a user is shown as another one", t, ns)
        group = shown_id(k, ns, IdKind.GID, t.egid)
        right = group == NOBODY or (maps_id(k, ns, IdKind.GID, group) and kernel_id(k, ns, IdKind.GID, group) == t.egid)
        require(right, "a group is shown as another one", t, ns)


@invariant("CAP_CONFINED", source="kernel/cred.c, security/commoncap.c (v6.18); capabilities(7)")
def effective_is_permitted(k: Kernel) -> None:
    """What a task uses it is permitted, and what is ambient it may inherit."""
    for t in k.tasks:
        require(len(t.effective - t.permitted) == 0, "a task uses a capability that it is not permitted", t)
        require(len(t.ambient - (t.permitted & t.inheritable)) == 0, "an ambient capability cannot be inherited", t)


@invariant("ROOT_CONFINED", source="kernel/fork.c: copy_process, check_unshare_flags (v6.18)")
def root_is_not_shared(k: Kernel) -> None:
    """Tasks of two user namespaces share no root directory: whoever may chroot in one would do so in the other."""
    for fs in k.fs_structs:
        for t in k.tasks:
            if t.fs is fs:
                strangers = any(other.fs is fs and other.user_ns is not t.user_ns for other in k.tasks)
                require(not strangers, "tasks of two user namespaces share a root directory", t, fs)


@helper
def within(k: Kernel, m: Mount | None, ns: MntNamespace) -> bool:
    """A mount is in a mount namespace, or in none."""
    return m is None or m.ns is None or m.ns is ns or m.ns.anonymous


@invariant("CONTAINED", source="user_namespaces(7), mount_namespaces(7); kernel/nsproxy.c (v6.18)")
def contained(k: Kernel) -> None:
    """A task of another user namespace than the first never joins what the first owns; once a runtime has sealed it
    (which sets no_new_privs), its root, working directory and descriptors stay in its mount namespace too."""
    for t in k.tasks:
        proxy = t.nsproxy
        fs = t.fs
        own = None if proxy is None else proxy.mnt
        if t.user_ns.owner is not None and t.no_new_privs and own is not None and fs is not None:
            above = own.owner
            require(above is not None and above.owner is not None, "a container is in a namespace of the host", t, own)
            require(within(k, fs.root_mnt, own), "the root directory of a container is outside", t, fs.root_mnt)
            require(within(k, fs.cwd_mnt, own), "the working directory of a container is outside", t, fs.cwd_mnt)
            for f in k.descriptors:
                if f.table is t.group_leader:
                    require(within(k, f.mount, own), "a container has a descriptor of a mount outside", t, f)
