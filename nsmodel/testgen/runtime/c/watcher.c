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

static void send_off(int who, const char *text)
{
	begin(text);
	give_turn(who);
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

/* What a wait told of how the child ended. */
#define STATUS(wanted) do {								\
		if (me->task == WATCHER && shared->status != (wanted))			\
			fail("expected status %#x, got %#x", wanted, shared->status);	\
	} while (0)

static void from_now(int who, const char *const *said)
{
	for (int i = 0; i < FACETS; i++)
		if (said[i])
			is[who][i] = said[i];
}
