// An extension of PHP.
#include <php.h>

extern const char *BZ2_bzlibVersion(void);

ZEND_BEGIN_ARG_INFO(nothing, 0)
ZEND_END_ARG_INFO()

PHP_FUNCTION(bzip2_version) { RETURN_STRING(BZ2_bzlibVersion()); }

static const zend_function_entry functions[] = {PHP_FE(bzip2_version, nothing) PHP_FE_END};

zend_module_entry version_module_entry = {
    STANDARD_MODULE_HEADER, "version", functions, NULL, NULL, NULL, NULL, NULL, "1", STANDARD_MODULE_PROPERTIES};

ZEND_GET_MODULE(version)
