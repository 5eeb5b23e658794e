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
