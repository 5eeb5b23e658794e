/* worker: performs the system calls of a trace, one real task for each task of the model.
 *
 * Started with N sockets at descriptors 10, 11, …: one for each task that there may ever be. A worker reads one command,
 * makes one system call, and answers with its raw result (a negative error number when it failed) and, for some, more
 * numbers.
 *
 * Freestanding: no libc, so threads need no thread-local storage. The launcher, outside of the sandbox, ends it when
 * its standard input closes.
 *
 *   n                      nothing                      C SLOT FLAGS N T1 … TN   clone3, set_tid of N numbers
 *   U FLAGS                unshare                      S H TYPE                 setns(descriptor H, TYPE)
 *   O H PATH               open PATH of /proc           X H                      close
 *   P H PID                pidfd_open                   G H SIG                  pidfd_send_signal
 *   K PID SIG              kill                         T TGID TID SIG           tgkill
 *   W PID OPTIONS          wait4; status                I TYPE ID OPTIONS        waitid; pid, code, status
 *   E CODE                 exit of this task            Q CODE                   exit_group
 *   p t q                  getpid gettid getppid        g PID  s PID             getpgid getsid
 *   R ON                   child subreaper              Z                        setsid
 *   Y PID PGID             setpgid                      u… …                     calls on credentials: users.h
 *   A HOW                  SIGTERM: 0 default, 1 handled, 2 ignored; c: how often it was handled
 *   J H NEW REQUEST        ioctl on a namespace's file; what it opens is NEW, what it writes is the result
 *   F PATH TEXT            write TEXT to PATH of /proc  m… …                     calls on mounts: mounts.h
 */
#include "calls.h"
#include "mounts.h"

enum { SIGTERM = 15, SIGCHLD = 17, SIGKILL = 9, FIRST = 10, MOST = 64, STACK = 16384 };

struct clone_args {
  uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls, set_tid, set_tid_size, cgroup;
};
struct action { void *handler; uint64_t flags; void *restorer; uint64_t mask; };

#include "sandbox.h"
#include "users.h"

static int sigterms;
static char stacks[MOST][STACK] __attribute__((aligned(16)));

/* A thread starts on its own stack, where its slot was put. */
long spawn(struct clone_args *args, size_t size);
__asm__("spawn: mov $435, %eax\n syscall\n test %rax, %rax\n jnz 1f\n xor %ebp, %ebp\n pop %rdi\n and $-16, %rsp\n"
        " call serve\n ud2\n1: ret\n");
void restore(void);
__asm__("restore: mov $15, %eax\n syscall\n");
static void handled(int signal) { (void)signal; sigterms++; }

static void answer(int slot, long result, int extras, const uint64_t *extra) {
  char line[EXTRAS * 21], *end = put(line, result);
  for (int i = 0; i < extras; i++) { *end++ = ' '; end = put(end, (long)extra[i]); }
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
static void perform(int slot, char *at) {
  uint64_t extra[EXTRAS];
  int extras = 0, status = 0, h = 0, opens = 0;
  long result = -38, a, b;
  char op = *at++, *path;
  switch (op) {
  case 'n': result = 0; break;
  case 'C': make_task(slot, at); return;
  case 'U': result = SYS(unshare, number(&at)); break;
  case 'S': h = (int)number(&at); result = SYS(setns, handle[h], number(&at)); break;
  case 'O': h = (int)number(&at); result = SYS(openat, PROC, word(&at), 0); break;
  case 'P': h = (int)number(&at); result = SYS(pidfd_open, number(&at), 0); break;
  case 'J': {
    uint64_t told[2] = {0, 0};
    a = number(&at); h = (int)number(&at); b = number(&at);
    result = SYS(ioctl, handle[a], b, told);
    if (b > 0xb703 && result == 0) result = b == 0xb704 ? (long)(uint32_t)told[0] : (long)told[0];
    break;
  }
  case 'X': h = (int)number(&at); result = SYS(close, handle[h]); handle[h] = -1; break;
  case 'G': h = (int)number(&at); result = SYS(pidfd_send_signal, handle[h], number(&at), 0, 0); break;
  case 'K': a = number(&at); result = SYS(kill, a, number(&at)); break;
  case 'T': a = number(&at); b = number(&at); result = SYS(tgkill, a, b, number(&at)); break;
  case 'W': a = number(&at); result = SYS(wait4, a, &status, number(&at), 0);
    extra[0] = (uint64_t)status; extras = 1;
    break;
  case 'I': {
    int info[32];
    memset(info, 0, sizeof info);
    a = number(&at); b = number(&at);
    result = SYS(waitid, a, b, info, number(&at), 0);
    for (int i = 0; i < 3; i++) extra[i] = (uint64_t)info[(const int[]){4, 2, 6}[i]];
    extras = 3;
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
  case 'u': opens = *at == 'o'; result = user_call(slot, at, &h); break;
  case 'A': result = set_sigterm((int)number(&at)); break;
  case 'c': result = sigterms; break;
  case 'F': path = word(&at); result = write_at(PROC, path, word(&at)); break;
  case 'm': result = mount_call(at, extra, &extras); break;
  default: break;
  }
  if ((op == 'O' || op == 'P' || opens || (op == 'J' && b < 0xb703)) && result >= 0) { handle[h] = (int)result; result = 0; }
  answer(slot, result, extras, extra);
}
static void work(long slot) {
  char line[LINE];
  for (;;) {
    long got = SYS(recvfrom, FIRST + slot, line, sizeof line - 1, 0, 0, 0);
    if (got == -4) continue;
    if (got <= 0) SYS(exit_group, 0);
    line[got] = 0;
    perform((int)slot, line);
  }
}
void serve(long slot) {
  static const char hello = 'h';
  SYS(sendto, FIRST + slot, &hello, 1, 0, 0, 0);
  work(slot);
}
/* An exec of the worker: it goes on as the task that it was, whose call has succeeded. */
static void resume(char *state) {
  int slot = (int)number(&state);
  bottom = (uint64_t)number(&state);
  for (int i = 0; i < MOST; i++) handle[i] = (int)number(&state);
  SYS(umask, 0);
  answer(slot, 0, 0, 0);
  work(slot);
}
int main(int words, char **word) {
  char byte = 0;
  unsigned cpu = 0;
  int begins = words > 1 && *word[1] == 'b', shown = begins ? word[1][1] - '0' : 0; /* proc: 1, sysfs: 2, from the start */
  if (words > 1 && !begins) resume(word[1]);
  unsigned long cpus[16] = {0};
  SYS(getcpu, &cpu, 0, 0);
  cpus[cpu / 64 % 16] = 1ul << cpu % 64;
  SYS(sched_setaffinity, 0, sizeof cpus, cpus); /* ids of namespaces grow in the order of their making on one processor */
  long exe = SYS(open, "/proc/self/exe", 0);
  need("its own file: ", exe);
  need("its place: ", SYS(dup3, exe, PROC + 1, 0));
  SYS(close, exe);
  long pid = make_sandbox(shown);
  if (pid == 0) {
    for (int i = 0; i < MOST; i++) handle[i] = -1;
    need("setsid: ", SYS(setsid));
    serve(0);
  }
  answer(MOST - 1, pid, 0, 0);
  while (SYS(read, 0, &byte, 1) > 0) {}
  end_sandbox(pid);
  return 0;
}
void begin(long *stack) { SYS(exit_group, main((int)stack[0], (char **)(stack + 1))); }
__asm__(".globl _start\n_start: xor %ebp, %ebp\n mov %rsp, %rdi\n and $-16, %rsp\n call begin\n ud2\n");
