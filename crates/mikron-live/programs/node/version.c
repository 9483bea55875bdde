// A native addon by Node's stable interface (Node-API), whose few functions are declared here.
#include <stddef.h>

typedef struct napi_env__ *napi_env;
typedef struct napi_value__ *napi_value;
typedef struct napi_callback_info__ *napi_callback_info;
typedef napi_value (*napi_callback)(napi_env, napi_callback_info);
extern int napi_create_string_utf8(napi_env, const char *, size_t, napi_value *);
extern int napi_create_function(napi_env, const char *, size_t, napi_callback, void *, napi_value *);
extern const char *sqlite3_libversion(void);

static napi_value version(napi_env env, napi_callback_info info) {
    napi_value text;
    napi_create_string_utf8(env, sqlite3_libversion(), (size_t)-1, &text);
    return text;
}

napi_value napi_register_module_v1(napi_env env, napi_value exports) {
    napi_value function;
    napi_create_function(env, "version", (size_t)-1, version, NULL, &function);
    return function;
}
