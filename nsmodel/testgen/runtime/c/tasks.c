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

/* A thread begins on a stack of its own, at the first call that comes after its making. */
static char stacks[TASKS][64 * 1024] __attribute__((aligned(16)));
static struct self threads[TASKS];

#define SPAWN_THREAD(child, flags, ...) spawn_thread(me, child, flags, NUMBERS_OF(__VA_ARGS__))

static long spawn_thread(struct self *me, int child, uint64_t flags, const pid_t *tids, size_t count)
{
	struct clone_call args = {
		.flags = flags, .stack = (uintptr_t)stacks[child], .stack_size = sizeof(stacks[child]), .set_tid_size = count,
	};
	long result;

#ifndef __x86_64__
#error "how a thread begins on its stack is told for x86_64 only"
#endif
	register void (*run)(struct self *) __asm__("r12") = take_part;
	register struct self *who __asm__("r13") = &threads[child];

	args.set_tid = count ? (uintptr_t)(tids + 1) : 0;
	make_ready(me, child, shared->task[me->task].table);
	threads[child] = (struct self){ .task = child, .from = me->line };
	__asm__ volatile("syscall\n\t"
			 "test %%rax, %%rax\n\t"
			 "jnz 1f\n\t"
			 "mov %%r13, %%rdi\n\t"
			 "call *%%r12\n"
			 "1:"
			 : "=a"(result)
			 : "a"(SYS_clone3), "D"(&args), "S"(sizeof(args)), "r"(run), "r"(who)
			 : "rcx", "r11", "memory");
	if (result >= 0)
		return result;
	errno = -result;
	return -1;
}

/* ---- Calls on tasks ----------------------------------------------------------------------------------------------- */

static void handled(int signal)
{
	(void)signal;
}

static long on_sigterm(void (*how)(int))
{
	struct sigaction action = { .sa_handler = how, .sa_flags = SA_RESTART };

	return sigaction(SIGTERM, &action, NULL);
}

static long wait_for(pid_t pid)
{
	return wait4(pid, &shared->status, WNOHANG, NULL);
}

static long wait_id(int type, pid_t id, int options)
{
	siginfo_t info;

	return syscall(SYS_waitid, type, id, &info, options, NULL);
}

#define CLOSE(h) close_fd(&FD(h))

static long close_fd(int *h)
{
	long result = close(*h);

	*h = -1;
	return result;
}

/* Who owns the namespace of a file. */
static long owner_uid(int file)
{
	uid_t uid;

	return ioctl(file, NS_GET_OWNER_UID, &uid) < 0 ? -1 : (long)uid;
}

/* A file of a task in the sandbox's proc, which is mounted nowhere. */
static long open_proc(int task, const char *name, int how)
{
	char path[64];

	snprintf(path, sizeof(path), "%d/%s", nr(task, 0), name);
	return openat(PROC_FD, path, how);
}

static long write_text(long file, const char *text)
{
	long done = file < 0 ? -1 : write(file, text, strlen(text));
	int error = errno;

	if (file >= 0)
		close(file);
	errno = error;
	return done < 0 ? -1 : 0;
}

static long set_limit(const char *file, const char *limit)
{
	return write_text(openat(PROC_FD, file, O_WRONLY), limit);
}
