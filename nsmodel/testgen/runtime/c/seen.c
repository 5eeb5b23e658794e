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

/* A process group or session: at each level the task whose number is its name, `0` where it has none. */
static void look_named(int who, const char *wanted, const char *line)
{
	pid_t seen[LEVELS];
	int count = numbers_of(who, line, seen), i = 0;
	char text[256], *word;

	snprintf(text, sizeof(text), "%s", wanted);
	for (word = strtok(text, " "); word; word = strtok(NULL, " "), i++) {
		pid_t right = strcmp(word, "0") ? nr(who_is(word), i) : 0;

		if (i >= count || seen[i] != right)
			fail("%s of %s is %d at level %d, expected that of %s, %d", line, names[who],
			     i < count ? seen[i] : 0, i, word, right);
	}
}

static void look_group(int who, const char *wanted)
{
	look_named(who, wanted, "NSpgid");
}

static void look_session(int who, const char *wanted)
{
	look_named(who, wanted, "NSsid");
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

/* A line of /proc/PID/status, word by word: `Uid 0 0 0 0`, and so on, one a line. */
static void look_status(int who, const char *wanted)
{
	char text[512], *at = text, *line;

	snprintf(text, sizeof(text), "%s", wanted);
	while ((line = strsep(&at, "\n"))) {
		char *rest = line, seen[256] = "";

		strsep(&rest, " ");
		for (char *word = strtok((char *)status_field(who, line), "\t "); word; word = strtok(NULL, "\t ")) {
			if (!strncmp(line, "Cap", 3)) {
				snprintf(seen, sizeof(seen), " %llx", strtoull(word, NULL, 16) & ALL_CAPABILITIES);
			} else {
				size_t used = strlen(seen);
				char *last = strrchr(seen, ' ');

				/* A group may be listed twice. */
				if (strcmp(line, "Groups") || !last || strcmp(last + 1, word))
					snprintf(seen + used, sizeof(seen) - used, " %s", word);
			}
		}
		if (strcmp(*seen ? seen + 1 : seen, rest ? rest : ""))
			fail("%s of %s:%s, expected %s", line, names[who], seen, rest ? rest : "none");
	}
}

/* Whose the files of /proc/PID are: the effective user's, or root's if the task is not dumpable. */
static void look_owner(int who, const char *wanted)
{
	struct stat seen;

	if (stat(proc_path(who, "status"), &seen) < 0 || seen.st_uid != (uid_t)atoi(wanted))
		fail("/proc files of %s belong to user %d, expected %s", names[who], (int)seen.st_uid, wanted);
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The id maps of its user namespace: `uid_map 0 0 1`, a line each, and whether setgroups is allowed. */
static void look_maps(int who, const char *wanted)
{
	static const char *const files[] = { "uid_map", "gid_map", "projid_map", "setgroups" };
	char seen[1024] = "";

	for (int i = 0; i < 4; i++) {
		char *lines[16], *at = text_of(proc_path(who, files[i]));
		size_t count = 0;

		for (char *line = strtok(at, "\n"); line && count < 16; line = strtok(NULL, "\n"))
			lines[count++] = line;
		qsort(lines, count, sizeof(*lines), by_text);
		for (size_t j = 0; j < count; j++) {
			size_t used = strlen(seen);
			unsigned int first, lower, length;

			if (sscanf(lines[j], "%u %u %u", &first, &lower, &length) == 3)
				snprintf(seen + used, sizeof(seen) - used, "%s %u %u %u\n", files[i], first, lower, length);
			else
				snprintf(seen + used, sizeof(seen) - used, "%s %s\n", files[i], lines[j]);
		}
	}
	if (strcmp(seen, wanted))
		fail("maps of %s's user namespace:\n%s# expected:\n%s", names[who], seen, wanted);
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
