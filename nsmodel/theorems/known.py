"""Known bugs of the kernel's lists as switches; the rules, which have no lists, cannot have them."""

from __future__ import annotations

from nsmodel.ir.language import Switch

MP02 = Switch("MP02", "propagate_past_source", "the climb to a source does not end at the first one", "CVE-2016-4581")
MP09 = Switch(
    "MP09", "setgroup_slave_head", "MOVE_MOUNT_SET_GROUP puts its target at the head of the slaves", "9ffb14ef61ba"
)
IN_LISTS = (MP02, MP09)
