#include "Server.h"

extern const char *zlibVersion(void);

JNIEXPORT jstring JNICALL Java_Server_version(JNIEnv *env, jclass self) {
    return (*env)->NewStringUTF(env, zlibVersion());
}
