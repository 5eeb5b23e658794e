/* Calls on mounts. A path is a word:
 *
 *   /a/b  from the task's root; `/..` goes over to what is mounted on the root itself
 *   ./a   from its working directory, `.` is that itself
 *   @H/a  from the descriptor that handle H stands for
 *   %P    P in the sandbox's /proc, which is mounted nowhere
 *   =T    the text T, no path                              -  a null pointer
 *
 * Calls that take a text alone reach `@` and `%` from a working directory in /proc, from where `thread-self/fd/N` leads
 * on; the task's own is kept in a descriptor meanwhile, so that its mount stays as much in use as before.
 */
enum { PROC = 90, TREES = 92, EXTRAS = 64, LINE = 2048 };

static int handle[64];
static uint64_t bottom;
/* Device of the machine's own root file system, at the bottom of every mount namespace: nothing may be made in it. */

struct paths {
  char *text[2];
  char room[2][LINE + 64];
  long cwd;
};
static long enter(struct paths *p, int count) {
  int away = 0;
  p->cwd = -1;
  for (int i = 0; i < count; i++) away |= *p->text[i] == '@' || *p->text[i] == '%';
  if (away) {
    p->cwd = SYS(open, ".", O_PATH);
    if (p->cwd < 0) return p->cwd;
    long result = SYS(fchdir, PROC);
    if (result < 0) { SYS(close, p->cwd); p->cwd = -1; return result; }
  }
  for (int i = 0; i < count; i++) {
    char *from = p->text[i], *to = p->room[i];
    if (*from == '-') p->text[i] = 0;
    else if (*from == '=' || *from == '%') p->text[i] = from + 1;
    else if (*from == '@' || (away && *from == '.')) {
      long fd = p->cwd;
      from++;
      if (from[-1] == '@') fd = handle[number(&from)];
      put_text(put(put_text(to, "thread-self/fd/"), fd), from);
      p->text[i] = to;
    }
  }
  return 0;
}
static void leave(struct paths *p, int back) {
  if (p->cwd < 0) return;
  if (back) SYS(fchdir, p->cwd);
  SYS(close, p->cwd);
}

/* The names of a file system, `a(bc!)d`: a letter is a directory, with what it holds in brackets, `!` a file,
 * `@` a symbolic link that leads nowhere. */
static long grow(long folder, char **at, uint64_t *inodes, int *count) {
  while (**at && **at != ')') {
    char name[2] = {*(*at)++, 0};
    struct found found;
    long result, fd;
    if (**at == '!') {
      ++*at;
      fd = SYS(openat, folder, name, O_CREAT | O_EXCL, 0666);
    } else if (**at == '@') {
      ++*at;
      result = SYS(symlinkat, "nowhere", folder, name);
      if (result < 0) return result;
      fd = SYS(openat, folder, name, O_PATH | O_NOFOLLOW);
    } else {
      result = SYS(mkdirat, folder, name, 0777);
      if (result < 0) return result;
      fd = SYS(openat, folder, name, O_PATH);
    }
    if (fd < 0) return fd;
    look(fd, &found);
    if (*count < EXTRAS - 4) inodes[(*count)++] = found.inode;
    result = 0;
    if (**at == '(') {
      ++*at;
      result = grow(fd, at, inodes, count);
      ++*at;
    }
    SYS(close, fd);
    if (result < 0) return result;
  }
  return 0;
}
/* A directory as the top of what is mounted on it: from a root there, `..` stays and goes over to what covers it. */
static long open_top(long place) {
  long root = SYS(open, "/", O_PATH), cwd = SYS(open, ".", O_PATH), top;
  if ((top = SYS(fchdir, place)) >= 0 && (top = SYS(chroot, ".")) >= 0) {
    top = SYS(open, "/..", O_PATH | O_DIRECTORY);
    SYS(fchdir, root);
    SYS(chroot, ".");
  }
  SYS(fchdir, cwd);
  SYS(close, root); SYS(close, cwd);
  return top;
}
struct attributes { uint64_t set, clear, propagation, userns; };
enum { READ_ONLY_MOUNT = 1, READ_ONLY_SUPERBLOCK = 2 };
static long reconfigure(long top, const char *how) {
  long fd = SYS(fspick, top, "", 8);
  if (fd < 0) return fd;
  long result = SYS(fsconfig, fd, 0, how, 0, 0);
  if (result >= 0) result = SYS(fsconfig, fd, 7, 0, 0, 0);
  SYS(close, fd);
  return result;
}
/* Make the names in a new file system, which may have been mounted read-only. Gives the numbers of its files. */
static long populate(long top, char *names, long how, uint64_t *inodes, int *count) {
  struct attributes writable = {0, 1, 0, 0}, read_only = {1, 0, 0, 0};
  struct found found;
  long result = look(top, &found);
  if (result < 0) return result;
  if (found.device == bottom) return -1;
  inodes[(*count)++] = found.inode;
  if (*names == '-') return 0;
  if (how & READ_ONLY_MOUNT) SYS(mount_setattr, top, "", AT_EMPTY_PATH, &writable, sizeof writable);
  if (how & READ_ONLY_SUPERBLOCK) result = reconfigure(top, "rw");
  if (result >= 0) result = SYS(fchmodat, top, ".", 0777);
  if (result >= 0) result = grow(top, &names, inodes, count);
  if (how & READ_ONLY_SUPERBLOCK) reconfigure(top, "ro");
  if (how & READ_ONLY_MOUNT) SYS(mount_setattr, top, "", AT_EMPTY_PATH, &read_only, sizeof read_only);
  return result;
}

/* The same on top of a place: how many numbers there are, or one error. */
static int made_names(long place, char *names, long how, uint64_t *inodes) {
  int count = 0;
  long top = open_top(place), result = top < 0 ? top : populate(top, names, how, inodes, &count);
  SYS(close, top);
  if (result < 0) { inodes[0] = (uint64_t)result; count = 1; }
  return count;
}

static long opened(int h, long fd, uint64_t *extra, int *extras) {
  struct found found;
  if (fd < 0) return fd;
  handle[h] = (int)fd;
  if (look(fd, &found) >= 0) { extra[0] = found.mount; extra[1] = found.inode; *extras = 2; }
  return 0;
}
/* The directory that a name is in, opened before the name goes: the path to it may lead over the name itself. */
static long folder_of(char *path, const char **name) {
  char *cut = path, kept;
  for (char *q = path; *q; q++) if (*q == '/') cut = q + 1;
  kept = *cut;
  *cut = 0;
  long fd = SYS(open, cut == path ? "." : path, O_PATH | O_DIRECTORY);
  *cut = kept;
  *name = cut;
  return fd;
}
/* A name that a call took away is there again at once. */
static long again(long folder, const char *name, int directory) {
  struct found found;
  long fd = directory ? SYS(mkdirat, folder, name, 0777) : SYS(openat, folder, name, O_CREAT | O_EXCL, 0666);
  if (directory && fd >= 0) fd = SYS(openat, folder, name, O_PATH);
  if (fd < 0) return fd;
  look(fd, &found);
  SYS(close, fd);
  return (long)found.inode;
}
/* One call on mounts: the second letter of its command says which. */
static long mount_call(char *at, uint64_t *extra, int *extras) {
  struct paths p;
  struct attributes attributes;
  long result = -38, a, b, c, fd;
  char op = *at++, *text, *names, *option, kept[64];
  const char *name;
  int h = 0, back = 1;
  memset(&p, 0, sizeof p);
  p.cwd = -1;
  switch (op) {
  case 'm': /* mount SOURCE TARGET TYPE[,OPTION] FLAGS; NAMES HOW of a new file system, whose place is kept: copies that the call
               makes elsewhere may cover the path to it */
    p.text[0] = word(&at); p.text[1] = word(&at); text = word(&at); a = number(&at);
    if ((result = enter(&p, 2)) < 0) break;
    names = word(&at);
    fd = *names ? SYS(open, p.text[1], O_PATH) : -1;
    for (option = text; *option && *option != ','; option++) {}
    if (*option) *option++ = 0;
    result = SYS(mount, p.text[0], p.text[1], *text == '-' ? 0 : text, a, *option ? option : 0);
    if (result >= 0 && *names) *extras = made_names(fd, names, number(&at), extra);
    SYS(close, fd);
    break;
  case 'u': /* umount2 TARGET FLAGS */
    p.text[0] = word(&at);
    if ((result = enter(&p, 1)) < 0) break;
    result = SYS(umount2, p.text[0], number(&at));
    break;
  case 'o': /* openat into handle: H PATH FLAGS */
    h = (int)number(&at); p.text[0] = word(&at);
    if ((result = enter(&p, 1)) < 0) break;
    result = opened(h, SYS(open, p.text[0], number(&at), 0), extra, extras);
    break;
  case 'f': /* fchdir H */
    result = SYS(fchdir, handle[number(&at)]);
    break;
  case 'd': /* chdir PATH */
    p.text[0] = word(&at);
    if ((result = enter(&p, 1)) < 0) break;
    result = SYS(chdir, p.text[0]);
    back = result < 0;
    break;
  case 'r': /* chroot PATH */
    p.text[0] = word(&at);
    if ((result = enter(&p, 1)) < 0) break;
    result = SYS(chroot, p.text[0]);
    break;
  case 'p': /* pivot_root NEW OLD, FOLLOW: the working directory is the root, and moves with it */
    p.text[0] = word(&at); p.text[1] = word(&at);
    if ((result = enter(&p, 2)) < 0) break;
    result = SYS(pivot_root, p.text[0], p.text[1]);
    if (result >= 0 && number(&at) && p.cwd >= 0) { SYS(chdir, "/"); back = 0; }
    break;
  case 't': /* open_tree: H PATH FLAGS */
    h = (int)number(&at); p.text[0] = word(&at);
    if ((result = enter(&p, 1)) < 0) break;
    result = opened(h, SYS(open_tree, AT_FDCWD, p.text[0], number(&at)), extra, extras);
    break;
  case 'v': /* move_mount FROM TO FLAGS */
    p.text[0] = word(&at); p.text[1] = word(&at);
    if ((result = enter(&p, 2)) < 0) break;
    result = SYS(move_mount, AT_FDCWD, p.text[0], AT_FDCWD, p.text[1], number(&at));
    break;
  case 'a': /* mount_setattr PATH FLAGS SET CLEAR PROPAGATION */
    p.text[0] = word(&at);
    if ((result = enter(&p, 1)) < 0) break;
    a = number(&at);
    attributes.set = (uint64_t)number(&at); attributes.clear = (uint64_t)number(&at);
    attributes.propagation = (uint64_t)number(&at); attributes.userns = 0;
    result = SYS(mount_setattr, AT_FDCWD, p.text[0], a, &attributes, sizeof attributes);
    break;
  case 's': /* fsopen: H TYPE */
    h = (int)number(&at);
    result = SYS(fsopen, word(&at), 0);
    if (result >= 0) { handle[h] = (int)result; result = 0; }
    break;
  case 'g': /* fsconfig: H OPTION or -, COMMAND */
    h = (int)number(&at); text = word(&at);
    result = *text == '-' ? 0 : SYS(fsconfig, handle[h], 0, text, 0, 0);
    if (result >= 0) result = SYS(fsconfig, handle[h], number(&at), 0, 0, 0);
    break;
  case 'F': /* fsmount: H CONTEXT ATTRIBUTES, then as for a new mount: NAMES HOW */
    h = (int)number(&at); a = number(&at); b = number(&at); text = word(&at); c = number(&at);
    fd = SYS(fsmount, handle[a], 0, b);
    result = opened(h, fd, extra, extras);
    if (result < 0 || *text == '-') break;
    *extras = 2 + made_names(fd, text, c, extra + 2);
    break;
  case 'k': /* fspick: H PATH */
    h = (int)number(&at); p.text[0] = word(&at);
    if ((result = enter(&p, 1)) < 0) break;
    result = SYS(fspick, AT_FDCWD, p.text[0], 0);
    if (result >= 0) { handle[h] = (int)result; result = 0; }
    break;
  case 'P': /* the sandbox's own proc (0) or sysfs (1), mounted on PATH */
    fd = TREES + number(&at); p.text[0] = word(&at);
    result = SYS(move_mount, fd, "", AT_FDCWD, p.text[0], 4);
    SYS(close, fd);
    break;
  case 'N': /* make NAMES in the root directory */
    fd = SYS(open, "/", O_PATH);
    *extras = made_names(fd, word(&at), 0, extra);
    SYS(close, fd);
    result = 0;
    break;
  case 'x': /* rmdir PATH */
  case 'X': /* unlink PATH */
    p.text[0] = word(&at);
    if ((result = enter(&p, 1)) < 0) break;
    fd = folder_of(p.text[0], &name);
    result = op == 'x' ? SYS(rmdir, p.text[0]) : SYS(unlink, p.text[0]);
    if (result >= 0) { extra[0] = (uint64_t)again(fd, name, op == 'x'); *extras = 1; }
    SYS(close, fd);
    break;
  case 'R': /* rename PATH OVER; IS_DIRECTORY */
    p.text[0] = word(&at); p.text[1] = word(&at);
    if ((result = enter(&p, 2)) < 0) break;
    fd = folder_of(p.text[0], &name);
    result = SYS(rename, p.text[0], p.text[1]);
    if (result >= 0) { extra[0] = (uint64_t)again(fd, name, (int)number(&at)); *extras = 1; }
    SYS(close, fd);
    break;
  case 'E': /* exchange PATH PATH */
    p.text[0] = word(&at); p.text[1] = word(&at);
    if ((result = enter(&p, 2)) < 0) break;
    result = SYS(renameat2, AT_FDCWD, p.text[0], AT_FDCWD, p.text[1], 2);
    break;
  case 'w': /* write to PATH what it says */
    p.text[0] = word(&at);
    if ((result = enter(&p, 1)) < 0) break;
    fd = result = SYS(open, p.text[0], 2, 0);
    if (fd < 0) break;
    a = SYS(read, fd, kept, sizeof kept);
    result = SYS(pwrite64, fd, kept, a, 0);
    if (result >= 0) result = 0;
    SYS(close, fd);
    break;
  default: break;
  }
  leave(&p, back);
  return result;
}
