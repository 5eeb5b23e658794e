"""How writes to /proc/sys/user/max_*_namespaces are judged (namespaces(7); kernel/ucount.c, v6.18).

The limits of the user namespace that the recording begins in, and how much of them is used up, are not recorded; what
is made in the recording is counted, so limits that are set on user namespaces made there are judged.
"""

from __future__ import annotations

import re

from nsmodel.ir.language import EPERM, Refused
from nsmodel.kernel.objects import Kernel, NsType, Task
from nsmodel.kernel.user.ucounts import set_limit
from nsmodel.oracle.recorded.judgement import Uncovered
from nsmodel.oracle.recorded.judging import Judge
from nsmodel.oracle.recorded.recordings import View

FILE = re.compile(r"/sys/user/max_(mnt|uts|ipc|pid|user|net|cgroup|time)_namespaces\Z")
INT_MAX = 2**31 - 1


def judge_limit(judge: Judge, view: View) -> None:
    """write(2) to one of the files."""
    step, task = view.step, judge.caller(view)
    found = FILE.search(step.descriptor().link or "")
    data = step.args.get("data")
    if found is None or not isinstance(data, str) or step.args.get("off"):
        raise Uncovered("what was written is not recorded")
    number = data.strip()
    if not number.isdecimal() or int(number) > INT_MAX:
        judge.must(view, "EINVAL", "no number of namespaces")
        return
    judge.call(view, write_limit, task, NsType[found.group(1).upper()], int(number))


def write_limit(k: Kernel, task: Task, kind: NsType, limit: int) -> int:
    """The rule of opening and writing; of a file that is open, the write alone fails (proc_sys_call_handler)."""
    try:
        return set_limit(k, task, kind, limit)
    except Refused as refused:
        raise Refused(EPERM, refused.reason) from None
