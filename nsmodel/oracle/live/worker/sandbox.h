/* The sandbox: user, mount, pid, UTS, IPC, network, cgroup and time namespaces of its own, whose pid 1 serves socket 0.
 *
 * Its mount tree is what the model begins with: a file system without names as "/" on the bottom of the mount
 * namespace, neither of them a peer, nothing locked. Whatever comes with a copy for another owner is locked, "/" too,
 * and a new root takes the lock over. So the launcher first leaves its own tree, in a mount namespace of its own: it
 * mounts a file system on the bottom, makes the bottom shared for as long as the sandbox's namespaces are made, and
 * unmounts it again. That reaches the sandbox's copy, which is kept, because something is mounted in it, but not
 * locked any more (fs/pnode.c: propagate_mount_unlock, v6.18).
 */
enum { NEWTIME = 0x80, NEWNS = 0x20000, NEWCGROUP = 0x2000000, NEWUTS = 0x4000000, NEWIPC = 0x8000000,
       NEWUSER = 0x10000000, NEWPID = 0x20000000, NEWNET = 0x40000000, CLONE_THREAD = 0x10000, CLONE_PARENT = 0x8000 };
enum { REC_PRIVATE = 0x44000, SHARED = 0x100000, DETACH = 2 };

/* Something from the root to the bottom propagates: taking "/" off a copy would then do so elsewhere. */
static int bottom_is_shared(void) {
  uint64_t asked[4] = {24, 0, 2, 0}, answer[80];
  struct found here;
  long fd = SYS(open, "/", O_PATH), result = look(fd, &here);
  SYS(close, fd);
  while (result >= 0) {
    asked[1] = here.mount;
    result = SYS(statmount, asked, answer, sizeof answer, 0);
    uint64_t parent = answer[6], propagation = answer[9];
    if (result < 0 || propagation & SHARED) return 1;
    if (parent == here.mount) return 0;
    here.mount = parent;
  }
  return 1;
}
/* The working directory becomes the bottom of a mount namespace of the launcher's own, the root what is mounted on it. */
static void leave_tree(void) {
  struct attributes plain = {0, 0xff, 0, 0};
  struct found found;
  need("making a mount namespace: ", SYS(unshare, NEWNS));
  need("making mounts private: ", SYS(mount, "none", "/", 0, REC_PRIVATE, 0));
  if (bottom_is_shared()) die("the bottom of the mount namespace propagates: ", 0);
  long ns = SYS(open, "/proc/self/ns/mnt", 0);
  need("the mount namespace: ", ns);
  need("leaving the tree: ", SYS(umount2, "/", DETACH));
  need("its bottom: ", SYS(setns, ns, NEWNS));
  SYS(close, ns);
  long fd = SYS(open, ".", O_PATH);
  need("statx: ", look(fd, &found));
  SYS(close, fd);
  bottom = found.device;
  need("making the bottom private: ", SYS(mount, "none", ".", 0, REC_PRIVATE, 0));
  need("its attributes: ", SYS(mount_setattr, AT_FDCWD, ".", 0, &plain, sizeof plain));
  need("mounting a tmpfs: ", SYS(mount, "stage", ".", "tmpfs", 0, 0));
  need("entering it: ", SYS(chroot, "/.."));
  need("mkdir proc: ", SYS(mkdir, "/proc", 0755));
  need("mkdir new: ", SYS(mkdir, "/new", 0755));
  need("mounting proc: ", SYS(mount, "proc", "/proc", "proc", 0, 0));
  need("mkdir sys: ", SYS(mkdir, "/sys", 0755));
  need("mounting sysfs: ", SYS(mount, "sys", "/sys", "sysfs", 0, 0));
  need("making the bottom shared: ", SYS(mount, "none", ".", 0, SHARED, 0));
}
/* A file system of a type, mounted nowhere, for a place of the model that shows it from the start. */
static void keep_tree(const char *type, const char *path, int which) {
  need("mounting what is shown: ", SYS(mount, type, path, type, 0, 0));
  long tree = SYS(open_tree, AT_FDCWD, path, 1);
  need("a copy of it: ", tree);
  need("its place: ", SYS(dup3, tree, TREES + which, 0));
  SYS(close, tree);
  need("hiding it: ", SYS(umount2, path, DETACH));
}
static void furnish(int shown) {
  need("making the bottom private: ", SYS(mount, "none", ".", 0, REC_PRIVATE, 0));
  need("mounting proc: ", SYS(mount, "proc", "/proc", "proc", 0, 0));
  long proc = SYS(open, "/proc", O_PATH | O_DIRECTORY);
  need("proc: ", proc);
  need("its place: ", SYS(dup3, proc, PROC, 0));
  SYS(close, proc);
  need("hiding proc: ", SYS(umount2, "/proc", DETACH));
  if (shown & 1) keep_tree("proc", "/proc", 0);
  if (shown & 2) keep_tree("sysfs", "/sys", 1);
  need("mounting the root: ", SYS(mount, "sandbox", "/new", "tmpfs", 0, 0));
  need("entering it: ", SYS(chdir, "/new"));
  need("pivot_root: ", SYS(pivot_root, ".", "."));
  need("leaving the stage: ", SYS(umount2, ".", DETACH));
  need("chdir: ", SYS(chdir, "/"));
  SYS(umask, 0);
}
static void end_sandbox(long pid) {
  SYS(kill, pid, SIGKILL);
  SYS(wait4, pid, 0, 0, 0);
}
static void id_map(long pid, const char *name) {
  char path[64];
  put_text(put(put_text(path, "/proc/"), pid), name);
  long result = write_at(AT_FDCWD, path, "0 0 4294967295");
  if (result < 0) { end_sandbox(pid); die("writing an id map: ", result); }
}
/* Make the sandbox: gives the number of its first process outside, and 0 inside, once it was told to go on. */
static long make_sandbox(int shown) {
  struct clone_args args;
  char byte = 0;
  leave_tree();
  memset(&args, 0, sizeof args);
  args.flags = NEWUSER | NEWNS | NEWPID | NEWUTS | NEWIPC | NEWNET | NEWCGROUP | NEWTIME;
  args.exit_signal = SIGCHLD;
  long pid = SYS(clone3, &args, sizeof args);
  if (pid == 0) {
    SYS(close, 0);
    SYS(recvfrom, FIRST, &byte, 1, 0, 0, 0);
    SYS(setgroups, 0, 0);
    SYS(setresgid, 0, 0, 0);
    SYS(setresuid, 0, 0, 0);
    furnish(shown);
    return 0;
  }
  need("making the sandbox's namespaces: ", pid);
  id_map(pid, "/uid_map");
  id_map(pid, "/gid_map");
  id_map(pid, "/projid_map");
  long result = SYS(umount2, "/", DETACH);
  if (result < 0) { end_sandbox(pid); die("unlocking its root: ", result); }
  return pid;
}
