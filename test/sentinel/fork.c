/* fork() for JavaScript: an addon of the tests. Node itself has no such call; native code may make one. */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

/* The part of Node-API that is needed, so that no headers of Node have to be there. */
typedef struct napi_env__ *napi_env;
typedef struct napi_value__ *napi_value;
typedef struct napi_callback_info__ *napi_callback_info;
typedef napi_value (*napi_callback)(napi_env, napi_callback_info);
extern int napi_create_function(napi_env, const char *, size_t, napi_callback, void *, napi_value *);
extern int napi_set_named_property(napi_env, napi_value, const char *, napi_value);
extern int napi_create_int32(napi_env, int32_t, napi_value *);

static napi_value do_fork(napi_env env, napi_callback_info info) {
  (void)info;
  napi_value result;
  fflush(NULL);
  napi_create_int32(env, (int32_t)fork(), &result);
  return result;
}

/* Waits for the one child; its exit code. */
static napi_value do_wait(napi_env env, napi_callback_info info) {
  (void)info;
  int status = 0;
  napi_value result;
  pid_t pid = wait(&status);
  napi_create_int32(env, pid > 0 && WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status), &result);
  return result;
}

/* Without anything that runs at the end of a process: in the child that would be the parent's. */
static napi_value do_leave(napi_env env, napi_callback_info info) {
  (void)env;
  (void)info;
  _exit(0);
}

static void add(napi_env env, napi_value exports, const char *name, napi_callback callback) {
  napi_value function;
  napi_create_function(env, name, (size_t)-1, callback, NULL, &function);
  napi_set_named_property(env, exports, name, function);
}

napi_value napi_register_module_v1(napi_env env, napi_value exports) {
  add(env, exports, "fork", do_fork);
  add(env, exports, "wait", do_wait);
  add(env, exports, "leave", do_leave);
  return exports;
}
