// SPDX-License-Identifier: Apache-2.0
/* Many copies in one allocation: see the header. */
#include "pack.h"

#include <stdint.h>
#include <string.h>

static void *put(struct pack *pack, const void *bytes, size_t size, size_t alignment)
{
	char *here = NULL;

	if (!bytes)
		return NULL;
	pack->size = (pack->size + alignment - 1) & ~(alignment - 1);
	if (pack->memory)
		here = memcpy(pack->memory + pack->size, bytes, size);
	pack->size += size;
	return here;
}

void *pack_bytes(struct pack *pack, const void *bytes, size_t size)
{
	return put(pack, bytes, size, sizeof(uint64_t));
}

char *pack_text(struct pack *pack, const char *text)
{
	return put(pack, text, text ? strlen(text) + 1 : 0, 1);
}

const char *const *pack_texts(struct pack *pack, const char *const *texts, size_t n)
{
	const char **copies = pack_bytes(pack, texts, n * sizeof(*texts));

	for (size_t i = 0; texts && i < n; i++) {
		const char *copy = pack_text(pack, texts[i]);

		if (copies)
			copies[i] = copy;
	}
	return copies;
}
