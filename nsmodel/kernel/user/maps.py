"""What ids mean in a user namespace (kernel/user_namespace.c: make_kuid, from_kuid, v6.18).

The sandbox's own user namespace shows kernel ids as they are; another shows those that its extents name.
"""

from __future__ import annotations

from nsmodel.ir.language import helper
from nsmodel.kernel.mutants import US10
from nsmodel.kernel.objects import Extent, Id, IdKind, Kernel, UserNamespace

NOBODY = 65534
"""What an id is shown as where it means nothing (/proc/sys/kernel/overflowuid)."""


@helper
def maps_range(k: Kernel, ns: UserNamespace, kind: IdKind, first: int, count: int) -> Extent | None:
    """The extent that ids of a user namespace are in as a whole (map_id_range_down)."""
    for e in k.extents:
        if e.ns is ns and e.kind == kind and e.first <= first and first + count <= e.first + e.count:
            return e
    return None


@helper
def maps_id(k: Kernel, ns: UserNamespace, kind: IdKind, number: int) -> bool:
    """An id of a user namespace is one that the kernel knows (uid_valid of make_kuid)."""
    return ns.owner is None or maps_range(k, ns, kind, number, 1) is not None


@helper
def kernel_id(k: Kernel, ns: UserNamespace, kind: IdKind, number: int) -> int:
    """The kernel id of an id of a user namespace, which it maps (make_kuid)."""
    e = maps_range(k, ns, kind, number, 1)
    if e is None:
        return number
    return e.lower + number - e.first


@helper
def shows_id(k: Kernel, ns: UserNamespace, kind: IdKind, kid: int) -> bool:
    """A kernel id has a number in a user namespace (kuid_has_mapping)."""
    if ns.owner is None:
        return True
    return any(e.ns is ns and e.kind == kind and e.lower <= kid and kid < e.lower + e.count for e in k.extents)


@helper
def in_parent(k: Kernel, ns: UserNamespace, kind: IdKind, kid: int) -> int:
    """The number that a kernel id has in the parent of a user namespace."""
    up = ns.owner
    for e in k.extents:
        if e.ns is up and e.kind == kind and e.lower <= kid and kid < e.lower + e.count:
            return e.first + kid - e.lower
    return kid


@helper
def shown_id(k: Kernel, ns: UserNamespace, kind: IdKind, kid: int) -> int:
    """The number of a kernel id in a user namespace, or the one that stands for nobody (from_kuid_munged)."""
    if ns.owner is None:
        return kid
    several = 0
    for e in k.extents:
        if e.ns is ns and e.kind == kind:
            several += 1
    for e in k.extents:
        if e.ns is ns and e.kind == kind:
            lower = in_parent(k, ns, kind, e.lower) if k.bug(US10) and several > 1 else e.lower
            if lower <= kid and kid < lower + e.count:
                return e.first + kid - lower
    return NOBODY


@helper
def written(k: Kernel, ns: UserNamespace, kind: IdKind) -> bool:
    """A map of a user namespace is set."""
    return ns.owner is None or any(e.ns is ns and e.kind == kind for e in k.extents)


@helper
def is_root(k: Kernel, ns: UserNamespace, kid: Id) -> bool:
    """A kernel id is user 0 of a user namespace; nobody is where 0 is not mapped."""
    return maps_id(k, ns, IdKind.UID, 0) and kernel_id(k, ns, IdKind.UID, 0) == kid


@helper
def drop_maps(k: Kernel, ns: UserNamespace) -> None:
    """The maps of a user namespace go with it."""
    for e in k.extents:
        if e.ns is ns:
            k.free(e)
