/* Calls on credentials: the word after `u` says which.
 *
 *   r R E S   setresuid           u U  setuid           g R E S  setresgid      s G  setgid
 *   G N A B   setgroups of N      U    getuid           I        getgid
 *   e R E     setreuid            h R E  setregid
 *   c E P I   capset, masks       p OPTION A B C        prctl
 *   W PATH TEXT                   write TEXT to PATH of /proc
 *   o H PATH                      open PATH of /proc for writing; w H TEXT writes to it from its beginning
 *   x PATH                        execve of PATH, which serves on; `-` is the worker itself, whose file gives nothing
 *   f NAME UID GID MODE P I V R   a copy of the worker at /NAME; with V its file capabilities, raised, of root R
 *   k PATH MODE                   chmod
 *   S H H …                       what a runtime does last: close descriptors, go to the root, set no_new_privs
 *
 * In a TEXT `_` is a space, `/` ends a line, and `P` alone is a page of empty lines.
 */
enum { SYS_fcntl = 72, SYS_sendfile = 40, SYS_chmod = 90, SYS_lseek = 8, SYS_setuid = 105, SYS_setgid = 106, SYS_getgid = 104,
       SYS_setreuid = 113, SYS_setregid = 114, SYS_capset = 126,
       SYS_setxattr = 188, SYS_execveat = 322, SYS_chown = 92 };
enum { EXE = PROC + 1, F_SETFD = 2 };

static char page[4097];

static long write_text(long fd, char *text) {
  size_t size = length(text);
  if (size == 1 && *text == 'P') {
    for (size = 0; size < 4096; size++) page[size] = '\n';
    return SYS(write, fd, page, size);
  }
  for (size_t i = 0; i < size; i++) text[i] = text[i] == '_' ? ' ' : text[i] == '/' ? '\n' : text[i];
  return SYS(write, fd, text, size);
}
static long set_capabilities(uint64_t e, uint64_t p, uint64_t i) {
  uint32_t header[2] = {0x20080522, 0}, data[6] = {e, p, i, e >> 32, p >> 32, i >> 32};
  return SYS(capset, header, data);
}
/* Everything that a worker is goes through its arguments: its slot, and what is open. */
static long execute(int slot, const char *path) {
  static char state[MOST * 12 + 32];
  char *at = put(state, slot);
  *at++ = ' ';
  at = put(at, (long)bottom);
  for (int i = 0; i < MOST; i++) {
    *at++ = ' ';
    at = put(at, handle[i]);
    if (handle[i] >= 0) SYS(fcntl, handle[i], F_SETFD, 0);
  }
  *at = 0;
  const char *arguments[] = {"worker", state, 0}, *environment[] = {0};
  if (*path == '-') return SYS(execveat, EXE, "", arguments, environment, AT_EMPTY_PATH);
  return SYS(execveat, AT_FDCWD, path, arguments, environment, 0);
}
static long install(char *at) {
  const char *name = word(&at);
  long uid = number(&at), gid = number(&at), mode = number(&at);
  uint64_t permitted = (uint64_t)number(&at), inheritable = (uint64_t)number(&at), raised = (uint64_t)number(&at);
  int32_t root = (int32_t)number(&at);
  long out = SYS(open, name, O_WRONLY | O_CREAT | O_EXCL, 0755), done = 1, from = 0;
  if (out < 0) return out;
  while (done > 0) done = SYS(sendfile, out, EXE, &from, 1 << 20);
  SYS(close, out);
  long result = SYS(chown, name, uid, gid);
  if (result >= 0) result = SYS(chmod, name, mode);
  if (result >= 0 && (permitted | inheritable)) {
    uint32_t data[6] = {0x03000000 | (uint32_t)raised, permitted, inheritable, permitted >> 32, inheritable >> 32,
                        (uint32_t)root};
    result = SYS(setxattr, name, "security.capability", data, sizeof data, 0);
  }
  return done < 0 ? done : result;
}
static long user_call(int slot, char *at, int *h) {
  char op = *at++, *path;
  long a, b, c, result;
  switch (op) {
  case 'r': a = number(&at); b = number(&at); c = number(&at); return SYS(setresuid, a, b, c);
  case 'e': a = number(&at); b = number(&at); return SYS(setreuid, a, b);
  case 'u': return SYS(setuid, number(&at));
  case 'g': a = number(&at); b = number(&at); c = number(&at); return SYS(setresgid, a, b, c);
  case 'h': a = number(&at); b = number(&at); return SYS(setregid, a, b);
  case 's': return SYS(setgid, number(&at));
  case 'G': {
    uint32_t groups[2];
    a = number(&at); groups[0] = (uint32_t)number(&at); groups[1] = (uint32_t)number(&at);
    return SYS(setgroups, a, groups);
  }
  case 'U': return SYS(getuid);
  case 'I': return SYS(getgid);
  case 'c': a = number(&at); b = number(&at); c = number(&at);
    return set_capabilities((uint64_t)a, (uint64_t)b, (uint64_t)c);
  case 'p': a = number(&at); b = number(&at); c = number(&at); return SYS(prctl, a, b, c, number(&at));
  case 'W': path = word(&at);
    a = SYS(openat, PROC, path, O_WRONLY);
    if (a < 0) return a;
    result = write_text(a, word(&at));
    SYS(close, a);
    return result < 0 ? result : 0;
  case 'o': *h = (int)number(&at); return SYS(openat, PROC, word(&at), O_WRONLY);
  case 'w': a = handle[number(&at)];
    SYS(lseek, a, 0, 0);
    result = write_text(a, word(&at));
    return result < 0 ? result : 0;
  case 'x': return execute(slot, word(&at));
  case 'f': return install(at);
  case 'k': path = word(&at); return SYS(chmod, path, number(&at));
  case 'S':
    while (*at) SYS(close, handle[number(&at)]);
    SYS(chdir, "/");
    return SYS(prctl, 38, 1, 0, 0, 0);
  default: return -38;
  }
}
