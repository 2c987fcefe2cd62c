/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fetches a file by https (libcurl's one home). What has arrived stays in the user's cache folder
 * until the file is whole, so that an interrupted download goes on where it stopped.
 */
#pragma once

#include <stdbool.h>

#include <beeline/err.h>

#include "part.h"
#include "terminal.h"

bool download_is_url(const char *text);

/* checked: the caller checks a digest, so that http is allowed, and going on with what a server names
 * no version of. Trusts the system's certificates, or those of
 * SSL_CERT_FILE and SSL_CERT_DIR. The caller closes *ret_part, which is the whole file, and removes
 * it once it was used. */
int download_fetch(const char *url, bool checked, struct progress *progress, struct part *ret_part,
		   struct bl_err *err);
