// SPDX-License-Identifier: Apache-2.0
// Preloaded: a unit of the program gets the signal AT_SIGNAL where it opens a file whose path contains AT_PATH, once.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

static void look(const char* path) {
  static int done = 0;
  const char* wanted = getenv("AT_PATH");
  const char* number = getenv("AT_SIGNAL");
  if (done || !wanted || !number || !strstr(program_invocation_name, "/finetune_units/") || !strstr(path, wanted)) return;
  done = 1;
  raise(atoi(number));
}

int open(const char* path, int flags, ...) {
  static int (*next)(const char*, int, ...) = 0;
  if (!next) *(void**)&next = dlsym(RTLD_NEXT, "open");
  va_list rest;
  va_start(rest, flags);
  const int mode = va_arg(rest, int);
  va_end(rest);
  look(path);
  return next(path, flags, mode);
}
