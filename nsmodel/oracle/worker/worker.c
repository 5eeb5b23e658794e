/* worker: performs the system calls of a trace, one real task for each task of the model.
 *
 * Started with N sockets at descriptors 10, 11, …: one for each task that there may ever be. It makes a throw-away
 * sandbox (user, mount, pid, UTS, IPC, network, cgroup and time namespaces of its own) whose pid 1 serves socket 0;
 * every task made by `C` serves the socket that it is given. A worker reads one command, makes one system call, and
 * answers with its raw result (a negative error number when it failed) and, for some, more numbers.
 *
 * Freestanding: no libc, so threads need no thread-local storage. The launcher, outside of the sandbox, ends it when
 * its standard input closes.
 *
 *   n                      nothing                      C SLOT FLAGS N T1 … TN   clone3, set_tid of N numbers
 *   U FLAGS                unshare                      S H TYPE                 setns(descriptor H, TYPE)
 *   O H PATH               open for reading             X H                      close
 *   P H PID                pidfd_open                   G H SIG                  pidfd_send_signal
 *   K PID SIG              kill                         T TGID TID SIG           tgkill
 *   W PID OPTIONS          wait4; status                I TYPE ID OPTIONS        waitid; pid, code, status
 *   E CODE                 exit of this task            Q CODE                   exit_group
 *   p t q                  getpid gettid getppid        g PID  s PID             getpgid getsid
 *   R ON                   child subreaper              Z                        setsid
 *   Y PID PGID             setpgid                      V UID                    setresuid(UID, UID, UID)
 *   A HOW                  SIGTERM: 0 default, 1 handled, 2 ignored; c: how often it was handled
 *   F PATH TEXT            write TEXT to a file         B PATH TARGET            mount --bind
 *   M TARGET               umount2(TARGET, 0)
 */
#include <stddef.h>
#include <stdint.h>
#ifndef __x86_64__
#error "the worker knows the system calls of x86_64 only"
#endif

enum {
  SYS_read = 0, SYS_write = 1, SYS_open = 2, SYS_close = 3, SYS_rt_sigaction = 13, SYS_getpid = 39, SYS_recvfrom = 45,
  SYS_sendto = 44, SYS_exit = 60, SYS_wait4 = 61, SYS_kill = 62, SYS_chdir = 80, SYS_mkdir = 83, SYS_getuid = 102,
  SYS_setpgid = 109, SYS_getppid = 110, SYS_setsid = 112, SYS_setresuid = 117, SYS_getpgid = 121, SYS_getsid = 124,
  SYS_pivot_root = 155, SYS_prctl = 157, SYS_mount = 165, SYS_umount2 = 166, SYS_sched_setaffinity = 203,
  SYS_exit_group = 231, SYS_waitid = 247, SYS_tgkill = 234, SYS_unshare = 272, SYS_setns = 308, SYS_gettid = 186,
  SYS_pidfd_send_signal = 424, SYS_pidfd_open = 434, SYS_clone3 = 435, SYS_dup3 = 292,
};
enum { NEWTIME = 0x80, NEWNS = 0x20000, NEWCGROUP = 0x2000000, NEWUTS = 0x4000000, NEWIPC = 0x8000000,
       NEWUSER = 0x10000000, NEWPID = 0x20000000, NEWNET = 0x40000000, CLONE_THREAD = 0x10000, CLONE_PARENT = 0x8000 };
enum { SIGTERM = 15, SIGCHLD = 17, SIGKILL = 9, FIRST = 10, HANDLES = 64, MOST = 64, STACK = 16384 };

struct clone_args {
  uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls, set_tid, set_tid_size, cgroup;
};
struct action { void *handler; uint64_t flags; void *restorer; uint64_t mask; };

static int handle[HANDLES];
static int sigterms;
static char stacks[MOST][STACK] __attribute__((aligned(16)));

static long sys(long nr, long a, long b, long c, long d, long e, long f) {
  long result;
  register long r10 __asm__("r10") = d, r8 __asm__("r8") = e, r9 __asm__("r9") = f;
  __asm__ volatile("syscall" : "=a"(result) : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                   : "rcx", "r11", "memory");
  return result;
}
#define SYS(nr, ...) CALL(SYS_##nr, ##__VA_ARGS__, 0, 0, 0, 0, 0, 0)
#define CALL(nr, a, b, c, d, e, f, ...) sys(nr, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)(f))

void *memset(void *to, int byte, size_t size) { for (char *p = to; size--;) *p++ = (char)byte; return to; }
void *memcpy(void *to, const void *from, size_t size) {
  const char *q = from;
  for (char *p = to; size--;) *p++ = *q++;
  return to;
}
static size_t length(const char *s) { size_t n = 0; while (s[n]) n++; return n; }

/* A thread starts on its own stack, where its slot was put. */
long spawn(struct clone_args *args, size_t size);
__asm__("spawn: mov $435, %eax\n syscall\n test %rax, %rax\n jnz 1f\n xor %ebp, %ebp\n pop %rdi\n and $-16, %rsp\n"
        " call serve\n ud2\n1: ret\n");
void restore(void);
__asm__("restore: mov $15, %eax\n syscall\n");
static void handled(int signal) { (void)signal; sigterms++; }

static long number(char **at) {
  long value = 0, sign = 1;
  while (**at == ' ') ++*at;
  if (**at == '-') sign = -1, ++*at;
  while (**at >= '0' && **at <= '9') value = value * 10 + (*(*at)++ - '0');
  return sign * value;
}
static char *word(char **at) {
  while (**at == ' ') ++*at;
  char *start = *at;
  while (**at && **at != ' ') ++*at;
  if (**at) *(*at)++ = 0;
  return start;
}
static char *put(char *to, long value) {
  char digits[24];
  int n = 0;
  unsigned long rest = value < 0 ? -(unsigned long)value : (unsigned long)value;
  if (value < 0) *to++ = '-';
  do digits[n++] = (char)('0' + rest % 10); while (rest /= 10);
  while (n) *to++ = digits[--n];
  return to;
}
static void answer(int slot, long result, int extras, const int *extra) {
  char line[128], *end = put(line, result);
  for (int i = 0; i < extras; i++) { *end++ = ' '; end = put(end, extra[i]); }
  SYS(sendto, FIRST + slot, line, end - line, 0, 0, 0);
}
void serve(long slot);

static void make_task(int slot, char *at) {
  int child = (int)number(&at);
  struct clone_args args;
  int32_t tids[8];
  memset(&args, 0, sizeof args);
  args.flags = (uint64_t)number(&at);
  args.set_tid_size = (uint64_t)number(&at);
  for (uint64_t i = 0; i < args.set_tid_size && i < 8; i++) tids[i] = (int32_t)number(&at);
  if (args.set_tid_size) args.set_tid = (uint64_t)tids;
  long result;
  if (args.flags & CLONE_THREAD) {
    args.stack = (uint64_t)stacks[child];
    args.stack_size = STACK - 16;
    *(uint64_t *)(stacks[child] + STACK - 16) = (uint64_t)child;
    result = spawn(&args, sizeof args);
  } else {
    args.exit_signal = args.flags & CLONE_PARENT ? 0 : SIGCHLD;
    result = SYS(clone3, &args, sizeof args);
    if (result == 0) serve(child);
  }
  answer(slot, result, 0, 0);
}
static long set_sigterm(int how) {
  struct action act = {how == 1 ? (void *)handled : (void *)(long)(how == 2), 0x04000000 | 0x10000000, (void *)restore, 0};
  return SYS(rt_sigaction, SIGTERM, &act, 0, 8);
}
static long write_file(const char *path, const char *text) {
  long fd = SYS(open, path, 1), result;
  if (fd < 0) return fd;
  result = SYS(write, fd, text, length(text));
  SYS(close, fd);
  return result < 0 ? result : 0;
}
static void perform(int slot, char *at) {
  int extra[3] = {0, 0, 0}, extras = 0, h;
  long result = -38, a, b;
  char op = *at++, *path;
  switch (op) {
  case 'n': result = 0; break;
  case 'C': make_task(slot, at); return;
  case 'U': result = SYS(unshare, number(&at)); break;
  case 'S': h = (int)number(&at); result = SYS(setns, handle[h], number(&at)); break;
  case 'O': h = (int)number(&at); result = SYS(open, word(&at), 0); break;
  case 'P': h = (int)number(&at); result = SYS(pidfd_open, number(&at), 0); break;
  case 'X': h = (int)number(&at); result = SYS(close, handle[h]); handle[h] = -1; break;
  case 'G': h = (int)number(&at); result = SYS(pidfd_send_signal, handle[h], number(&at), 0, 0); break;
  case 'K': a = number(&at); result = SYS(kill, a, number(&at)); break;
  case 'T': a = number(&at); b = number(&at); result = SYS(tgkill, a, b, number(&at)); break;
  case 'W': a = number(&at); extras = 1; result = SYS(wait4, a, &extra[0], number(&at), 0); break;
  case 'I': {
    int info[32];
    memset(info, 0, sizeof info);
    a = number(&at); b = number(&at);
    result = SYS(waitid, a, b, info, number(&at), 0);
    extra[0] = info[4]; extra[1] = info[2]; extra[2] = info[6]; extras = 3;
    break;
  }
  case 'E': SYS(exit, number(&at)); break;
  case 'Q': SYS(exit_group, number(&at)); break;
  case 'p': result = SYS(getpid); break;
  case 't': result = SYS(gettid); break;
  case 'q': result = SYS(getppid); break;
  case 'g': result = SYS(getpgid, number(&at)); break;
  case 's': result = SYS(getsid, number(&at)); break;
  case 'R': result = SYS(prctl, 36, number(&at)); break;
  case 'Z': result = SYS(setsid); break;
  case 'Y': a = number(&at); result = SYS(setpgid, a, number(&at)); break;
  case 'V': a = number(&at); result = SYS(setresuid, a, a, a); break;
  case 'A': result = set_sigterm((int)number(&at)); break;
  case 'c': result = sigterms; break;
  case 'F': path = word(&at); result = write_file(path, word(&at)); break;
  case 'B': path = word(&at); result = SYS(mount, path, word(&at), 0, 4096, 0); break;
  case 'M': result = SYS(umount2, word(&at), 0); break;
  default: break;
  }
  if ((op == 'O' || op == 'P') && result >= 0) { handle[h] = (int)result; result = 0; }
  answer(slot, result, extras, extra);
}
void serve(long slot) {
  static const char hello = 'h';
  char line[1024];
  SYS(sendto, FIRST + slot, &hello, 1, 0, 0, 0);
  for (;;) {
    long got = SYS(recvfrom, FIRST + slot, line, sizeof line - 1, 0, 0, 0);
    if (got == -4) continue;
    if (got <= 0) SYS(exit_group, 0);
    line[got] = 0;
    perform((int)slot, line);
  }
}
static void die(const char *what, long error) {
  char line[128], *end = line;
  memcpy(end, what, length(what));
  end = put(end + length(what), error);
  *end++ = '\n';
  SYS(write, 2, line, end - line);
  SYS(exit_group, 3);
}
static void need(const char *what, long result) { if (result < 0) die(what, result); }

/* The sandbox: an empty tmpfs with /proc and a few files, nothing of the machine. */
static void furnish(void) {
  char file[] = "/f0";
  need("making mounts private: ", SYS(mount, "none", "/", 0, 0x44000, 0));
  need("mounting a tmpfs: ", SYS(mount, "sandbox", "/tmp", "tmpfs", 0, 0));
  need("entering it: ", SYS(chdir, "/tmp"));
  need("mkdir proc: ", SYS(mkdir, "proc", 0755));
  need("mounting proc: ", SYS(mount, "proc", "proc", "proc", 0, 0));
  need("pivot_root: ", SYS(pivot_root, ".", "."));
  need("leaving the old root: ", SYS(umount2, ".", 2));
  need("chdir: ", SYS(chdir, "/"));
  for (char c = '0'; c <= '7'; c++) { file[2] = c; long fd = SYS(open, file, 0101, 0644); need("a file: ", fd); SYS(close, fd); }
}
static void end_sandbox(long pid) {
  SYS(kill, pid, SIGKILL);
  SYS(wait4, pid, 0, 0, 0);
}
static void id_map(char *path, long pid, const char *name, const char *text) {
  char *end = path;
  memcpy(end, "/proc/", 6);
  end = put(end + 6, pid);
  memcpy(end, name, length(name) + 1);
  long result = write_file(path, text);
  if (result < 0) { end_sandbox(pid); die("writing an id map: ", result); }
}
int main(void) {
  struct clone_args args;
  char path[64], byte = 0;
  unsigned long cpus = 1;
  SYS(sched_setaffinity, 0, sizeof cpus, &cpus);
  memset(&args, 0, sizeof args);
  args.flags = NEWUSER | NEWNS | NEWPID | NEWUTS | NEWIPC | NEWNET | NEWCGROUP | NEWTIME;
  args.exit_signal = SIGCHLD;
  long pid = SYS(clone3, &args, sizeof args);
  if (pid == 0) {
    SYS(close, 0);
    SYS(recvfrom, FIRST, &byte, 1, 0, 0, 0);
    SYS(setresuid, 0, 0, 0);
    furnish();
    for (int i = 0; i < HANDLES; i++) handle[i] = -1;
    need("setsid: ", SYS(setsid));
    serve(0);
  }
  need("making the sandbox's namespaces: ", pid);
  id_map(path, pid, "/uid_map", "0 0 4294967295");
  id_map(path, pid, "/gid_map", "0 0 4294967295");
  answer(MOST - 1, pid, 0, 0);
  while (SYS(read, 0, &byte, 1) > 0) {}
  end_sandbox(pid);
  return 0;
}
__attribute__((force_align_arg_pointer)) void _start(void) { SYS(exit_group, main()); }
