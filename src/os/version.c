/* SPDX-License-Identifier: MIT */
#include <dmabuf/dmabuf-types.h>

#define TEXT(x) #x
#define VERSION(major, minor, patch) TEXT(major) "." TEXT(minor) "." TEXT(patch)

const char *dmabuf_version(void)
{
	return VERSION(DMABUF_VERSION_MAJOR, DMABUF_VERSION_MINOR, DMABUF_VERSION_PATCH);
}
