/* SPDX-License-Identifier: Apache-2.0 */
/* Fetches a file by https; see download.h. */
#include "download.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
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

static void slist_free_fn(struct curl_slist **list)
{
	curl_slist_free_all(*list);
}

bool download_is_url(const char *text)
{
	return strncasecmp(text, "https://", 8) == 0 || strncasecmp(text, "http://", 7) == 0;
}

/* One transfer and what its callbacks need. */
struct transfer {
	CURL *curl;
	struct part *part;
	bool checked; /* somebody checks a digest of the whole */
	int64_t had;  /* bytes from an earlier attempt */
	struct progress *progress;
	uint64_t next_tick_ns;
	bool versioned;    /* the part's version is written down */
	struct bl_err err; /* of our own files */
	char message[CURL_ERROR_SIZE];
};

/* A strong entity tag, else the date: what If-Range may ask for. */
static const char *validator(CURL *curl)
{
	struct curl_header *header;

	if (curl_easy_header(curl, "ETag", 0, CURLH_HEADER, -1, &header) == CURLHE_OK &&
	    strncmp(header->value, "W/", 2) != 0)
		return header->value;
	if (curl_easy_header(curl, "Last-Modified", 0, CURLH_HEADER, -1, &header) == CURLHE_OK)
		return header->value;
	return NULL;
}

/* Of the answer that brings the file: called before its first byte is kept. */
static int remember_version(struct transfer *transfer)
{
	const char *version = validator(transfer->curl);

	if (transfer->versioned || transfer->had)
		return 0;
	transfer->versioned = true;
	return version ? part_remember(transfer->part, version, &transfer->err) : 0;
}

static size_t on_bytes(char *bytes, size_t size, size_t n, void *data)
{
	struct transfer *transfer = data;
	size_t len = size * n;

	if (remember_version(transfer) < 0)
		return 0;
	for (size_t done = 0; done < len;) {
		ssize_t r = write(transfer->part->fd, bytes + done, len - done);

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0) {
			bl_fail_errno(&transfer->err, -errno, "writing %s", transfer->part->path);
			return 0;
		}
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

static void set_options(struct transfer *transfer, const char *url)
{
	const char *protocols = transfer->checked ? "https,http" : "https";
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

/* libcurl reads Debian's certificates, but not what OpenSSL's own programs, curl(1) and Go's are told
 * by these two; a file or folder that is not there is an error that names it. */
static void trust(CURL *curl)
{
	const char *file = getenv("SSL_CERT_FILE");
	const char *folder = getenv("SSL_CERT_DIR");

	if (file && *file)
		curl_easy_setopt(curl, CURLOPT_CAINFO, file);
	if (folder && *folder)
		curl_easy_setopt(curl, CURLOPT_CAPATH, folder);
}

/* Goes on behind what is there, if the server still has the same version: it else answers with the
 * whole file, as one does that knows no ranges, and the second attempt begins anew. */
static CURLcode attempt(struct transfer *transfer)
{
	struct curl_slist *headers bl_cleanup(slist_free_fn) = NULL;
	bl_autofree char *condition = NULL;
	CURLcode code;

	if (part_resume(transfer->part, transfer->checked, &transfer->had, &transfer->err) < 0)
		return CURLE_WRITE_ERROR;
	if (transfer->had && transfer->part->validator) {
		condition = bl_format("If-Range: %s", transfer->part->validator);
		headers = curl_slist_append(NULL, condition);
	}
	curl_easy_setopt(transfer->curl, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(transfer->curl, CURLOPT_RESUME_FROM_LARGE, (curl_off_t)transfer->had);
	code = curl_easy_perform(transfer->curl);
	curl_easy_setopt(transfer->curl, CURLOPT_HTTPHEADER, NULL);
	return code;
}

/* "bytes *, slash, N": the version is the same, and nothing follows the N bytes that we have. */
static bool is_whole(const struct transfer *transfer)
{
	bl_autofree char *all = bl_format("bytes */%" PRId64, transfer->had);
	struct curl_header *header;

	return curl_easy_header(transfer->curl, "Content-Range", 0, CURLH_HEADER, -1, &header) ==
		       CURLHE_OK &&
	       strcmp(header->value, all) == 0;
}

static CURLcode perform(struct transfer *transfer)
{
	CURLcode code = attempt(transfer);
	long status = 0;

	curl_easy_getinfo(transfer->curl, CURLINFO_RESPONSE_CODE, &status);
	if (transfer->had && status == 416 && is_whole(transfer))
		return CURLE_OK;
	if (transfer->had && (code == CURLE_RANGE_ERROR || status == 416)) {
		if (part_empty(transfer->part, &transfer->err) < 0)
			return CURLE_WRITE_ERROR;
		code = attempt(transfer);
	}
	return code;
}

static int transfer_run(struct transfer *transfer, const char *url, struct bl_err *err)
{
	CURL *curl bl_cleanup(curl_free_fn) = curl_easy_init();
	CURLcode code;

	if (!curl)
		return bl_fail(err, -ENOMEM, "libcurl cannot be used");
	transfer->curl = curl;
	set_options(transfer, url);
	trust(curl);
	code = perform(transfer);
	if (code == CURLE_OK)
		return 0;
	if (transfer->err.code)
		return bl_fail(err, transfer->err.code, "%s", transfer->err.message);
	if (code == CURLE_UNSUPPORTED_PROTOCOL)
		return bl_fail(err, -EPROTONOSUPPORT,
			       "%s: only https is fetched; for http say --digest sha256:...", url);
	return bl_fail(err, -EIO, "%s: %s", url,
		       transfer->message[0] ? transfer->message : curl_easy_strerror(code));
}

int download_fetch(const char *url, bool checked, struct progress *progress, struct part *ret_part,
		   struct bl_err *err)
{
	part_auto struct part part = PART_INIT;
	int r = part_open(url, &part, err);

	if (r < 0)
		return r;

	struct transfer transfer = {.part = &part, .checked = checked, .progress = progress};

	r = transfer_run(&transfer, url, err);
	if (r < 0)
		return r;
	*ret_part = part;
	part = PART_INIT;
	return 0;
}
