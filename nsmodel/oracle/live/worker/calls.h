/* System calls without a libc, and text to numbers and back. */
#include <stddef.h>
#include <stdint.h>
#ifndef __x86_64__
#error "the worker knows the system calls of x86_64 only"
#endif

enum {
  SYS_read = 0, SYS_write = 1, SYS_open = 2, SYS_close = 3, SYS_stat = 4, SYS_rt_sigaction = 13, SYS_ioctl = 16, SYS_pwrite64 = 18, SYS_getpid = 39,
  SYS_recvfrom = 45, SYS_sendto = 44, SYS_exit = 60, SYS_wait4 = 61, SYS_kill = 62, SYS_chdir = 80, SYS_fchdir = 81,
  SYS_rename = 82, SYS_mkdir = 83, SYS_rmdir = 84, SYS_unlink = 87, SYS_umask = 95, SYS_getuid = 102,
  SYS_setpgid = 109, SYS_getppid = 110, SYS_setsid = 112, SYS_setgroups = 116, SYS_setresuid = 117, SYS_setresgid = 119, SYS_getpgid = 121, SYS_getsid = 124,
  SYS_pivot_root = 155, SYS_prctl = 157, SYS_chroot = 161, SYS_mount = 165, SYS_umount2 = 166, SYS_gettid = 186,
  SYS_sched_setaffinity = 203, SYS_exit_group = 231, SYS_tgkill = 234, SYS_waitid = 247, SYS_openat = 257,
  SYS_mkdirat = 258, SYS_symlinkat = 266, SYS_fchmodat = 268, SYS_unshare = 272, SYS_dup3 = 292, SYS_setns = 308, SYS_getcpu = 309,
  SYS_renameat2 = 316,
  SYS_statx = 332, SYS_pidfd_send_signal = 424, SYS_open_tree = 428, SYS_move_mount = 429, SYS_fsopen = 430,
  SYS_fsconfig = 431, SYS_fsmount = 432, SYS_fspick = 433, SYS_pidfd_open = 434, SYS_clone3 = 435,
  SYS_mount_setattr = 442, SYS_statmount = 457,
};
enum { AT_FDCWD = -100, AT_EMPTY_PATH = 0x1000, O_WRONLY = 1, O_CREAT = 0100, O_EXCL = 0200, O_DIRECTORY = 0200000,
       O_PATH = 010000000, O_NOFOLLOW = 0400000 };

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
static char *put_text(char *to, const char *text) {
  size_t size = length(text);
  memcpy(to, text, size + 1);
  return to + size;
}
static void die(const char *what, long error) {
  char line[128], *end = put(put_text(line, what), error);
  *end++ = '\n';
  SYS(write, 2, line, end - line);
  SYS(exit_group, 3);
}
static void need(const char *what, long result) { if (result < 0) die(what, result); }

static long write_at(int folder, const char *path, const char *text) {
  long fd = SYS(openat, folder, path, O_WRONLY), result;
  if (fd < 0) return fd;
  result = SYS(write, fd, text, length(text));
  SYS(close, fd);
  return result < 0 ? result : 0;
}

/* What statx tells of a descriptor: unique id of the mount, number of the file, device. */
struct found { uint64_t mount, inode, device; };
static long look(long fd, struct found *out) {
  uint64_t raw[32];
  memset(raw, 0, sizeof raw);
  long result = SYS(statx, fd, "", AT_EMPTY_PATH, 0x4100, raw);
  out->inode = raw[4];
  out->device = raw[17];
  out->mount = raw[18];
  return result;
}
