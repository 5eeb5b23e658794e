/*
 * ML06: not so: what was unmounted is bound and copied
 *
 * Covers: mount_locks: ML06 (copy_unmounted, CVE-2015-4177)
 *
 * Decides: mount_bind EINVAL: the source is not in the caller's mount namespace, nor in a tree copied from there
 *   (fs/namespace.c: path_mount, do_loopback (v6.18); mount(2) MS_BIND)
 * Killed by it: ML06.
 *
 * Start it as root: gcc -std=gnu11 -Wall -Wextra -O1 -o ML06 ML06.c && ./ML06. It makes a sandbox of its own
 *   first, and leaves nothing behind.
 * Exit status: 0 passed, or failed as expected of this release; 1 failed; 4 it cannot run here.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/nsfs.h>
#include <linux/securebits.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

/* What older headers do not have. */
#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x80
#endif
#ifndef MS_NOSYMFOLLOW
#define MS_NOSYMFOLLOW 256
#endif
#ifndef MOVE_MOUNT_BENEATH
#define MOVE_MOUNT_BENEATH 0x200
#endif
#ifndef NS_MNT_GET_NEXT
#define NS_MNT_GET_NEXT 0x8010b70bUL
#define NS_MNT_GET_PREV 0x8010b70cUL
#endif
#ifndef SYS_statmount
#define SYS_statmount 457
#endif
#ifndef NS_MNT_GET_NEXT
#define NS_MNT_GET_NEXT _IOR(0xb7, 11, char[16])
#define NS_MNT_GET_PREV _IOR(0xb7, 12, char[16])
#endif

/* ---- Who takes part, and what is compared -------------------------------------------------------------------- */

enum { P1, P1_1, TASKS };
static const char *const names[] = { "P1", "P1_1" };

struct self;
static void the_case(struct self *me);
static void (*const plays[])(struct self *) = { the_case };
static const int steps_of[] = { 8 };

/* What is compared of each task; of one that has ended only the first three. */
enum { STATE, NUMBERS, PARENT, NAMESPACES, MOUNT_TABLE, ROOT, CWD, FACETS };
static void look_state(int who, const char *wanted);
static void look_numbers(int who, const char *wanted);
static void look_parent(int who, const char *wanted);
static void look_namespaces(int who, const char *wanted);
static void look_mount_table(int who, const char *wanted);
static void look_root(int who, const char *wanted);
static void look_cwd(int who, const char *wanted);
static void (*const look[FACETS])(int who, const char *wanted) = {
	look_state, look_numbers, look_parent, look_namespaces, look_mount_table, look_root, look_cwd,
};

#define OLDEST 6018
#define SHOWS_PROC 0
#define SHOWS_SYSFS 0
#define EXECUTES 0
#define MOUNTS 2
#define OPTIONS

/* ---- The play ----------------------------------------------------------------------------------------------------
 * Every task runs the case from top to bottom and makes the calls that are its own. The watcher, outside of the
 * sandbox, runs it as well: it tells each task when its turn has come, compares what the call gave, and then what
 * every task can see.
 */

enum { PASSED = 0, FAILED = 1, CANNOT = 4 };	/* exit status */

enum { WATCHER = -1, NOBODY = 9999, LEVELS = 16, HANDLES = 64, SECONDS = 10 };
enum { SHARED_FD = 200, PROC_FD, EXE_FD, PROC_TREE_FD, SYSFS_TREE_FD, FIRST_FD };	/* descriptors that every task inherits */

struct self {
	int task;	/* who runs */
	int line;	/* of the call that it makes now */
	int from;	/* calls up to this line were made before it began */
	int newborn;	/* it has just begun, in the middle of the call that made it */
	int again;	/* the call has to be made once more */
	int cwd;	/* its working directory, while it is away from there */
};

static struct shared {
	int play;		/* which of the plays it is */
	int newborn;		/* who was made by the call before */
	int status;		/* what a wait told */
	char trouble[128];	/* why something beside the calls could not be done */
	struct {
		pid_t pid, tid;			/* as the watcher sees it */
		pid_t number[LEVELS];		/* in the sandbox's pid namespace, and in the ones below it */
		int table;			/* whose descriptors it uses */
		int fd[HANDLES];
	} task[TASKS];
} *shared;

/* A task's number in the pid namespace so many levels below the sandbox's own. */
static pid_t nr(int task, int level)
{
	return shared->task[task].number[level];
}

/* Descriptor of the task that runs. */
#define FD(h) (*handle(me, h))

static int *handle(struct self *me, int h)
{
	return &shared->task[shared->task[me->task].table].fd[h];
}

/* Keep a new descriptor; a result of 0 says that there is one. */
#define KEEP(h, call) opened(me, h, call)

static long opened(struct self *me, int h, long result)
{
	if (result < 0)
		return result;
	FD(h) = result;
	return 0;
}

/* Something beside the calls went wrong. */
static long trouble(const char *what)
{
	int error = errno;

	snprintf(shared->trouble, sizeof(shared->trouble), "%s: %s", what, strerror(error));
	errno = error;
	return -1;
}

/* One call: who makes it, what it gives (a negative error number where it fails). */
#define STEP(who, gives, call) do {							\
		while (my_turn(me, who, __LINE__))					\
			answer(me, (long)(call), (long)(gives));			\
		if (me->task == WATCHER) {						\
			long got_ = await(who, #who " " #call);				\
			judge(got_, (long)(gives));					\
		}									\
	} while (0)

/* What is done before the case begins, or beside its calls; it must succeed. */
#define SETUP(who, call) do {								\
		while (my_turn(me, who, __LINE__))					\
			answer(me, (long)(call), 0);					\
		if (me->task == WATCHER)						\
			prepare(who, #call);						\
	} while (0)

/* From here on a task is so, until something else is said. */
#define NOW(who, ...) do {								\
		if (me->task == WATCHER)						\
			from_now(who, (const char *[FACETS]){ __VA_ARGS__ });		\
	} while (0)

/* What is compared in the end. */
#define STILL(text) do {								\
		if (me->task == WATCHER)						\
			begin(text);							\
	} while (0)

static int my_turn(struct self *me, int who, int line)
{
	char go;

	if (me->task != who || line <= me->from)
		return 0;
	if (me->line == line)
		return me->again;
	if (read(FIRST_FD + who, &go, 1) != 1)
		_exit(1);
	me->line = line;
	return 1;
}

/* A namespace is charged until the kernel has really freed it, a moment later: so ENOSPC may be too early. */
static void answer(struct self *me, long result, long wanted)
{
	static int patience;
	long told = result == -1 ? -errno : result;

	if (me->newborn) {
		me->newborn = 0;
		return;
	}
	patience = me->again ? patience - 1 : 600;
	me->again = told == -ENOSPC && told != wanted && patience > 0;
	if (me->again)
		usleep(5000);
	else if (write(FIRST_FD + me->task, &told, sizeof(told)) < 0)
		_exit(1);
}

/* A task's part of the case; it stays until the sandbox ends. */
__attribute__((noreturn)) static void take_part(struct self *me)
{
	plays[shared->play](me);
	for (;;)
		pause();
}

/* ---- Reports -------------------------------------------------------------------------------------------------- */

static int inside;		/* this is the sandbox's first task, which is not ready yet */
static int tests;
static const char *known;	/* the bugs that the step at hand shows */
static char step[512];		/* and its text, empty when it was reported */

__attribute__((format(printf, 1, 2))) static void say(const char *format, ...)
{
	va_list rest;

	va_start(rest, format);
	vprintf(format, rest);
	va_end(rest);
	fflush(stdout);
}

/* The reports of the steps that can no more be made, and the end. */
__attribute__((noreturn)) static void leave(int status)
{
	while (status == FAILED && tests < steps_of[shared->play])
		say("ok %d # SKIP not reached\n", ++tests);
	fflush(stdout);
	_exit(status);
}

__attribute__((noreturn)) static void cannot(const char *what)
{
	if (inside) {
		long told = -errno;

		trouble(what);
		write(FIRST_FD, &told, sizeof(told));
		_exit(CANNOT);
	}
	say("1..0 # SKIP cannot run here: %s%s%s\n", what, errno ? ": " : "", errno ? strerror(errno) : "");
	_exit(CANNOT);
}

__attribute__((noreturn, format(printf, 1, 2))) static void fail(const char *format, ...)
{
	va_list rest;

	say("not ok %d - %s\n# ", ++tests, step);
	va_start(rest, format);
	vprintf(format, rest);
	va_end(rest);
	say("\n");
	leave(FAILED);
}

/* ---- Making tasks ------------------------------------------------------------------------------------------------- */

struct clone_call {
	uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls, set_tid, set_tid_size, cgroup;
};

static long clone_process(struct clone_call *args)
{
	return syscall(SYS_clone3, args, sizeof(*args));
}

/* What a new task shares with who makes it, and what it has of its own. */
static void make_ready(struct self *me, int child, int table)
{
	shared->newborn = child;
	shared->task[child].table = table;
	if (table == child)
		memcpy(shared->task[child].fd, shared->task[shared->task[me->task].table].fd,
		       sizeof(shared->task[child].fd));
}

/* A process is made by clone3, with the numbers that it shall have, the deepest level first. */
#define SPAWN(child, flags, ...) spawn(me, child, flags, NUMBERS_OF(__VA_ARGS__))

#define NUMBERS_OF(...) (pid_t[]){ 0, ##__VA_ARGS__ }, sizeof((pid_t[]){ 0, ##__VA_ARGS__ }) / sizeof(pid_t) - 1

static long spawn(struct self *me, int child, uint64_t flags, const pid_t *tids, size_t count)
{
	struct clone_call args = { .flags = flags, .set_tid_size = count };
	long result;

	args.set_tid = count ? (uintptr_t)(tids + 1) : 0;
	args.exit_signal = flags & CLONE_PARENT ? 0 : SIGCHLD;
	make_ready(me, child, child);
	result = clone_process(&args);
	if (result == 0) {
		me->task = child;
		me->newborn = 1;
	}
	return result;
}

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

/* ---- Calls on mounts ------------------------------------------------------------------------------------------------ */

static long configure(int context, const char *option, unsigned int command)
{
	if (option && syscall(SYS_fsconfig, context, FSCONFIG_SET_FLAG, option, NULL, 0) < 0)
		return -1;
	return syscall(SYS_fsconfig, context, command, NULL, NULL, 0);
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

/* The names of the sandbox's root. */
static long make_names(const char *names)
{
	int place = open("/", O_PATH);

	furnish(place, names, 0);
	close(place);
	return *shared->trouble ? -1 : 0;
}

/* ---- What can be seen of tasks, from outside ----------------------------------------------------------------------- */

static const char *is[TASKS][FACETS];	/* what is expected of each task, by facet, from the latest NOW */

/* A file of a task in proc, which is the watcher's working directory. */
static const char *proc_path(int who, const char *name)
{
	static char path[128];

	snprintf(path, sizeof(path), "%d/task/%d/%s", shared->task[who].pid, shared->task[who].tid, name);
	return path;
}

static char *text_of(const char *path)
{
	static char text[1 << 16];
	int file = open(path, O_RDONLY);
	size_t size = 0;
	ssize_t done = 0;

	while (file >= 0 && size < sizeof(text) - 1 && (done = read(file, text + size, sizeof(text) - 1 - size)) > 0)
		size += done;
	if (file >= 0)
		close(file);
	text[size] = 0;
	return text;
}

/* A line of /proc/PID/status: what follows `Name:`. */
static const char *status_field(int who, const char *name)
{
	char *line = strtok(text_of(proc_path(who, "status")), "\n");

	for (; line; line = strtok(NULL, "\n"))
		if (!strncmp(line, name, strlen(name)) && line[strlen(name)] == ':')
			return line + strlen(name) + 2;
	return "";
}

/* The numbers of a line, from the sandbox's pid namespace inwards: gives how many there are. */
static int numbers_of(int who, const char *name, pid_t *out)
{
	const char *at = strchr(status_field(who, name), '\t');
	int count = 0;
	char *end;

	for (; at && count < LEVELS; at = end) {
		long number = strtol(at, &end, 10);

		if (end == at)
			break;
		out[count++] = number;
	}
	return count;
}

/* Find out which task a call has made: the only one in proc that nobody knows. */
static void meet(int child)
{
	DIR *proc = opendir(".");
	struct dirent *process, *thread;

	while ((process = readdir(proc))) {
		char path[64];
		DIR *tasks;

		if (atoi(process->d_name) < 2)
			continue;
		snprintf(path, sizeof(path), "%d/task", atoi(process->d_name));
		tasks = opendir(path);
		while (tasks && (thread = readdir(tasks))) {
			int tid = atoi(thread->d_name), known_already = tid == 0;

			for (int i = 0; i < TASKS; i++)
				known_already |= shared->task[i].tid == tid && i != child;
			if (!known_already) {
				shared->task[child].pid = atoi(process->d_name);
				shared->task[child].tid = tid;
			}
		}
		if (tasks)
			closedir(tasks);
	}
	closedir(proc);
	numbers_of(child, "NSpid", shared->task[child].number);
}

static const char *state_of(int who)
{
	char link[64];
	const char *letter = status_field(who, "State");

	if (!*letter)
		return "gone";
	if (*letter == 'Z' || *letter == 'X')
		return "zombie";
	return readlink(proc_path(who, "ns/uts"), link, sizeof(link)) < 0 ? "leaving" : "running";
}

/* `running`, `leaving` (its namespaces are gone, it is no zombie yet), `zombie`, `gone`; or several. Death takes time. */
static void look_state(int who, const char *wanted)
{
	const char *seen = state_of(who);

	for (int patience = 5000; patience && !strstr(wanted, seen) && strcmp(wanted, "running"); patience--) {
		usleep(1000);
		seen = state_of(who);
	}
	if (!strstr(wanted, seen))
		fail("%s is %s, expected: %s", names[who], seen, wanted);
	if (strstr(seen, "gone"))
		shared->task[who].tid = 0;
}

/* Its numbers, from the sandbox's pid namespace inwards; `*` is the allocator's choice. */
static void look_numbers(int who, const char *wanted)
{
	pid_t seen[LEVELS];
	int count = numbers_of(who, "NSpid", seen), i = 0;
	char text[128], *word;

	snprintf(text, sizeof(text), "%s", wanted);
	for (word = strtok(text, " "); word; word = strtok(NULL, " "), i++) {
		pid_t right = *word == '*' ? shared->task[who].number[i] : atoi(word);

		if (i >= count || seen[i] != right)
			fail("%s has the number %d at level %d, expected %d", names[who], i < count ? seen[i] : 0, i, right);
	}
	if (i != count)
		fail("%s has %d numbers, expected %d", names[who], count, i);
}

static int who_is(const char *name)
{
	int i = 0;

	while (i < TASKS && strcmp(names[i], name))
		i++;
	return i;
}

/* Its parent, by name; the first task's is outside. */
static void look_parent(int who, const char *wanted)
{
	int seen = atoi(status_field(who, "PPid"));
	int right = strcmp(wanted, "outside") ? shared->task[who_is(wanted)].pid : getpid();

	if (seen != right)
		fail("the parent of %s is process %d, expected %s, process %d", names[who], seen, wanted, right);
}

/* ---- Names for what has no number of its own -----------------------------------------------------------------------
 * Namespaces, mounts, peer groups, file systems and files are compared up to renaming: a name stands for the same
 * thing as long as it is used, and no two names that are used at the same time for the same one. The files of a file
 * system, `in fs2:/a`, are there for as long as that is.
 */

static int round_now;	/* names are compared with those of the same round */

static struct name { char text[40]; unsigned long long real; int round; } bound[4096];
static int names_bound;

static int agrees(const char *text, unsigned long long real)
{
	struct name *found = NULL;
	int file = !strncmp(text, "in ", 3);
	size_t kind = strcspn(text, file ? ":" : "0123456789:");

	for (int i = 0; i < names_bound; i++) {
		if (!strcmp(bound[i].text, text))
			found = &bound[i];
		else if (bound[i].real == real && (file || bound[i].round == round_now) &&
			 !strncmp(bound[i].text, text, kind) &&
			 strcspn(bound[i].text, file ? ":" : "0123456789:") == kind)
			return 0;
	}
	if (!found) {
		found = &bound[names_bound++];
		snprintf(found->text, sizeof(found->text), "%s", text);
		found->real = real;
	}
	found->round = round_now;
	return found->real == real;
}

/* Its namespaces: `mnt=mnt:1 pid_for_children=pid:2`; a link that cannot be followed is `-`. */
static void look_namespaces(int who, const char *wanted)
{
	char text[512], *at = text, *word;

	snprintf(text, sizeof(text), "%s", wanted);
	while ((word = strsep(&at, " "))) {
		char *name = strchr(word, '='), link[40];
		struct stat seen;

		*name++ = 0;
		snprintf(link, sizeof(link), "ns/%s", word);
		if (stat(proc_path(who, link), &seen) < 0) {
			if (strcmp(name, "-"))
				fail("%s has no %s, expected %s", names[who], link, name);
		} else if (!strcmp(name, "-") || !agrees(name, seen.st_ino)) {
			fail("%s of %s is another namespace (%s[%llu]), expected %s", link, names[who], word,
			     (unsigned long long)seen.st_ino, name);
		}
	}
}

/* Compare everything that is expected of every task. */
static void look_around(void)
{
	round_now++;
	for (int who = 0; who < TASKS; who++) {
		for (int i = 0; i < FACETS; i++) {
			int alive = is[who][STATE] && !strcmp(is[who][STATE], "running");
			int dead = is[who][STATE] && strstr(is[who][STATE], "gone");

			if (is[who][i] && (i == STATE || alive || (i <= PARENT && !dead)))
				look[i](who, is[who][i]);
		}
	}
}

/* ---- The watcher -------------------------------------------------------------------------------------------------- */

static int line_fd[TASKS];

/* Report the step before: what it gave was right, now everything that can be seen is compared. */
static void finish(void)
{
	if (!*step)
		return;
	look_around();
	if (known)
		say("not ok %d - %s # TODO %s\n", ++tests, step, known);
	else
		say("ok %d - %s\n", ++tests, step);
	known = NULL;
	*step = 0;
}

static void begin(const char *text)
{
	finish();
	snprintf(step, sizeof(step), "%s", text);
}

static void give_turn(int who)
{
	if (write(line_fd[who], "g", 1) != 1)
		fail("task %s cannot be reached", names[who]);
}

static long hear(int who)
{
	struct pollfd poll_fd = { .fd = line_fd[who], .events = POLLIN };
	long told;

	if (poll(&poll_fd, 1, SECONDS * 1000) != 1 || read(line_fd[who], &told, sizeof(told)) != sizeof(told))
		fail("no answer from %s within %d seconds: it hangs, or it died", names[who], SECONDS);
	if (shared->newborn >= 0 && told >= 0)
		meet(shared->newborn);
	shared->newborn = -1;
	return told;
}

static long await(int who, const char *text)
{
	begin(text);
	give_turn(who);
	return hear(who);
}

static const char *shown(long result)
{
	static char room[2][48];
	static int turn;
	char *text = room[turn ^= 1];

	if (result < 0)
		snprintf(text, sizeof(room[0]), "%s (%s)", strerrorname_np(-result), strerror(-result));
	else
		snprintf(text, sizeof(room[0]), "%ld", result);
	return text;
}

static void judge(long got, long wanted)
{
	size_t used = strlen(step);

	snprintf(step + used, sizeof(step) - used, " = %s", wanted < 0 ? strerrorname_np(-wanted) : shown(wanted));
	if (got != wanted) {
		const char *is = shown(got);

		fail("expected %s, got %s", shown(wanted), is);
	}
	if (*shared->trouble)
		fail("%s", shared->trouble);
}

static void prepare(int who, const char *text)
{
	long got;

	give_turn(who);
	got = hear(who);
	if (got < 0) {
		errno = -got;
		cannot(*shared->trouble ? shared->trouble : text);
	}
}

static void from_now(int who, const char *const *said)
{
	for (int i = 0; i < FACETS; i++)
		if (said[i])
			is[who][i] = said[i];
}

/* ---- What can be seen of mounts, from outside ---------------------------------------------------------------------- */

struct row {
	char id[24], parent[24], fs[40], root[128], point[128], options[128], shared[24], master[24], super[8];
	int unbindable, taken;
};

static void copy_word(char *to, size_t size, const char *from)
{
	snprintf(to, size, "%s", from ? from : "");
}

/* A line of mountinfo (proc_pid_mountinfo(5)). */
static void parse(char *line, struct row *row)
{
	char *word, *at = line;

	memset(row, 0, sizeof(*row));
	copy_word(row->id, sizeof(row->id), strsep(&at, " "));
	copy_word(row->parent, sizeof(row->parent), strsep(&at, " "));
	copy_word(row->fs, sizeof(row->fs), strsep(&at, " "));
	copy_word(row->root, sizeof(row->root), strsep(&at, " "));
	copy_word(row->point, sizeof(row->point), strsep(&at, " "));
	copy_word(row->options, sizeof(row->options), strsep(&at, " "));
	while ((word = strsep(&at, " ")) && strcmp(word, "-")) {
		if (!strncmp(word, "shared:", 7))
			copy_word(row->shared, sizeof(row->shared), word + 7);
		else if (!strncmp(word, "master:", 7))
			copy_word(row->master, sizeof(row->master), word + 7);
		else if (!strcmp(word, "unbindable"))
			row->unbindable = 1;
	}
	word = at ? strrchr(at, ' ') : NULL;
	copy_word(row->super, sizeof(row->super), word ? word + 1 : at);
	row->super[strcspn(row->super, ",")] = 0;
}

static int has_option(const char *options, const char *option)
{
	char padded[136], wanted[32];

	snprintf(padded, sizeof(padded), ",%s,", options);
	snprintf(wanted, sizeof(wanted), ",%s,", option);
	return strstr(padded, wanted) != NULL;
}

/* Of the attributes of mounts the case tells some apart. */
static int same_options(const char *seen, const char *wanted)
{
	static const char *const told[] = { OPTIONS NULL };

	for (int i = 0; told[i] && strcmp(wanted, "?"); i++)
		if (has_option(seen, told[i]) != has_option(wanted, told[i]))
			return 0;
	return 1;
}

/* The names of an expected line stand for the numbers of one that is there. */
static int same_row(const struct row *wanted, const struct row *seen)
{
	char name[32];
	int major = 0, minor = 0, file = !strncmp(wanted->root, "file:", 5);

	if (file ? !strchr(seen->root, '[') : strcmp(wanted->root, "?") && strcmp(wanted->root, seen->root))
		return 0;
	if (strcmp(wanted->point, seen->point) || !agrees(wanted->parent, atoi(seen->parent)))
		return 0;
	if (wanted->unbindable != seen->unbindable || !same_options(seen->options, wanted->options))
		return 0;
	if (strcmp(wanted->super, "-") && strcmp(wanted->super, seen->super))
		return 0;
	if (!*wanted->shared != !*seen->shared || !*wanted->master != !*seen->master)
		return 0;
	if (!agrees(wanted->id, atoi(seen->id)))
		return 0;
	sscanf(seen->fs, "%d:%d", &major, &minor);
	if (!agrees(wanted->fs, (unsigned long long)major << 32 | minor))
		return 0;
	if (file && !agrees(wanted->root + 5, strtoull(strchr(seen->root, '[') + 1, NULL, 10)))
		return 0;
	if (*wanted->shared) {
		snprintf(name, sizeof(name), "group%s", wanted->shared);
		if (!agrees(name, atoi(seen->shared)))
			return 0;
	}
	if (*wanted->master) {
		snprintf(name, sizeof(name), "group%s", wanted->master);
		if (!agrees(name, atoi(seen->master)))
			return 0;
	}
	return 1;
}

static unsigned long long real_of(const char *text)
{
	for (int i = 0; i < names_bound; i++)
		if (!strcmp(bound[i].text, text))
			return bound[i].real;
	return 0;
}

/* A mount is found by the one that it is on, and by its place there; of the first ones of a table none is seen. */
static int is_on(const char *wanted, const struct row *row, const struct row *rows, int count)
{
	if (real_of(wanted))
		return (int)real_of(wanted) == atoi(row->parent);
	for (int i = 0; i < count; i++)
		if (&rows[i] != row && !strcmp(rows[i].id, row->parent))
			return 0;
	return 1;
}

/* Its mount table, a line of mountinfo each: id, parent, file system, root, mountpoint, options, propagation, -, ro or rw
 * of the file system. Ids, file systems and peer groups are names. `as P1` is the same table as that task's.
 */
static void look_mount_table(int who, const char *wanted)
{
	static struct row seen[MOUNTS + 64];
	char text[1 << 14], *at = text, *line, table[1 << 14];
	int count = 0, same = 1;

	if (!strcmp(wanted, "?"))
		return;
	if (!strncmp(wanted, "as ", 3))
		wanted = is[who_is(wanted + 3)][MOUNT_TABLE];
	copy_word(table, sizeof(table), text_of(proc_path(who, "mountinfo")));
	copy_word(text, sizeof(text), table);
	while ((line = strsep(&at, "\n")) && count < MOUNTS + 64)
		if (*line)
			parse(line, &seen[count++]);
	copy_word(text, sizeof(text), wanted);
	at = text;
	while (same && (line = strsep(&at, "\n"))) {
		struct row row;

		if (!*line)
			continue;
		parse(line, &row);
		same = 0;
		for (int i = 0; i < count && !same; i++) {
			if (is_on(row.parent, &seen[i], seen, count) && !seen[i].taken && !strcmp(seen[i].point, row.point) &&
			    (!real_of(row.id) || (int)real_of(row.id) == atoi(seen[i].id)))
				seen[i].taken = same = same_row(&row, &seen[i]);
		}
		if (!same) {
			copy_word(text, sizeof(text), wanted);
			fail("mounts of %s: no line for `%s %s`\n# mountinfo:\n%s# expected:\n%s", names[who], row.id,
			     row.point, table, wanted);
		}
	}
	for (int i = 0; i < count; i++)
		if (!seen[i].taken)
			fail("mounts of %s: nothing is expected at %s\n# mountinfo:\n%s# expected:\n%s", names[who],
			     seen[i].point, table, wanted);
}

/* Where a link leads: `m2 fs2:/a` is a mount and a file, or a mount alone. */
static void look_place(int who, const char *wanted, const char *link)
{
	char mount[40], file[40] = "";
	struct statx seen;

	/* A name in a file system is told with the word `in`, to tell it from the file system itself. */
	sscanf(wanted, "%39s %36s", mount, file + 3);
	if (file[3])
		memcpy(file, "in ", 3);
	if (statx(AT_FDCWD, proc_path(who, link), 0, STATX_INO | STATX_MNT_ID, &seen) < 0)
		fail("%s of %s: %s", link, names[who], strerror(errno));
	if (!agrees(mount, seen.stx_mnt_id))
		fail("%s of %s is in mount %llu, expected %s", link, names[who], (unsigned long long)seen.stx_mnt_id, mount);
	if (*file && !agrees(file, (unsigned long long)seen.stx_dev_minor << 40 | seen.stx_ino))
		fail("%s of %s is file %llu, expected %s", link, names[who], (unsigned long long)seen.stx_ino, file);
}

/* The files of the sandbox's root, by their names in the beginning, as make_names has them. */
#define NAMES(who, fs, names) do {							\
		const char *all_ = names;						\
											\
		if (me->task == WATCHER)						\
			learn(fs, proc_path(who, "root/."), "", &all_);			\
	} while (0)

static void learn(const char *fs, const char *root, const char *folder, const char **at)
{
	char path[256], file[40], here[256];
	struct statx seen;

	snprintf(here, sizeof(here), "%s", root);
	snprintf(path, sizeof(path), "%s%s", here, folder);
	if (statx(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, STATX_INO, &seen) < 0)
		fail("%s: %s", path, strerror(errno));
	snprintf(file, sizeof(file), "in %s:%.24s", fs, *folder ? folder : "/");
	agrees(file, (unsigned long long)seen.stx_dev_minor << 40 | seen.stx_ino);
	while (**at && **at != ')') {
		char name[24];

		snprintf(name, sizeof(name), "%.20s/%c", folder, *(*at)++);
		if (**at == '!' || **at == '@')
			++*at;
		if (**at == '(') {
			++*at;
			learn(fs, here, name, at);
			++*at;
		} else {
			learn(fs, here, name, &(const char *){ "" });
		}
	}
}

static void look_root(int who, const char *wanted)
{
	look_place(who, wanted, "root");
}

static void look_cwd(int who, const char *wanted)
{
	look_place(who, wanted, "cwd");
}

/* Where a new descriptor of a task leads. */
#define OPENED(who, h, wanted) do {							\
		if (me->task == WATCHER)						\
			look_opened(who, h, wanted);					\
	} while (0)

static void look_opened(int who, int h, const char *wanted)
{
	char link[24];

	round_now++;
	snprintf(link, sizeof(link), "fd/%d", shared->task[shared->task[who].table].fd[h]);
	look_place(who, wanted, link);
}

/* Where a path of a task leads. */
#define FINDS(who, wanted, call) do {							\
		while (my_turn(me, who, __LINE__))					\
			answer(me, opened(me, HANDLES - 1, call), 0);			\
		if (me->task == WATCHER)						\
			look_found(who, wanted, #call);					\
	} while (0)

static void look_found(int who, const char *wanted, const char *text)
{
	long got;

	give_turn(who);
	got = hear(who);
	if (got < 0)
		fail("%s %s: %s", names[who], text, strerror(-got));
	look_opened(who, HANDLES - 1, wanted);
}

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

/* ---- The case ------------------------------------------------------------------------------------------------ */

static void the_case(struct self *me)
{
	SETUP(P1, make_names("abc"));
	NAMES(P1, "fs2", "abc");
	NOW(P1, [STATE] = "running", [NUMBERS] = "1", [PARENT] = "outside", [NAMESPACES] = "mnt=mnt:1 user=user:1",
	    [ROOT] = "m2 fs2:/", [CWD] = "m2 fs2:/", [MOUNT_TABLE] = "m2 m1 fs2 / / - - rw\n");

	/* before  P1 mount_new(root=fs3:/, at=1:/a) = 0 */
	STEP(P1, 0, mount("new", "/a", "mqueue", 0, NULL));
	NOW(P1, [MOUNT_TABLE] =
		"m2 m1 fs2 / / - - rw\n"
		"m3 m2 fs3 / /a - - rw\n");

	/* before  P1 mount_change_type(target=1:/a, to=SHARED, rec=no) = 0 */
	STEP(P1, 0, mount("none", "/a", NULL, MS_SHARED, NULL));
	NOW(P1, [MOUNT_TABLE] =
		"m2 m1 fs2 / / - - rw\n"
		"m3 m2 fs3 / /a - shared:1 - rw\n");

	/* before  P1 open_path(at=1:/a, opath=yes, write=no) = 0 */
	STEP(P1, 0, KEEP(0, open("/a", O_PATH)));
	OPENED(P1, 0, "m3 fs3:/");

	/* before  P1 clone3(newns|newuser) = 1002 */
	STEP(P1, nr(P1_1, 0), SPAWN(P1_1, CLONE_NEWNS | CLONE_NEWUSER));
	NOW(P1_1, [STATE] = "running", [NUMBERS] = "*", [PARENT] = "P1", [NAMESPACES] = "mnt=mnt:2 user=user:2",
	    [ROOT] = "m5 fs2:/", [CWD] = "m5 fs2:/", [MOUNT_TABLE] =
		"m5 m4 fs2 / / - - rw\n"
		"m6 m5 fs3 / /a - master:1 - rw\n");

	/* 1  P1 umount2(at=1:/, detach) = 0 */
	STEP(P1, 0, umount2("/", MNT_DETACH));
	NOW(P1, [MOUNT_TABLE] = "");
	NOW(P1_1, [MOUNT_TABLE] =
		"m5 m4 fs2 / / - - rw\n"
		"m6 m5 fs3 / /a - - rw\n");

	/* 2  P1.1 mount_bind(source=~2:/, at=2:/, rec=no) = EINVAL: the source is not in the caller's mount
	 * namespace, nor in a tree copied from there */
	STEP(P1_1, -EINVAL, FROM_PROC(mount(AT(0, ""), "/", NULL, MS_BIND, NULL)));

	/* What is mounted nowhere, and can be reached all the same. */
	STILL("what is mounted nowhere");
	FINDS(P1, "m2 fs2:/", open("/", O_PATH));
	FINDS(P1, "m3 fs3:/", FROM_PROC(open(AT(0, ""), O_PATH)));
	FINDS(P1_1, "m3 fs3:/", FROM_PROC(open(AT(0, ""), O_PATH)));
}

int main(void)
{
	get_ready();
	return run(0);
}
