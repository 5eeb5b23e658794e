/* ---- Paths ----------------------------------------------------------------------------------------------------------
 * Calls that take a text alone reach a descriptor's file, and proc, from a working directory in proc, from where
 * `thread-self/fd/N` leads on; the task's own directory is kept in a descriptor meanwhile, so that its mount stays as
 * much in use as before.
 */

static int go_away(struct self *me)
{
	me->cwd = open(".", O_PATH | O_CLOEXEC);
	return me->cwd < 0 ? -1 : fchdir(PROC_FD);
}

enum { BACK, STAY, TO_ROOT };	/* where a task is after a call that succeeded */

static long come_back(struct self *me, long result, int where)
{
	int error = errno;

	if (result < 0 || where == BACK)
		fchdir(me->cwd);
	else if (where == TO_ROOT)
		chdir("/");
	close(me->cwd);
	errno = error;
	return result;
}

/* Make a call from proc, with paths AT and HERE. */
#define FROM_PROC(call) (go_away(me) < 0 ? -1 : come_back(me, call, BACK))

/* The same, of a call that changes the working directory. */
#define GO_FROM_PROC(call, where) (go_away(me) < 0 ? -1 : come_back(me, call, where))

static const char *fd_path(int file, const char *rest)
{
	static char room[4][256];
	static int turn;
	char *path = room[turn = (turn + 1) % 4];

	snprintf(path, sizeof(room[0]), "thread-self/fd/%d%s", file, rest);
	return path;
}

/* A path from what a descriptor is of. */
#define AT(h, rest) fd_path(FD(h), rest)

/* A path from the task's own working directory. */
#define HERE(rest) fd_path(me->cwd, rest)

/* A file of a task, as a path from proc. */
static const char *of_task(int task, const char *name)
{
	static char path[64];

	snprintf(path, sizeof(path), "%d/%s", nr(task, 0), name);
	return path;
}

/* ---- Calls on mounts ------------------------------------------------------------------------------------------------ */

static long set_attributes(const char *path, unsigned int flags, uint64_t set, uint64_t clear, uint64_t propagation)
{
	struct mount_attr attributes = { .attr_set = set, .attr_clr = clear, .propagation = propagation };

	return syscall(SYS_mount_setattr, AT_FDCWD, path, flags, &attributes, sizeof(attributes));
}

static long configure(int context, const char *option, unsigned int command)
{
	if (option && syscall(SYS_fsconfig, context, FSCONFIG_SET_FLAG, option, NULL, 0) < 0)
		return -1;
	return syscall(SYS_fsconfig, context, command, NULL, NULL, 0);
}

/* The directory that a name is in, opened before the name goes: the path to it may lead over the name itself. */
static int folder_of(const char *path, const char **name)
{
	char folder[256];
	const char *cut = strrchr(path, '/');

	*name = cut ? cut + 1 : path;
	snprintf(folder, sizeof(folder), "%.*s", (int)(*name - path), path);
	return open(*folder ? folder : ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
}

/* A name that a call took away is there again at once. */
static long make_again(long result, int folder, const char *name, int directory)
{
	int error = errno, file;

	if (result >= 0) {
		file = directory ? mkdirat(folder, name, 0777) : openat(folder, name, O_CREAT | O_EXCL, 0666);
		if (file < 0)
			trouble("making the name again");
		if (!directory)
			close(file);
	}
	close(folder);
	errno = error;
	return result;
}

static long rmdir_and_make(const char *path)
{
	const char *name;
	int folder = folder_of(path, &name);

	return make_again(rmdir(path), folder, name, 1);
}

static long unlink_and_make(const char *path)
{
	const char *name;
	int folder = folder_of(path, &name);

	return make_again(unlink(path), folder, name, 0);
}

static long rename_and_make(const char *path, const char *over, int directory)
{
	const char *name;
	int folder = folder_of(path, &name);

	return make_again(rename(path, over), folder, name, directory);
}

/* ---- Names in new file systems --------------------------------------------------------------------------------------
 * They are told as `a(bc!)d`: a letter is a directory, with what it holds in brackets, `!` a file, `@` a symbolic link
 * that leads nowhere.
 */

static int grow(int folder, const char **at)
{
	while (**at && **at != ')') {
		char name[2] = { *(*at)++, 0 };
		int file, result = 0;

		if (**at == '!') {
			file = openat(folder, name, O_CREAT | O_EXCL, 0666);
			++*at;
		} else if (**at == '@') {
			file = symlinkat("nowhere", folder, name) < 0 ? -1 : openat(folder, name, O_PATH | O_NOFOLLOW);
			++*at;
		} else {
			file = mkdirat(folder, name, 0777) < 0 ? -1 : openat(folder, name, O_PATH);
		}
		if (file < 0)
			return -1;
		if (**at == '(') {
			++*at;
			result = grow(file, at);
			++*at;
		}
		close(file);
		if (result < 0)
			return result;
	}
	return 0;
}

/* A directory as the top of what is mounted on it: from a root there, `..` stays and goes over to what covers it. */
static int open_top(int place)
{
	int root = open("/", O_PATH), cwd = open(".", O_PATH), top = -1;

	if (fchdir(place) == 0 && chroot(".") == 0) {
		top = open("/..", O_PATH | O_DIRECTORY);
		if (fchdir(root) < 0 || chroot(".") < 0)
			_exit(1);
	}
	if (fchdir(cwd) < 0)
		_exit(1);
	close(root);
	close(cwd);
	return top;
}

static int reconfigure(int top, const char *how)
{
	int context = syscall(SYS_fspick, top, "", FSPICK_EMPTY_PATH);
	int result = context < 0 ? -1 : (int)configure(context, how, FSCONFIG_CMD_RECONFIGURE);

	close(context);
	return result;
}

enum { READ_ONLY_MOUNT = 1, READ_ONLY_SUPERBLOCK = 2 };

/* Make the names in a new file system on a place, which may have been mounted read-only. Where its user namespace maps no
 * ids, nobody can.
 */
static void furnish(int place, const char *names, int how)
{
	struct mount_attr writable = { .attr_clr = MOUNT_ATTR_RDONLY }, read_only = { .attr_set = MOUNT_ATTR_RDONLY };
	int error = errno, top = open_top(place), result = top;

	if (how & READ_ONLY_MOUNT)
		syscall(SYS_mount_setattr, top, "", AT_EMPTY_PATH, &writable, sizeof(writable));
	if (result >= 0 && how & READ_ONLY_SUPERBLOCK)
		result = reconfigure(top, "rw");
	if (result >= 0)
		result = fchmodat(top, ".", 0777, 0);
	if (result >= 0)
		result = grow(top, &names);
	if (result < 0 && errno != EOVERFLOW)
		trouble("making the names in a new file system");
	if (how & READ_ONLY_SUPERBLOCK)
		reconfigure(top, "ro");
	if (how & READ_ONLY_MOUNT)
		syscall(SYS_mount_setattr, top, "", AT_EMPTY_PATH, &read_only, sizeof(read_only));
	close(top);
	errno = error;
}

/* mount(2) of a new file system, and names in it. */
static long mount_new(const char *source, const char *target, const char *type, unsigned long flags, const char *names,
		      int how)
{
	/* Copies that the call makes elsewhere may cover the path. */
	int place = open(target, O_PATH | O_CLOEXEC);
	long result = mount(source, target, type, flags, NULL);

	if (result == 0)
		furnish(place, names, how);
	close(place);
	return result;
}

/* fsmount(2) of a new file system, and names in it. */
static long fsmount_new(int context, unsigned int attributes, const char *names, int how)
{
	long result = syscall(SYS_fsmount, context, 0, attributes);

	if (result >= 0)
		furnish(result, names, how);
	return result;
}

/* The names of the sandbox's root. */
static long make_names(const char *names)
{
	int place = open("/", O_PATH);

	furnish(place, names, 0);
	close(place);
	return *shared->trouble ? -1 : 0;
}

/* The sandbox's own proc, or sysfs, mounted. */
static long show(int tree, const char *path)
{
	return syscall(SYS_move_mount, tree, "", AT_FDCWD, path, MOVE_MOUNT_F_EMPTY_PATH);
}

#define show_proc(path) show(PROC_TREE_FD, path)

#define show_sysfs(path) show(SYSFS_TREE_FD, path)

/* The controllers of a cgroup hierarchy of version 1 whose root the sandbox's cgroup namespace has. */
static char controllers[128];

static const char *hierarchy(void)
{
	return controllers;
}

static void find_hierarchy(void)
{
	FILE *file = fopen("/proc/self/cgroup", "r");
	char line[512], *at, *where;

	while (file && !*controllers && fgets(line, sizeof(line), file)) {
		at = line;
		strsep(&at, ":");
		where = at;
		at = strsep(&where, ":");
		if (at && where && *at && strncmp(at, "name=", 5) && !strcmp(where, "/\n"))
			snprintf(controllers, sizeof(controllers), "%s", at);
	}
	if (file)
		fclose(file);
	errno = ENOENT;
	if (!*controllers)
		cannot("a cgroup hierarchy of version 1 that begins here");
}

/* Write to a file what it says. */
static long write_again(const char *path)
{
	char text[64];
	int file = open(path, O_RDWR), error;
	ssize_t size, done;

	if (file < 0)
		return -1;
	size = read(file, text, sizeof(text));
	done = pwrite(file, text, size, 0);
	error = errno;
	close(file);
	errno = error;
	return done < 0 ? -1 : 0;
}
