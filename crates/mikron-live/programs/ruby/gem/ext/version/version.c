#include <ruby.h>

extern const char *XML_ExpatVersion(void);

static VALUE version(VALUE self) { return rb_str_new_cstr(XML_ExpatVersion()); }

void Init_version(void) { rb_define_global_function("library_version", version, 0); }
