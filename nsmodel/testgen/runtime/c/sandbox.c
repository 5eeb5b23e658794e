/* ---- The sandbox -----------------------------------------------------------------------------------------------------
 * Namespaces of every type, the user namespace with all ids as they are, so that nothing of the machine's is touched.
 * Its mount tree is a file system without names as "/" on the bottom of the mount namespace, neither of them a peer,
 * nothing locked. What comes with a copy for another owner is locked, "/" too, and a new root takes the lock over: so
 * the watcher first leaves its own tree, mounts a file system on the bottom of a mount namespace of its own, makes the
 * bottom shared for as long as the sandbox is made, and unmounts it again. That reaches the sandbox's copy, which is
 * kept, because something is mounted in it, but is locked no more. The watcher lives in a pid namespace of its own,
 * and whatever happens, everything ends with it.
 */

#define NEED(call) do { if ((long)(call) < 0) cannot(#call); } while (0)

/* Something from the root to the bottom propagates: taking "/" off a copy would then do so elsewhere. */
static int bottom_is_shared(void)
{
	struct { uint32_t size, fd; uint64_t mount, param, ns; } asked = { .size = 24, .param = 2 /* STATMOUNT_MNT_BASIC */ };
	uint64_t answer[80];
	struct statx here;

	if (statx(AT_FDCWD, "/", 0, 0x4000 /* STATX_MNT_ID_UNIQUE */, &here) < 0)
		return 1;
	for (asked.mount = here.stx_mnt_id;; asked.mount = answer[6]) {
		if (syscall(SYS_statmount, &asked, answer, sizeof(answer), 0) < 0 || answer[9] & MS_SHARED)
			return 1;
		if (answer[6] == asked.mount)
			return 0;
	}
}

/* The working directory becomes the bottom of the mount namespace, the root what is mounted on it. */
static void leave_tree(void)
{
	struct mount_attr plain = { .attr_clr = 0xff };
	int ns;

	NEED(mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL));
	errno = EBUSY;
	NEED(bottom_is_shared() ? -1 : 0);
	NEED(ns = open("/proc/self/ns/mnt", O_RDONLY));
	NEED(umount2("/", MNT_DETACH));
	NEED(setns(ns, CLONE_NEWNS));
	close(ns);
	NEED(mount("none", ".", NULL, MS_REC | MS_PRIVATE, NULL));
	NEED(syscall(SYS_mount_setattr, AT_FDCWD, ".", 0, &plain, sizeof(plain)));
	NEED(mount("stage", ".", "tmpfs", 0, NULL));
	NEED(chroot("/.."));
	NEED(mkdir("/proc", 0755));
	NEED(mkdir("/new", 0755));
	NEED(mount("proc", "/proc", "proc", 0, NULL));
	if (SHOWS_SYSFS) {
		NEED(mkdir("/sys", 0755));
		NEED(mount("sys", "/sys", "sysfs", 0, NULL));
	}
	NEED(mount("none", ".", NULL, MS_SHARED, NULL));
}

static void keep(int file, int at)
{
	NEED(file);
	NEED(dup3(file, at, 0));
	close(file);
}

/* A file system of a type, mounted nowhere, for a place that shows it from the start. */
static void keep_tree(const char *type, const char *path, int at)
{
	NEED(mount(type, path, type, 0, NULL));
	keep(syscall(SYS_open_tree, AT_FDCWD, path, OPEN_TREE_CLONE), at);
	NEED(umount2(path, MNT_DETACH));
}

/* The first task's way into its file system. */
static void move_in(void)
{
	NEED(syscall(SYS_setgroups, 0, NULL));
	NEED(syscall(SYS_setresgid, 0, 0, 0));
	NEED(syscall(SYS_setresuid, 0, 0, 0));
	NEED(mount("none", ".", NULL, MS_REC | MS_PRIVATE, NULL));
	NEED(mount("proc", "/proc", "proc", 0, NULL));
	keep(open("/proc", O_PATH | O_DIRECTORY), PROC_FD);
	NEED(umount2("/proc", MNT_DETACH));
	if (SHOWS_PROC)
		keep_tree("proc", "/proc", PROC_TREE_FD);
	if (SHOWS_SYSFS)
		keep_tree("sysfs", "/sys", SYSFS_TREE_FD);
	NEED(mount("sandbox", "/new", "tmpfs", 0, NULL));
	NEED(chdir("/new"));
	NEED(syscall(SYS_pivot_root, ".", "."));
	NEED(umount2(".", MNT_DETACH));
	NEED(chdir("/"));
	umask(0);
	NEED(setsid());
}

static void write_map(pid_t pid, const char *name)
{
	char path[64];
	int file;

	snprintf(path, sizeof(path), "%d/%s", pid, name);
	NEED(file = open(path, O_WRONLY));
	NEED(write(file, "0 0 4294967295", 14));
	close(file);
}

/* The channels between the watcher and the tasks, what they share, and the first task. */
static void make_sandbox(int play)
{
	struct clone_call args = {
		.flags = CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNET |
			 CLONE_NEWCGROUP | CLONE_NEWTIME,
		.exit_signal = SIGCHLD,
	};
	struct self first = { .task = 0 };
	int pair[2];
	pid_t pid;

	keep(memfd_create("case", 0), SHARED_FD);
	NEED(ftruncate(SHARED_FD, sizeof(*shared)));
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED, SHARED_FD, 0);
	NEED(shared == MAP_FAILED ? -1 : 0);
	shared->play = play;
	shared->newborn = -1;
	memset(shared->task[0].fd, -1, sizeof(shared->task[0].fd));
	keep(open("/proc/self/exe", O_RDONLY), EXE_FD);
	for (int i = 0; i < TASKS; i++) {
		NEED(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair));
		keep(pair[1], FIRST_FD + i);
		NEED(line_fd[i] = fcntl(pair[0], F_DUPFD_CLOEXEC, FIRST_FD + TASKS));
		close(pair[0]);
	}
	leave_tree();
	NEED(pid = clone_process(&args));
	if (pid == 0) {
		char go;

		if (read(FIRST_FD, &go, 1) != 1)
			_exit(1);
		inside = 1;
		move_in();
		inside = 0;
		write(FIRST_FD, &(long){ 0 }, sizeof(long));
		take_part(&first);
	}
	NEED(chdir("/proc"));
	write_map(pid, "uid_map");
	write_map(pid, "gid_map");
	write_map(pid, "projid_map");
	NEED(umount2("/", MNT_DETACH));
	meet(0);
	prepare(0, "the sandbox");
}

static void time_is_up(int signal)
{
	(void)signal;
	_exit(FAILED);
}

/* Perform the case in a sandbox of its own, as the first process of a pid namespace. */
__attribute__((noreturn)) static void watch(int play)
{
	struct self me = { .task = WATCHER };

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGALRM, time_is_up);
	alarm(SECONDS * 6);
	make_sandbox(play);
	say("1..%d\n", steps_of[play]);
	begin("what there is in the beginning");
	plays[play](&me);
	finish();
	leave(PASSED);
}

static int run(int play)
{
	struct clone_call args = { .flags = CLONE_NEWPID | CLONE_NEWNS, .exit_signal = SIGCHLD };
	int status;
	pid_t pid = clone_process(&args);

	if (pid < 0)
		cannot("clone3");
	if (pid == 0)
		watch(play);
	if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return FAILED;
	return WEXITSTATUS(status);
}

/* On one processor the ids of namespaces grow in the order in which they are made. */
static void stay_on_one_processor(void)
{
	unsigned long mask[16] = { 0 };
	unsigned int cpu = 0;

	syscall(SYS_getcpu, &cpu, NULL, NULL);
	mask[cpu / (8 * sizeof(long)) % 16] = 1ul << cpu % (8 * sizeof(long));
	syscall(SYS_sched_setaffinity, 0, sizeof(mask), mask);
}

static int release_major, release_minor;

static void get_ready(void)
{
	struct utsname name;

	uname(&name);
	errno = 0;
	if (geteuid() != 0)
		cannot("this needs root");
	if (sscanf(name.release, "%d.%d", &release_major, &release_minor) != 2 ||
	    release_major * 1000 + release_minor < OLDEST)
		cannot("the kernel is older than what this is told of");
	if (EXECUTES && getauxval(AT_BASE))
		cannot("what it executes finds no loader in the sandbox: compile it with -static");
	stay_on_one_processor();
	say("TAP version 13\n");
}

/* The running release is this one or a later one, but before another. */
static int release_is_from(int major, int minor, int before_major, int before_minor)
{
	int here = release_major * 1000 + release_minor;

	return here >= major * 1000 + minor && here < before_major * 1000 + before_minor;
}

/* Perform what is told of a release with known bugs: if it does not go like that, nothing is said. */
static int goes_wrong(int play)
{
	int output = dup(1), text = memfd_create("report", MFD_CLOEXEC), status;
	off_t from = 0;

	dup2(text, 1);
	status = run(play);
	dup2(output, 1);
	while (status == PASSED && sendfile(1, text, &from, 1 << 16) > 0)
		;
	close(text);
	close(output);
	return status == PASSED;
}
