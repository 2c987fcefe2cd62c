/* SPDX-License-Identifier: Apache-2.0 */
/* Fetches a file by https; see download.h. */
#include "download.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <curl/curl.h>

#include <beeline/file.h>
#include <beeline/loop.h>
#include <beeline/version.h>

#include "text.h"

#define REDIRECTS_MAX   10L
#define STALL_SECONDS   60L /* this long under STALL_BYTES a second: given up, to be resumed */
#define STALL_BYTES     100L
#define TICK_NS         200000000ull
#define CONNECT_SECONDS 30L

static void curl_free_fn(CURL **curl)
{
	curl_easy_cleanup(*curl);
}

bool download_is_url(const char *text)
{
	return strncasecmp(text, "https://", 8) == 0 || strncasecmp(text, "http://", 7) == 0;
}

/* FNV-1a: a name for the cache, not a proof; the digest is checked by whoever imports. */
static uint64_t name_hash(const char *text)
{
	uint64_t hash = 0xcbf29ce484222325;

	for (; *text; text++)
		hash = (hash ^ (unsigned char)*text) * 0x100000001b3;
	return hash;
}

static int cache_path(const char *url, char **ret_path, struct bl_err *err)
{
	const char *cache = getenv("XDG_CACHE_HOME");
	const char *home = getenv("HOME");
	bl_autofree char *folder = NULL;
	int r;

	if (cache && *cache)
		folder = bl_format("%s/beeline", cache);
	else if (home && *home)
		folder = bl_format("%s/.cache/beeline", home);
	else
		return bl_fail(err, -ENOENT, "no place for downloads: set HOME or XDG_CACHE_HOME");
	r = bl_dir_make(folder, 0700, err);
	if (r < 0)
		return r;
	*ret_path = bl_format("%s/%016" PRIx64 ".part", folder, name_hash(url));
	return 0;
}

/* One transfer and what its callbacks need. */
struct transfer {
	CURL *curl;
	int fd;
	off_t had; /* bytes from an earlier attempt */
	struct progress *progress;
	uint64_t next_tick_ns;
	char message[CURL_ERROR_SIZE];
};

static size_t on_bytes(char *bytes, size_t size, size_t n, void *data)
{
	struct transfer *transfer = data;
	size_t len = size * n;

	for (size_t done = 0; done < len;) {
		ssize_t r = write(transfer->fd, bytes + done, len - done);

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return 0;
		done += (size_t)r;
	}
	return len;
}

static int on_progress(void *data, curl_off_t total, curl_off_t now, curl_off_t up_total,
		       curl_off_t up_now)
{
	struct transfer *transfer = data;
	char have[TEXT_BYTES_MAX], all[TEXT_BYTES_MAX];

	if (total == 0 || bl_now_ns() < transfer->next_tick_ns)
		return 0;
	transfer->next_tick_ns = bl_now_ns() + TICK_NS;
	text_bytes((uint64_t)(now + transfer->had), have);
	text_bytes((uint64_t)(total + transfer->had), all);
	progress_tick(transfer->progress, "downloading: %s of %s (%d%%)", have, all,
		      (int)((now + transfer->had) * 100 / (total + transfer->had)));
	return 0;
}

static void set_options(struct transfer *transfer, const char *url, bool allow_http)
{
	const char *protocols = allow_http ? "https,http" : "https";
	CURL *curl = transfer->curl;

	curl_easy_setopt(curl, CURLOPT_URL, url);
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, protocols);
	curl_easy_setopt(curl, CURLOPT_REDIR_PROTOCOLS_STR, protocols);
	curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 1L);
	curl_easy_setopt(curl, CURLOPT_MAXREDIRS, REDIRECTS_MAX);
	curl_easy_setopt(curl, CURLOPT_FAILONERROR, 1L);
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, CONNECT_SECONDS);
	curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, STALL_SECONDS);
	curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, STALL_BYTES);
	curl_easy_setopt(curl, CURLOPT_USERAGENT, "beeline/" BL_VERSION);
	curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, transfer->message);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_bytes);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, transfer);
	curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
	curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_progress);
	curl_easy_setopt(curl, CURLOPT_XFERINFODATA, transfer);
}

/* Goes on behind what is there already. A server that cannot, or a file that has become another
 * length, makes the second attempt begin anew. */
static CURLcode attempt(struct transfer *transfer, bool resume)
{
	if (!resume && ftruncate(transfer->fd, 0) < 0)
		return CURLE_WRITE_ERROR;
	transfer->had = lseek(transfer->fd, 0, SEEK_END);
	curl_easy_setopt(transfer->curl, CURLOPT_RESUME_FROM_LARGE, (curl_off_t)transfer->had);
	return curl_easy_perform(transfer->curl);
}

static CURLcode perform(struct transfer *transfer)
{
	CURLcode code = attempt(transfer, true);
	long status = 0;

	curl_easy_getinfo(transfer->curl, CURLINFO_RESPONSE_CODE, &status);
	if (transfer->had && (code == CURLE_RANGE_ERROR || status == 416))
		code = attempt(transfer, false);
	return code;
}

static int transfer_run(struct transfer *transfer, const char *url, bool allow_http,
			struct bl_err *err)
{
	CURL *curl bl_cleanup(curl_free_fn) = curl_easy_init();
	CURLcode code;

	if (!curl)
		return bl_fail(err, -ENOMEM, "libcurl cannot be used");
	transfer->curl = curl;
	set_options(transfer, url, allow_http);
	code = perform(transfer);
	if (code == CURLE_OK)
		return 0;
	if (code == CURLE_UNSUPPORTED_PROTOCOL)
		return bl_fail(err, -EPROTONOSUPPORT,
			       "%s: only https is fetched; for http say --digest sha256:...", url);
	return bl_fail(err, -EIO, "%s: %s", url,
		       transfer->message[0] ? transfer->message : curl_easy_strerror(code));
}

int download_fetch(const char *url, bool allow_http, struct progress *progress, int *ret_fd,
		   char **ret_path, struct bl_err *err)
{
	bl_autofree char *path = NULL;
	bl_autoclose int fd = -1;
	int r;

	r = cache_path(url, &path, err);
	if (r < 0)
		return r;
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return bl_fail_errno(err, -errno, "%s", path);
	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		return bl_fail(err, -EBUSY, "%s is being downloaded already", url);

	struct transfer transfer = {.fd = fd, .progress = progress};

	r = transfer_run(&transfer, url, allow_http, err);
	if (r < 0)
		return r;
	if (lseek(fd, 0, SEEK_SET) < 0)
		return bl_fail_errno(err, -errno, "%s", path);
	*ret_path = bl_take_ptr(path);
	*ret_fd = bl_take_fd(&fd);
	return 0;
}

void download_forget(char *path)
{
	if (path)
		unlink(path);
	free(path);
}
