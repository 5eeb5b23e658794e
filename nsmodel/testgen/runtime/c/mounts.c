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

/* Which namespace a new descriptor of a task is of. */
#define OPENED_NS(who, h, wanted) do {							\
		if (me->task == WATCHER)						\
			look_file(who, h, wanted);					\
	} while (0)

static void look_file(int who, int h, const char *wanted)
{
	char link[24];
	struct stat seen;

	round_now++;
	snprintf(link, sizeof(link), "fd/%d", shared->task[shared->task[who].table].fd[h]);
	if (stat(proc_path(who, link), &seen) < 0 || !agrees(wanted, seen.st_ino))
		fail("the descriptor is of another namespace (%llu), expected %s", (unsigned long long)seen.st_ino, wanted);
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
