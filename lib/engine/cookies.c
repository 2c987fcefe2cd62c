// SPDX-License-Identifier: Apache-2.0
/* The register of rules' numbers. */
#include <stdlib.h>
#include <string.h>

#include <beeline/cleanup.h>
#include <beeline/file.h>

#include "cookies.h"

static bool has_key(const void *item, const void *key)
{
	return strcmp(((const struct cookie *)item)->key, key) == 0;
}

static bool has_number(const void *item, const void *key)
{
	return ((const struct cookie *)item)->number == *(const uint32_t *)key;
}

static uint64_t hash_number(uint32_t number)
{
	return hash_bytes(HASH_INIT, &number, sizeof(number));
}

static struct cookie *make(struct cookies *cookies, const char *key)
{
	size_t size = strlen(key) + 1;
	struct cookie *cookie = bl_alloc(sizeof(*cookie) + size);

	cookie->number = ++cookies->last;
	memcpy(cookie->key, key, size);
	hash_add(&cookies->by_key, hash_text(HASH_INIT, key), cookie);
	hash_add(&cookies->by_number, hash_number(cookie->number), cookie);
	return cookie;
}

struct cookie *cookie_get(struct cookies *cookies, const char *kind, const char *text)
{
	bl_autofree char *key = bl_format("%s %s", kind, text);
	struct cookie *cookie =
		hash_find(&cookies->by_key, hash_text(HASH_INIT, key), has_key, key);

	if (!cookie)
		cookie = make(cookies, key);
	cookie->n_users++;
	return cookie;
}

void cookie_put(struct cookies *cookies, struct cookie *cookie)
{
	if (--cookie->n_users > 0)
		return;
	hash_remove(&cookies->by_key, hash_text(HASH_INIT, cookie->key), cookie);
	hash_remove(&cookies->by_number, hash_number(cookie->number), cookie);
	free(cookie);
}

const char *cookie_text(const struct cookies *cookies, uint32_t number)
{
	const struct cookie *cookie =
		hash_find(&cookies->by_number, hash_number(number), has_number, &number);

	return cookie ? strchr(cookie->key, ' ') + 1 : NULL;
}

void cookies_release(struct cookies *cookies)
{
	size_t position = 0;

	for (struct cookie *cookie; (cookie = hash_next(&cookies->by_number, &position));)
		free(cookie);
	hash_release(&cookies->by_key);
	hash_release(&cookies->by_number);
}
