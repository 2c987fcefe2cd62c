// SPDX-License-Identifier: Apache-2.0
/* Times inside an ISO image: see the header. Section numbers are ECMA-119's, SUSP's and RRIP's. */
#include "iso_times.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define SECTOR_SIZE 2048

enum {
	/* descriptors: one a sector, 8.1 */
	DESCRIPTOR_FIRST = 16,
	DESCRIPTOR_PRIMARY = 1,
	DESCRIPTOR_SUPPLEMENTARY = 2, /* Joliet's */
	DESCRIPTOR_LAST = 255,
	DESCRIPTOR_ROOT = 156,  /* a directory record */
	DESCRIPTOR_DATES = 813, /* creation, modification, expiration, effect: 8.4.26 to 8.4.29 */
	DESCRIPTOR_DATE_SIZE = 17,

	/* records of a directory, 9.1 */
	RECORD_EXTENT = 2,
	RECORD_LENGTH = 10,
	RECORD_DATE = 18,
	RECORD_NAME_LENGTH = 32,
	RECORD_NAME = 33,

	/* fields behind the name, SUSP 4.1; time stamps, RRIP 4.1.6 */
	FIELD_HEADER = 4,
	FIELD_STAMPS = 5,
};

static const char no_date[DESCRIPTOR_DATE_SIZE + 1] = "0000000000000000"; /* and zone 0: unset */
static const char epoch[7] = {70, 1, 1, 0, 0, 0, 0};

static uint32_t number(const char *at)
{
	const unsigned char *bytes = (const unsigned char *)at;

	return bytes[0] | bytes[1] << 8 | bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

static void fix_stamps(char *record, size_t len)
{
	size_t name_len = (unsigned char)record[RECORD_NAME_LENGTH];
	size_t at = RECORD_NAME + name_len + (name_len % 2 == 0);

	while (at + FIELD_STAMPS < len) {
		size_t field_len = (unsigned char)record[at + 2];

		if (field_len < FIELD_HEADER || at + field_len > len)
			return;
		if (memcmp(&record[at], "TF", 2) == 0)
			for (size_t i = FIELD_STAMPS; i + sizeof(epoch) <= field_len;
			     i += sizeof(epoch))
				memcpy(&record[at + i], epoch, sizeof(epoch));
		at += field_len;
	}
}

/* Records do not cross sectors: zeroes fill what is left. */
static void fix_directory(char *sector)
{
	for (size_t at = 0; at + RECORD_NAME < SECTOR_SIZE;) {
		size_t len = (unsigned char)sector[at];

		if (len <= RECORD_NAME || at + len > SECTOR_SIZE)
			return;
		memcpy(&sector[at + RECORD_DATE], epoch, sizeof(epoch));
		fix_stamps(&sector[at], len);
		at += len;
	}
}

static void fix_descriptor(char *image, size_t size, char *descriptor)
{
	char *root = &descriptor[DESCRIPTOR_ROOT];
	size_t at = (size_t)number(&root[RECORD_EXTENT]) * SECTOR_SIZE;
	size_t end = at + number(&root[RECORD_LENGTH]);

	memcpy(&root[RECORD_DATE], epoch, sizeof(epoch));
	for (size_t i = 0; i < 4; i++)
		memcpy(&descriptor[DESCRIPTOR_DATES + i * DESCRIPTOR_DATE_SIZE], no_date,
		       DESCRIPTOR_DATE_SIZE);
	for (; at < end && at + SECTOR_SIZE <= size; at += SECTOR_SIZE)
		fix_directory(&image[at]);
}

void iso_times_fix(char *image, size_t size)
{
	size_t at = DESCRIPTOR_FIRST * SECTOR_SIZE;

	for (; at + 2 * SECTOR_SIZE <= size; at += SECTOR_SIZE) {
		unsigned char type = (unsigned char)image[at];

		if (type == DESCRIPTOR_PRIMARY || type == DESCRIPTOR_SUPPLEMENTARY)
			fix_descriptor(image, size, &image[at]);
		if (type != DESCRIPTOR_LAST)
			continue;
		/* Behind the last one libarchive leaves a note of when and how it wrote. */
		memset(&image[at + SECTOR_SIZE], 0, SECTOR_SIZE);
		return;
	}
}
