// SPDX-License-Identifier: Apache-2.0
// Loaded into a program before the C library (LD_PRELOAD): counts the calls that change files, and at one of them
// something goes wrong.
//   FAULT_UNDER  the folder whose files count, as an absolute path
//   FAULT_IN     the program that counts, by its file's name; others are left alone
//   FAULT_LOG    a line per call: its number, its name, the file, and of a rename the new name. Beside it LOG.N, a file's content as
//                call N, a flush, has brought it to the disk
//   FAULT_AT     at which call, counted from 1
//   FAULT_DO     kill: the process dies before it; enospc, eio: it fails; short: half of a write is done, then the disk is full;
//                full: this call and all that need room after it find the disk full
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

namespace {

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

template <class F>
F next(const char* name) {
  return reinterpret_cast<F>(::dlsym(RTLD_NEXT, name));
}

struct Faults {
  const std::string under = variable("FAULT_UNDER"), what = variable("FAULT_DO"), log = variable("FAULT_LOG");
  const long at = std::atol(variable("FAULT_AT").c_str());
  const bool on = !under.empty() && variable("FAULT_IN") == program_invocation_short_name;
  long calls = 0;
  bool full = false, inside = false;  // inside: calls of our own

  bool counts(const std::string& path) const { return on && !inside && path.starts_with(under); }

  /// One more call; 0, or the error that it ends in. `room`: it needs some.
  int operator()(const char* name, const std::string& path, const std::string& more, bool room) {
    ++calls;
    write_down(name, path, more);
    if (full && room) return ENOSPC;
    if (calls != at) return 0;
    if (what == "kill") {
      ::kill(::getpid(), SIGKILL);
      for (;;) ::pause();
    }
    full = what == "full" || what == "short";
    return what == "eio" ? EIO : what == "enospc" || what == "short" || room ? ENOSPC : 0;
  }

 private:
  void write_down(const char* name, const std::string& path, const std::string& more) {
    if (log.empty()) return;
    inside = true;
    if (std::FILE* file = std::fopen(log.c_str(), "a")) {
      std::fprintf(file, "%ld\t%s\t%s\t%s\n", calls, name, path.c_str(), more.c_str());
      std::fclose(file);
    }
    struct stat is {};
    if (std::strcmp(name, "fsync") == 0 && ::stat(path.c_str(), &is) == 0 && S_ISREG(is.st_mode))
      copy(path, log + "." + std::to_string(calls));
    inside = false;
  }
  static void copy(const std::string& from, const std::string& to) {
    std::FILE *in = std::fopen(from.c_str(), "rb"), *out = std::fopen(to.c_str(), "wb");
    char part[4096];
    for (std::size_t n; in && out && (n = std::fread(part, 1, sizeof part, in)) > 0;) std::fwrite(part, 1, n, out);
    if (in) std::fclose(in);
    if (out) std::fclose(out);
  }
};

Faults& faults() {
  static Faults one;
  return one;
}

std::string name_of(int file) {
  char path[4096];
  const ssize_t size = ::readlink(("/proc/self/fd/" + std::to_string(file)).c_str(), path, sizeof path);
  return {path, size > 0 ? static_cast<std::size_t>(size) : 0};
}

/// Does the call, unless it is the one that fails.
template <class Call>
auto guard(const char* name, const std::string& path, const std::string& more, bool room,
           Call call) -> decltype(call()) {
  if (faults().counts(path))
    if (const int error = faults()(name, path, more, room)) {
      errno = error;
      return -1;
    }
  return call();
}

/// `rest`: the mode, where a file may be made.
int open_with(const char* symbol, const char* path, int flags, va_list rest) {
  const mode_t mode = flags & O_CREAT ? va_arg(rest, mode_t) : 0;
  const auto real = next<int (*)(const char*, int, ...)>(symbol);
  if ((flags & O_ACCMODE) == O_RDONLY) return real(path, flags, mode);
  return guard("open", path, "", true, [&] { return real(path, flags, mode); });
}

}  // namespace

extern "C" {

int open(const char* path, int flags, ...) {
  va_list rest;
  va_start(rest, flags);
  const int file = open_with("open", path, flags, rest);
  va_end(rest);
  return file;
}
int open64(const char* path, int flags, ...) {
  va_list rest;
  va_start(rest, flags);
  const int file = open_with("open64", path, flags, rest);
  va_end(rest);
  return file;
}
ssize_t write(int file, const void* bytes, size_t size) {
  static const auto real = next<ssize_t (*)(int, const void*, size_t)>("write");
  Faults& f = faults();
  const bool half = f.on && f.what == "short" && f.calls + 1 == f.at && size > 1;
  const ssize_t done = guard("write", f.on ? name_of(file) : "", "", true, [&] { return real(file, bytes, size); });
  return done < 0 && half && f.calls == f.at ? real(file, bytes, size / 2) : done;
}
ssize_t pwrite(int file, const void* bytes, size_t size, off_t where) {
  static const auto real = next<ssize_t (*)(int, const void*, size_t, off_t)>("pwrite");
  return guard("pwrite", faults().on ? name_of(file) : "", "", true, [&] { return real(file, bytes, size, where); });
}
int fsync(int file) {
  static const auto real = next<int (*)(int)>("fsync");
  return guard("fsync", faults().on ? name_of(file) : "", "", false, [&] { return real(file); });
}
int rename(const char* from, const char* to) {
  static const auto real = next<int (*)(const char*, const char*)>("rename");
  return guard("rename", from, to, false, [&] { return real(from, to); });
}
int unlink(const char* path) {
  static const auto real = next<int (*)(const char*)>("unlink");
  return guard("unlink", path, "", false, [&] { return real(path); });
}
int remove(const char* path) {
  static const auto real = next<int (*)(const char*)>("remove");
  return guard("unlink", path, "", false, [&] { return real(path); });
}
int mkdir(const char* path, mode_t mode) {
  static const auto real = next<int (*)(const char*, mode_t)>("mkdir");
  return guard("mkdir", path, "", true, [&] { return real(path, mode); });
}

}  // extern "C"
