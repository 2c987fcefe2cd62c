// SPDX-License-Identifier: Apache-2.0
/* Blocks and their options; see pcapng.h. All lengths are padded to four bytes. */
#include "pcapng.h"

#include <string.h>

#define SECTION     0x0a0d0d0au
#define INTERFACE   1u
#define NAMES       4u
#define STATISTICS  5u
#define ENHANCED    6u
#define LINK_ETHER  1u
#define BLOCK_FRAME 12u /* type, and the length at both ends */

/* Options' codes; the first two mean the same in every block. */
#define OPT_END         0
#define OPT_COMMENT     1
#define SHB_USERAPPL    4
#define IF_NAME         2
#define IF_DESCRIPTION  3
#define IF_MACADDR      6
#define IF_TSRESOL      9
#define EPB_FLAGS       2
#define ISB_IFRECV      4
#define ISB_IFDROP      5
#define FLAG_INBOUND    1u
#define FLAG_OUTBOUND   2u
#define NANOSECONDS     9
#define OPTION_TEXT_MAX 1024

/* Records of names. */
#define NAME_IPV4      1
#define NAME_IPV6      2
#define NAME_HEAD      4 /* type and length */
#define NAME_BYTES_MAX 512

struct option {
	uint16_t code;
	const void *value;
	size_t len;
};

static size_t padded(size_t len)
{
	return (len + 3) & ~(size_t)3;
}

static void put(FILE *file, const void *bytes, size_t len)
{
	static const uint8_t zeroes[4];

	fwrite(bytes, 1, len, file);
	fwrite(zeroes, 1, padded(len) - len, file);
}

static void put32(FILE *file, uint32_t value)
{
	fwrite(&value, sizeof(value), 1, file);
}

static struct option text_option(uint16_t code, const char *text)
{
	return (struct option){code, text, text ? strnlen(text, OPTION_TEXT_MAX) : 0};
}

static size_t options_len(const struct option *options, size_t n)
{
	size_t len = 4; /* the end */

	for (size_t i = 0; i < n; i++)
		if (options[i].value)
			len += 4 + padded(options[i].len);
	return len;
}

static void put_option(FILE *file, uint16_t code, const void *value, size_t len)
{
	const uint16_t head[] = {code, (uint16_t)len};

	fwrite(head, sizeof(head), 1, file);
	put(file, value, len);
}

/* A block of a fixed part, data (may be NULL), and those options that have a value. */
static void put_block(FILE *file, uint32_t type, const void *fixed, size_t fixed_len,
		      const void *data, size_t data_len, const struct option *options, size_t n)
{
	uint32_t len =
		(uint32_t)(BLOCK_FRAME + fixed_len + padded(data_len) + options_len(options, n));

	put32(file, type);
	put32(file, len);
	put(file, fixed, fixed_len);
	if (data_len)
		put(file, data, data_len);
	for (size_t i = 0; i < n; i++)
		if (options[i].value)
			put_option(file, options[i].code, options[i].value, options[i].len);
	put_option(file, OPT_END, "", 0);
	put32(file, len);
}

void pcapng_begin(FILE *file, const struct pcapng_interface *interface)
{
	static const uint8_t resolution = NANOSECONDS;
	/* magic, version 1.0, length of the section: unknown */
	static const uint32_t section[] = {0x1a2b3c4d, 1, 0xffffffff, 0xffffffff};
	const uint32_t fixed[] = {LINK_ETHER, interface->snaplen};
	const struct option program = text_option(SHB_USERAPPL, interface->program);
	const struct option options[] = {
		text_option(IF_NAME, interface->name),
		text_option(IF_DESCRIPTION, interface->description),
		{IF_MACADDR, interface->mac, sizeof(interface->mac)},
		{IF_TSRESOL, &resolution, sizeof(resolution)},
	};

	put_block(file, SECTION, section, sizeof(section), NULL, 0, &program, 1);
	put_block(file, INTERFACE, fixed, sizeof(fixed), NULL, 0, options,
		  sizeof(options) / sizeof(*options));
}

void pcapng_packet(FILE *file, const struct pcapng_packet *packet)
{
	const uint32_t flags = packet->inbound ? FLAG_INBOUND : FLAG_OUTBOUND;
	const uint32_t fixed[] = {0, (uint32_t)(packet->time_ns >> 32), (uint32_t)packet->time_ns,
				  packet->captured, packet->len};
	const struct option options[] = {
		{EPB_FLAGS, &flags, sizeof(flags)},
		text_option(OPT_COMMENT, packet->comment),
	};

	put_block(file, ENHANCED, fixed, sizeof(fixed), packet->bytes, packet->captured, options,
		  2);
}

/* One record: the address and the name with its NUL, and the end of records. */
void pcapng_name(FILE *file, const struct bl_addr *addr, const char *name)
{
	bool is_v4 = bl_addr_is_v4(addr);
	size_t addr_len = is_v4 ? 4 : sizeof(addr->bytes), name_len = strlen(name) + 1;
	struct {
		uint16_t type, len;
		uint8_t value[NAME_BYTES_MAX + sizeof(addr->bytes)];
	} record = {.type = is_v4 ? NAME_IPV4 : NAME_IPV6};
	static const uint32_t end = 0;

	if (name_len > NAME_BYTES_MAX)
		return;
	record.len = (uint16_t)(addr_len + name_len);
	memcpy(record.value, addr->bytes + sizeof(addr->bytes) - addr_len, addr_len);
	memcpy(record.value + addr_len, name, name_len);
	put_block(file, NAMES, &record, NAME_HEAD + padded(record.len), &end, sizeof(end), NULL, 0);
}

void pcapng_end(FILE *file, uint64_t time_ns, uint64_t n_received, uint64_t n_lost)
{
	const uint32_t fixed[] = {0, (uint32_t)(time_ns >> 32), (uint32_t)time_ns};
	const struct option options[] = {
		{ISB_IFRECV, &n_received, sizeof(n_received)},
		{ISB_IFDROP, &n_lost, sizeof(n_lost)},
	};

	put_block(file, STATISTICS, fixed, sizeof(fixed), NULL, 0, options, 2);
}
