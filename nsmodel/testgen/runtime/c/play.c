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

/* The same, when the task does not come back from it. */
#define LAST(who, call) do {								\
		if (my_turn(me, who, __LINE__))						\
			answer(me, (long)(call), 0);					\
		if (me->task == WATCHER)						\
			send_off(who, #who " " #call);					\
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

/* On the release whose deviation is told here, the step before goes wrong: it is reported as a known failure. */
#define KNOWN(bugs) do {								\
		if (me->task == WATCHER)						\
			known = bugs;							\
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
