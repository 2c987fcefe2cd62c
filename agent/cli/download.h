/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fetches a file by https (libcurl's one home). What has arrived stays in the user's cache folder
 * until the file is whole, so that an interrupted download goes on where it stopped.
 */
#pragma once

#include <stdbool.h>

#include <beeline/err.h>

#include "terminal.h"

bool download_is_url(const char *text);

/* http is allowed only where the caller checks a digest. *ret_fd is the whole file, open for reading;
 * *ret_path its place in the cache, to be given to download_forget() once it was used. */
int download_fetch(const char *url, bool allow_http, struct progress *progress, int *ret_fd,
		   char **ret_path, struct bl_err *err);
/* Removes what a download left in the cache. Frees path. */
void download_forget(char *path);
